"""What a definition names, found within its tenant; and what of it is not there (any more)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from lists.models import ContactField, List, Tag
from lists.segments import mail
from lists.segments.language import SUBJECTS, Condition, Definition, Takes, operators_of
from lists.segments.mail import MailedCampaign
from lists.segments.reading import conditions
from tenants.models import Tenant

_GONE = {
    Takes.LIST: "Its list was deleted.",
    Takes.TAG: "Its tag was deleted.",
    Takes.CAMPAIGN: "Its campaign was deleted.",
}


@dataclass(frozen=True)
class Broken:
    """A condition that cannot be answered, and why."""

    group: int
    condition: int
    why: str

    def __str__(self) -> str:
        return f"Group {self.group}, condition {self.condition}: {self.why}"


@dataclass(frozen=True)
class Names:
    """The lists, tags, fields and campaigns of one tenant that definitions may name.

    Keys are public ids, and for fields (kind, key); the values key and name, for fields the label.
    """

    tenant_id: int
    lists: dict[str, tuple[int, str]] = field(default_factory=dict)
    tags: dict[str, tuple[int, str]] = field(default_factory=dict)
    fields: dict[tuple[str, str], str] = field(default_factory=dict)
    campaigns: dict[str, MailedCampaign] = field(default_factory=dict)
    unfolded: tuple[int, ...] = ()

    def key(self, takes: Takes, public_id: str) -> int:
        """The primary key of a list, a tag or a campaign's batch. Raises KeyError."""
        if takes is Takes.CAMPAIGN:
            return self.campaigns[public_id].key
        return (self.lists if takes is Takes.LIST else self.tags)[public_id][0]

    def name(self, takes: Takes, public_id: str) -> str:
        """The name of a list, a tag or a campaign. Raises KeyError."""
        if takes is Takes.CAMPAIGN:
            return self.campaigns[public_id].name
        return (self.lists if takes is Takes.LIST else self.tags)[public_id][1]

    def subject(self, condition: Condition) -> str:
        """What the condition is about: a field's label, or its name in the builder."""
        if condition.field is None:
            return SUBJECTS[condition.what][0]
        return self.fields.get(condition.field, condition.field[1])

    def broken(self, definition: Definition) -> list[Broken]:
        """The conditions that name what is not there: deleted, or never of this tenant."""
        found = []
        for group, number, condition in conditions(definition):
            if why := self._why_broken(condition):
                found.append(Broken(group, number, why))
        return found

    def _why_broken(self, condition: Condition) -> str:
        if condition.field is not None and condition.field not in self.fields:
            return f"The field {condition.field[1]} was deleted."
        takes = operators_of(condition.what)[condition.op].takes
        for kind, value in zip(takes, condition.values, strict=True):
            if kind in _GONE:
                try:
                    self.key(kind, str(value))
                except KeyError:
                    return _GONE[kind]
                if kind is Takes.CAMPAIGN and self.campaigns[str(value)].lost:
                    return self.campaigns[str(value)].lost
        return ""


def names_for(tenant: Tenant, definitions: Iterable[Definition]) -> Names:
    """All lists, tags and fields of the tenant, and those of its campaigns that are named here."""
    history = mail.history()
    wanted = {
        UUID(str(condition.values[0]))
        for definition in definitions
        for _, _, condition in conditions(definition)
        if condition.op in ("campaign", "not_campaign")
    }
    found = history.campaigns(tenant, wanted) if history and wanted else []
    return Names(
        tenant.pk,
        lists=_named(List, tenant),
        tags=_named(Tag, tenant),
        fields={
            (kind, key): label
            for kind, key, label in ContactField.objects.for_tenant(tenant).values_list(
                "kind", "key", "label"
            )
        },
        campaigns={one.public_id: one for one in found},
        unfolded=tuple(history.unfolded(tenant)) if history else (),
    )


def _named(model: type[List] | type[Tag], tenant: Tenant) -> dict[str, tuple[int, str]]:
    rows = model.objects.for_tenant(tenant).values_list("public_id", "pk", "name")
    return {str(public_id): (pk, name) for public_id, pk, name in rows}

"""Tags, and who has them."""

from collections.abc import Iterable, Sequence

from django.db import transaction

from lists.errors import TagRefused
from lists.models import Contact, ContactTag, Tag
from lists.services import consent
from lists.services.naming import name_of_its_own
from lists.services.segments import refuse_if_used
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit

LENGTH = 60


def save_tag(
    *,
    tenant: Tenant,
    name: str,
    tag: Tag | None = None,
    actor: User | None = None,
    request: HasMeta | None = None,
) -> Tag:
    """Makes a tag, or renames `tag`. Raises TagRefused for a name that is taken or is none."""
    saved = tag or Tag(tenant=tenant)
    before, saved.name = saved.name, tag_name(name)
    taken = TagRefused(f"There is a tag {saved.name} already. Choose another name.")
    with name_of_its_own(taken):
        saved.save()
        audit.record(
            tenant=tenant,
            actor=actor,
            action="tag.renamed" if tag else "tag.created",
            target=saved.name,
            detail={"before": before} if tag else {},
            request=request,
        )
    return saved


@transaction.atomic
def delete_tag(*, tag: Tag, actor: User | None = None, request: HasMeta | None = None) -> int:
    """Takes the tag from everybody and deletes it; how many had it. The contacts stay.

    Raises InUse while a segment names it.
    """
    # Whoever gives the tag to many at once holds its row meanwhile, so that nobody keeps it.
    Tag.unscoped.select_for_update().get(pk=tag.pk)
    refuse_if_used(tag)
    taken, _ = ContactTag.unscoped.filter(tag=tag).delete()
    audit.record(
        tenant=tag.tenant,
        actor=actor,
        action="tag.deleted",
        target=tag.name,
        detail={"contacts": taken},
        request=request,
    )
    tag.delete()
    return taken


def ensure_tags(*, tenant: Tenant, names: Iterable[str]) -> list[Tag]:
    """The tags of these names, made where they are not there yet. Raises TagRefused."""
    wanted: dict[str, str] = {}
    for name in map(tag_name, names):
        wanted.setdefault(name.lower(), name)
    Tag.unscoped.bulk_create(
        (Tag(tenant=tenant, name=name) for name in wanted.values()), ignore_conflicts=True
    )
    return [tag for tag in Tag.objects.for_tenant(tenant) if tag.name.lower() in wanted]


@transaction.atomic
def set_tags(*, contact: Contact, tags: Sequence[Tag]) -> None:
    """Gives the contact exactly these tags, all of its own tenant."""
    ContactTag.unscoped.filter(contact=consent.locked(contact)).exclude(tag__in=tags).delete()
    add_tags(contact=contact, tags=tags)


def add_tags(*, contact: Contact, tags: Iterable[Tag]) -> None:
    """Gives the contact these tags, of its own tenant, beside those that it has."""
    ContactTag.unscoped.bulk_create(
        (ContactTag(tenant_id=contact.tenant_id, contact=contact, tag=tag) for tag in tags),
        ignore_conflicts=True,
    )


def tag_name(name: str) -> str:
    """A tag's name as it is kept. Raises TagRefused for what is none."""
    name = " ".join(name.split())
    if not name or len(name) > LENGTH or "\0" in name or "," in name:
        raise TagRefused(
            f"A tag is a word or a few, of at most {LENGTH} characters and without a comma."
        )
    return name

"""Sign-up forms, what they ask, and what came of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from lists.models import ContactField, FieldKind, FormDay, List, SignupForm
from lists.signup_fields import NAMES, Asked
from tenants.models import Tenant

REFUSALS = {
    "refused_captcha": "Captcha",
    "refused_trap": "Trap field filled in",
    "refused_quick": "Too quick",
    "refused_rate": "Too many",
    "refused_address": "Bad address",
}


def forms_of(tenant: Tenant) -> QuerySet[SignupForm]:
    """The tenant's forms by name, with `views`, `submits` and `confirmed` since they were made."""
    totals = {name: Coalesce(Sum(f"days__{name}"), 0) for name in ("views", "submits", "confirmed")}
    forms: QuerySet[SignupForm] = (
        SignupForm.objects.for_tenant(tenant)
        .prefetch_related("lists")
        .annotate(**totals)
        .order_by("name", "pk")
    )
    return forms


def open_form(public_id: UUID) -> SignupForm | None:
    """The form with this id, if it takes sign-ups. Whoever knows the address may use it."""
    return (
        SignupForm.unscoped.select_related("tenant")
        .filter(public_id=public_id, is_active=True)
        .first()
    )


def asked_by(form: SignupForm) -> list[Asked]:
    """What the form asks, in order; without fields that the workspace has no more."""
    own = [row["key"] for row in form.fields if row["key"] not in NAMES]
    kinds: dict[str, str] = dict.fromkeys(NAMES, FieldKind.STRING)
    if own:
        fields = ContactField.objects.for_tenant(form.tenant).filter(key__in=own)
        kinds |= dict(fields.values_list("key", "kind"))
    return [
        Asked(row["key"], row["label"], row["required"], FieldKind(kinds[row["key"]]))
        for row in form.fields
        if row["key"] in kinds
    ]


@dataclass(frozen=True)
class Offer:
    """What a visitor is asked, and the lists by name; `ticked` are chosen at first."""

    asked: Sequence[Asked]
    lists: Sequence[List]
    ticked: frozenset[UUID] = frozenset()


def offer_of(form: SignupForm) -> Offer:
    """What a stored form offers."""
    ticked = form.ticked_lists.values_list("public_id", flat=True) if form.visitor_chooses else ()
    return Offer(asked_by(form), list(form.lists.order_by("name")), frozenset(ticked))


@dataclass(frozen=True)
class FormHistory:
    """The days of a chart, oldest first, each day there even if nothing came; and their sums."""

    days: Sequence[FormDay]

    def total(self, name: str) -> int:
        return sum(getattr(day, name) for day in self.days)

    @property
    def refusals(self) -> list[tuple[str, int]]:
        """What was refused, in words and how often; only what happened."""
        totals = [(words, self.total(name)) for name, words in REFUSALS.items()]
        return [(words, count) for words, count in totals if count]


def history(form: SignupForm, *, today: date, days: int = 30) -> FormHistory:
    """What came of the form on each of the last days, today among them."""
    first = today - timedelta(days=days - 1)
    stored = FormDay.objects.for_tenant(form.tenant).filter(form=form, day__gte=first)
    found = {one.day: one for one in stored}
    every = (first + timedelta(days=number) for number in range(days))
    return FormHistory([found.get(day) or FormDay(day=day) for day in every])

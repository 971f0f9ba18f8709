"""Making and changing sign-up forms."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from lists.models import List, SignupForm
from lists.services.tags import ensure_tags
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services import audit


@dataclass(frozen=True)
class FormGoal:
    """What a sign-up leads to: lists, those of them that are ticked at first, tags by name."""

    lists: Iterable[List]
    ticked: Iterable[List] = ()
    tags: Iterable[str] = ()


@transaction.atomic
def save_form(
    *, form: SignupForm, goal: FormGoal, actor: User | None = None, request: HasMeta | None = None
) -> SignupForm:
    """Stores a new or changed form of its tenant, with what it leads to. Raises TagRefused."""
    new = form.pk is None
    form.save()
    form.lists.set(goal.lists)
    form.ticked_lists.set(goal.ticked)
    tags = ensure_tags(tenant=form.tenant, names=goal.tags)
    form.tags.set(tags)
    audit.record(
        tenant=form.tenant,
        action="form.created" if new else "form.changed",
        actor=actor,
        target=form.name,
        detail={
            "captcha": form.captcha,
            "lists": sorted(one.name for one in goal.lists),
            "tags": sorted(one.name for one in tags),
            "asks": [one["key"] for one in form.fields],
            "allowed_origins": form.allowed_origins,
            "success_url": form.success_url,
        },
        request=request,
    )
    return form


@transaction.atomic
def switch_form(
    *, form: SignupForm, on: bool, actor: User | None = None, request: HasMeta | None = None
) -> SignupForm:
    """Opens or closes the form. A closed one is a 404 to the public; confirmations still work."""
    form.is_active = on
    form.save(update_fields=["is_active"])
    audit.record(
        tenant=form.tenant,
        action="form.switched_on" if on else "form.switched_off",
        actor=actor,
        target=form.name,
        request=request,
    )
    return form

"""Making and changing sign-up forms."""

from collections.abc import Iterable

from django.db import transaction

from lists.models import List, SignupForm
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services import audit


@transaction.atomic
def save_form(
    *, form: SignupForm, lists: Iterable[List], actor: User, request: HasMeta | None = None
) -> SignupForm:
    """Stores a new or changed form of its tenant, with the lists that it signs up to."""
    new = form.pk is None
    form.save()
    form.lists.set(lists)
    audit.record(
        tenant=form.tenant,
        action="form.created" if new else "form.changed",
        actor=actor,
        target=form.name,
        detail={"captcha": form.captcha, "lists": sorted(one.name for one in lists)},
        request=request,
    )
    return form


@transaction.atomic
def switch_form(
    *, form: SignupForm, on: bool, actor: User, request: HasMeta | None = None
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

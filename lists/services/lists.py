"""Writes to lists."""

from django.db import connection, transaction
from django.urls import reverse

from lists.errors import ListInUse, ListNameTaken
from lists.models import List, SignupForm
from lists.selectors import segments
from lists.services.naming import name_of_its_own
from lists.signals import Use
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit


def save_list(
    *,
    tenant: Tenant,
    name: str,
    description: str = "",
    is_public: bool = True,
    double_opt_in: bool = True,
    list_: List | None = None,
    actor: User | None = None,
    request: HasMeta | None = None,
) -> List:
    """Makes a list, or changes `list_`. Raises ListNameTaken."""
    is_new = list_ is None
    saved = list_ or List(tenant=tenant)
    saved.name = name.strip()
    saved.description = description.strip()
    saved.is_public = is_public
    saved.double_opt_in = double_opt_in
    action = "list.created" if is_new else "list.changed"
    with name_of_its_own(ListNameTaken(name)):
        saved.save()
        audit.record(tenant=tenant, actor=actor, action=action, target=saved.name, request=request)
    return saved


@transaction.atomic
def save_confirmation_mail(
    *, list_: List, subject: str, html: str, actor: User, request: HasMeta | None = None
) -> List:
    """Gives the list a mail of its own that asks to confirm a sign-up; with "", ours.

    The caller has checked that it can be sent (preferences.mails.check).
    """
    list_.confirm_subject, list_.confirm_html = subject, html
    list_.save(update_fields=["confirm_subject", "confirm_html"])
    audit.record(
        tenant=list_.tenant,
        actor=actor,
        action="list.confirmation_mail_changed",
        target=list_.name,
        request=request,
    )
    return list_


def uses_of(list_: List) -> list[Use]:
    """What would lose the list if it were deleted: forms, segments, and what the apps above say."""
    slug = list_.tenant.slug
    forms = SignupForm.objects.for_tenant(list_.tenant).filter(lists=list_).order_by("name")
    own = [
        Use("Form", form.name, reverse("lists:form", args=[slug, form.public_id])) for form in forms
    ]
    own += [
        Use("Segment", one.name, reverse("lists:segment", args=[slug, one.public_id]), blocks=True)
        for one in segments.segments_with(list_)
    ]
    return own + segments.uses_of(list_)


@transaction.atomic
def delete_list(*, list_: List, actor: User | None = None, request: HasMeta | None = None) -> int:
    """Deletes the list and its places; how many there were. The contacts stay, and so does the
    proof of what they agreed to. Raises ListInUse.

    Links in old mails go on working: they unsubscribe from what is left. A million places take
    some seconds.
    """
    # Whoever adds a place waits for us here, and then finds the list gone (consent.held).
    list_ = List.unscoped.select_for_update().select_related("tenant").get(pk=list_.pk)
    blocking = [f"{use.kind} {use.name}" for use in uses_of(list_) if use.blocks]
    if blocking:
        raise ListInUse(", ".join(blocking))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM lists_subscription WHERE list_id = %s", [list_.pk])
        places = int(cursor.rowcount)
    audit.record(
        tenant=list_.tenant,
        actor=actor,
        action="list.deleted",
        target=list_.name,
        detail={"places": places},
        request=request,
    )
    list_.delete()
    return places

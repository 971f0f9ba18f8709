"""What a person may ask of those who keep their data: a file of it, and to be erased."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from lists.selectors.person import known_of
from lists.services.erasure import erase_contact
from lists.views.lookup import contact_of
from tenants.permissions import requires
from tenants.services import audit


@require_POST
@requires("contacts.edit")
def contact_export(request: Any, contact_id: UUID) -> JsonResponse:
    """Everything known of the contact, as a JSON file."""
    contact = contact_of(request, contact_id)
    audit.record(
        tenant=request.tenant,
        actor=request.user,
        action="contact.exported",
        target=str(contact.public_id),
        request=request,
    )
    response = JsonResponse(
        known_of(contact), json_dumps_params={"indent": 2, "ensure_ascii": False}
    )
    response["Content-Disposition"] = f'attachment; filename="{contact.public_id}.json"'
    return response


@require_POST
@requires("contacts.edit")
def contact_erase(request: Any, contact_id: UUID) -> HttpResponse:
    """Where the address is typed as `confirmation`."""
    contact = contact_of(request, contact_id)
    if request.POST.get("confirmation", "").strip().lower() != contact.email.lower():
        messages.error(request, "Type the whole address to erase this person")
        return redirect("lists:contact", request.tenant.slug, contact.public_id)
    erase_contact(contact=contact, actor=request.user, request=request)
    messages.success(request, "This person is erased and will never be mailed again")
    return redirect("lists:contacts", request.tenant.slug)

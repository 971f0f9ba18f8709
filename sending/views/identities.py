"""Domains and addresses to send from."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST

from sending.errors import AwsRefused
from sending.forms import IdentityForm
from sending.services import identities
from sending.views.lookup import account_at, to_domain, to_page
from sending.views.page import account_page
from tenants.permissions import requires


@requires("sending.edit")
@require_POST
def add_identity(request: Any, public_id: UUID) -> HttpResponse:
    found = account_at(request, public_id)
    form = IdentityForm(request.POST)
    if form.is_valid():
        try:
            made = identities.create_identity(
                account=found, actor=request.user, request=request, **form.cleaned_data
            )
        except AwsRefused as error:
            form.add_error("name", f"{error.message} AWS said: {error.aws}")
        else:
            messages.success(request, f"{made.name} is known to SES.")
            return to_domain(made) if made.is_domain else to_page(found)
    return account_page(request, found, form, status=422)


@requires("sending.edit")
@require_POST
def check_identity(request: Any, public_id: UUID, identity_id: UUID) -> HttpResponse:
    found = account_at(request, public_id)
    identity = found.identities.filter(public_id=identity_id).first()
    if identity is None:
        raise Http404
    try:
        identities.check_identity(identity=identity)
    except AwsRefused as error:
        messages.error(request, error.message)
    return to_page(found)

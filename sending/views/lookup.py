"""Which account or domain an address names, and the page that fits it."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from sending.models import SenderIdentity, SesAccount, SesState
from sending.selectors.accounts import account_of
from sending.selectors.domains import domain_of


def account_at(request: Any, public_id: UUID) -> SesAccount:
    """The account that the address names. Raises Http404 for another tenant's."""
    try:
        return account_of(request.tenant, public_id)
    except SesAccount.DoesNotExist as error:
        raise Http404 from error


def to_page(account: SesAccount) -> HttpResponse:
    """The page that fits the account: steps until it is connected, then its state."""
    name = "sending:access" if account.state == SesState.NEW else "sending:account"
    return redirect(name, account.tenant.slug, account.public_id)


def to_permissions(account: SesAccount) -> HttpResponse:
    """The page of the account, which waits for what a worker finds out of our permissions."""
    url = reverse("sending:account", args=[account.tenant.slug, account.public_id])
    return redirect(f"{url}?looking=1")


def domain_at(request: Any, public_id: UUID) -> SenderIdentity:
    """The domain that the address names. Raises Http404 for another tenant's, and an address."""
    try:
        return domain_of(request.tenant, public_id)
    except SenderIdentity.DoesNotExist as error:
        raise Http404 from error


def to_domain(identity: SenderIdentity) -> HttpResponse:
    return redirect("domains:domain", identity.tenant.slug, identity.public_id)

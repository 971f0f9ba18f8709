"""In the dashboard: the mail that asks to confirm a sign-up to a list."""

from typing import Any
from uuid import UUID

from csp.decorators import csp
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.models import List
from lists.services.lists import save_confirmation_mail
from preferences import mails
from preferences.forms import ConfirmationMailForm
from preferences.services import mailing
from sending.language import parse
from sending.language import render as render_liquid
from tenants.permissions import requires


def _list(request: Any, list_id: UUID) -> List:
    found: List = get_object_or_404(
        List.objects.for_tenant(request.tenant).select_related("tenant"), public_id=list_id
    )
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@requires("forms.edit")
def mail(request: Any, list_id: UUID) -> HttpResponse:
    list_ = _list(request, list_id)
    form = ConfirmationMailForm(request.POST if request.method == "POST" else None, instance=list_)
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        save_confirmation_mail(
            list_=list_,
            subject=values["confirm_subject"],
            html=values["confirm_html"],
            actor=request.user,
            request=request,
        )
        messages.success(request, "Saved")
        return redirect("confirmations:mail", request.tenant.slug, list_.public_id)
    list_.refresh_from_db()
    context = {
        "form": form,
        "list": list_,
        "starter": mails.STARTER,
        "tags": [f"{{{{ {tag} }}}}" for tag in mails.ALL_TAGS],
        "sender": mailing.test_sender(list_),
    }
    status = 422 if form.errors else 200
    return render(request, "preferences/mail.html", context, status=status)


@require_safe
@requires("forms.edit")
@xframe_options_sameorigin
@csp(  # type: ignore[arg-type]  # its stubs know only views without arguments
    {
        "default-src": ["'none'"],
        "img-src": ["https:", "http:", "data:"],
        "style-src": ["'unsafe-inline'"],
        "frame-ancestors": ["'self'"],
        "sandbox": True,
    }
)
def preview(request: Any, list_id: UUID) -> HttpResponse:
    """The saved mail as its reader sees it, alone in a sandbox: no script, no origin, no forms."""
    list_ = _list(request, list_id)
    values = mailing.sample_values(list_) | {
        "workspace": {"name": request.tenant.name, "address": request.tenant.postal_address}
    }
    html = parse(mailing.mail_of([list_]).html, html=True, part="HTML")
    return HttpResponse(render_liquid(html, values))


@require_POST
@requires("forms.edit")
def test(request: Any, list_id: UUID) -> HttpResponse:
    """Sends the saved mail to whoever asks for it."""
    list_ = _list(request, list_id)
    sender = mailing.test_sender(list_)
    if sender is None:
        messages.error(request, "No form of this list has a sender that may send. Make one first.")
    else:
        mailing.send_test(list_=list_, sender=sender, to=request.user.email)
        messages.success(request, f"A test mail is on its way to {request.user.email}")
    return redirect("confirmations:mail", request.tenant.slug, list_.public_id)

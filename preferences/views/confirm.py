"""The page behind the button of the confirmation mail."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from lists import tokens
from lists.errors import BadToken, ConfirmationExpired, SignupClosed, TooManySignups
from lists.models import Confirmation
from lists.services import optin
from preferences import languages
from preferences.selectors import is_suppressed
from preferences.services.signup import send_again
from preferences.views.pages import bad_link, page, public_page
from preferences.visitors import Visitor


@public_page()
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button, because mail scanners open every link; POST acts."""
    try:
        confirmation = _confirmation(token)
        languages.speak(request, confirmation.contact.language or confirmation.language)
        if request.method == "POST":
            return _act(request, confirmation)
    except BadToken as error:
        return bad_link(request, error)
    if confirmation.confirmed_at is not None:
        return _confirmed(request, confirmation)
    if confirmation.expires_at <= timezone.now():
        return _expired(request, confirmation)
    return page(
        request,
        "confirm",
        confirmation.tenant,
        confirmation=confirmation,
        lists=confirmation.lists.order_by("name"),
    )


def _confirmation(token: str) -> Confirmation:
    """The confirmation that the link names. Raises BadToken, also when it is gone."""
    confirmation_id, contact_id = tokens.read(tokens.Kind.CONFIRM, token)
    found = (
        Confirmation.unscoped.select_related("tenant", "contact", "form")
        .filter(pk=confirmation_id, contact_id=contact_id)
        .first()
    )
    if found is None:
        raise BadToken
    return found


def _act(request: HttpRequest, confirmation: Confirmation) -> HttpResponse:
    visitor = Visitor.of(request)
    try:
        if "again" in request.POST:
            send_again(confirmation=confirmation, visitor=visitor)
            return page(
                request,
                "check_mail",
                confirmation.tenant,
                form=confirmation.form,
                email=confirmation.contact.email,
            )
        confirmed = optin.confirm(
            confirmation_id=confirmation.pk,
            contact_id=confirmation.contact_id,
            ip=visitor.ip,
            user_agent=visitor.user_agent,
        )
    except ConfirmationExpired:
        return _expired(request, confirmation)
    except (SignupClosed, TooManySignups) as error:
        status = 429 if isinstance(error, TooManySignups) else 410
        return page(request, "closed", confirmation.tenant, status=status, text=error.message)
    return _confirmed(request, confirmed)


def _confirmed(request: HttpRequest, confirmation: Confirmation) -> HttpResponse:
    contact = confirmation.contact
    paused = contact.paused_until is not None and contact.paused_until > timezone.now()
    return page(
        request,
        "confirmed",
        confirmation.tenant,
        email=contact.email,
        lists=confirmation.lists.order_by("name"),
        paused_until=contact.paused_until if paused else None,
        suppressed=is_suppressed(contact),
        preferences=tokens.make(tokens.Kind.RECIPIENT, 0, contact.pk),
    )


def _expired(request: HttpRequest, confirmation: Confirmation) -> HttpResponse:
    return page(request, "expired", confirmation.tenant, email=confirmation.contact.email)

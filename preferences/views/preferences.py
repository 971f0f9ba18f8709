"""The preference page: per list, and everything at once."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format

from lists.errors import BadToken
from lists.models import Contact, List, Source
from lists.services import preferences as service
from preferences import links, selectors
from preferences.forms import PAUSES, PauseForm
from preferences.services.leaving import leave
from preferences.views.pages import bad_link, nobody, page, public_page
from preferences.visitors import Visitor


class _Unclear(Exception):
    """What was posted is none of the page's buttons, or names a list that is gone."""


@public_page()
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the choices; POST does one of them and shows the page again with the result."""
    try:
        link = links.read(token)
    except BadToken as error:
        return bad_link(request, error)
    if link.contact is None:
        return nobody(request, is_test=link.is_test)
    done = problem = ""
    status = 200
    if request.method == "POST":
        try:
            done = _act(request, link, link.contact)
        except service.BadPause as error:
            problem, status = error.message, 422
        except _Unclear:
            problem, status = "That could not be done. Choose again from what is here now.", 422
        link.contact.refresh_from_db()
    return _show(request, link.contact, status=status, done=done, problem=problem)


def _show(request: HttpRequest, contact: Contact, **context: Any) -> HttpResponse:
    now = timezone.now()
    paused = contact.paused_until is not None and contact.paused_until > now
    return page(
        request,
        "preferences",
        contact.tenant,
        contact=contact,
        places=selectors.places(contact),
        suppressed=selectors.is_suppressed(contact),
        paused_until=contact.paused_until if paused else None,
        pauses=PAUSES,
        tomorrow=timezone.localdate(now + timedelta(days=1)),
        last_day=timezone.localdate(now + service.LONGEST_PAUSE),
        **context,
    )


def _act(request: HttpRequest, link: links.Link, contact: Contact) -> str:
    """Does what the button says. The sentence that tells so. Raises _Unclear or BadPause."""
    visitor = Visitor.of(request)
    who: dict[str, Any] = {"contact": contact, "ip": visitor.ip, "user_agent": visitor.user_agent}
    one = _list(request, contact)
    match request.POST.get("act"):
        case "unsubscribe":
            lists = [one] if one else None
            leave(link=link, lists=lists, source=Source.PREFERENCES, visitor=visitor)
            return f"You are unsubscribed from {one or 'everything'}."
        case "subscribe" if one:
            service.resubscribe(lists=[one], **who)
            return f"You are subscribed to {one}."
        case "pause":
            return _pause(request, one, who)
        case "resume":
            service.resume(only=one, **who)
            return f"The pause of {one or 'all mail'} has ended."
    raise _Unclear


def _pause(request: HttpRequest, one: List | None, who: dict[str, Any]) -> str:
    zone = ZoneInfo(who["contact"].tenant.timezone)
    form = PauseForm(request.POST)
    until = form.until_moment(zone) if form.is_valid() else None
    if until is None:
        said = [str(error) for error in form.errors.get("until", [])]
        raise service.BadPause(" ".join(said) or "Choose how long the pause is to last.")
    service.pause(only=one, until=until, **who)
    day = date_format(until.astimezone(zone), "j F Y")
    return f"{one or 'All mail'} is paused until {day}."


def _list(request: HttpRequest, contact: Contact) -> List | None:
    """The list that the button names; None when it is one for everything. Raises _Unclear."""
    wanted = request.POST.get("list")
    if not wanted:
        return None
    for place in selectors.places(contact):
        if str(place.list.public_id) == wanted:
            return place.list
    raise _Unclear

"""The preference page: per list, and everything at once."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from lists.errors import BadToken
from lists.models import Contact, LeaveReason, List, Source
from lists.services import preferences as service
from preferences import languages, links, selectors
from preferences.forms import PAUSES, PauseForm, ReasonForm
from preferences.services.leaving import leave
from preferences.views.pages import bad_link, nobody, page, public_page
from preferences.visitors import Visitor


class _Unclear(Exception):
    """What was posted is none of the page's buttons, or of a page that is no longer true."""


@public_page()
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the choices; POST does one of them and shows the page again with the result."""
    try:
        link = links.read(token)
    except BadToken as error:
        return bad_link(request, error)
    contact = link.contact
    if contact is None:
        return nobody(request, is_test=link.is_test)
    languages.speak(request, contact.language)
    if request.method != "POST":
        return _show(request, contact, token)
    asked_at = timezone.now()
    done = problem = ""
    status = 200
    try:
        done = _act(request, link, contact)
    except service.BadPause as error:
        problem, status = error.message, 422
    except _Unclear:
        problem, status = _("That could not be done. Choose again from what is here now."), 422
    if done and (language := languages.chosen(request)):
        service.keep_language(contact=contact, language=language)
    contact.refresh_from_db()
    shown = {"done": done, "problem": problem, "left": selectors.left_since(contact, asked_at)}
    return _show(request, contact, token, status=status, **shown)


def _show(request: HttpRequest, contact: Contact, token: str, **context: Any) -> HttpResponse:
    now = timezone.now()
    paused = contact.paused_until is not None and contact.paused_until > now
    return page(
        request,
        "preferences",
        contact.tenant,
        contact=contact,
        token=token,
        places=selectors.places(contact),
        suppressed=selectors.is_suppressed(contact),
        paused_until=contact.paused_until if paused else None,
        pauses=PAUSES,
        tomorrow=timezone.localdate(now + timedelta(days=1)),
        last_day=timezone.localdate(now + service.LONGEST_PAUSE),
        why=ReasonForm(),
        **context,
    )


def _act(request: HttpRequest, link: links.Link, contact: Contact) -> str:
    """Does what the button says. The sentence that tells so. Raises _Unclear or BadPause."""
    visitor = Visitor.of(request)
    who: dict[str, Any] = {"contact": contact, "ip": visitor.ip, "user_agent": visitor.user_agent}
    act = request.POST.get("act")
    if act == "reason":
        return _keep_reason(request, contact)
    one = _list(request, contact)
    match act:
        case "unsubscribe":
            lists = [one] if one else None
            leave(link=link, lists=lists, source=Source.PREFERENCES, visitor=visitor)
            if one:
                return _("You are unsubscribed from %(list)s.") % {"list": one}
            return _("You are unsubscribed from everything.")
        case "subscribe" if one:
            service.resubscribe(lists=[one], **who)
            return _("You are subscribed to %(list)s.") % {"list": one}
        case "pause":
            return _pause(request, one, who)
        case "resume":
            if not service.resume(only=one, **who):
                raise _Unclear
            if one:
                return _("The pause of %(list)s has ended.") % {"list": one}
            return _("The pause of all mail has ended.")
    raise _Unclear


def _pause(request: HttpRequest, one: List | None, who: dict[str, Any]) -> str:
    zone = ZoneInfo(who["contact"].tenant.timezone)
    form = PauseForm(request.POST)
    until = form.until_moment(zone) if form.is_valid() else None
    if until is None:
        said = [str(error) for error in form.errors.get("until", [])]
        raise service.BadPause(" ".join(said) or _("Choose how long the pause is to last."))
    if not service.pause(only=one, until=until, **who):
        raise _Unclear
    day = date_format(until.astimezone(zone), "DATE_FORMAT")
    if one:
        return _("%(list)s is paused until %(day)s.") % {"list": one, "day": day}
    return _("All mail is paused until %(day)s.") % {"day": day}


def _keep_reason(request: HttpRequest, contact: Contact) -> str:
    form = ReasonForm(request.POST)
    if not form.is_valid():
        raise _Unclear
    named = set(request.POST.getlist("list"))
    lists = [one.list for one in selectors.places(contact) if str(one.list.public_id) in named]
    kept = service.give_reason(
        contact=contact,
        lists=lists,
        reason=LeaveReason.Reason(form.cleaned_data["reason"]),
        text=form.cleaned_data["text"],
    )
    if not kept:
        raise _Unclear
    return _("Thank you for telling us.")


def _list(request: HttpRequest, contact: Contact) -> List | None:
    """The list that the button names; None when it is one for everything. Raises _Unclear."""
    wanted = request.POST.get("list")
    if not wanted:
        return None
    for place in selectors.places(contact):
        if str(place.list.public_id) == wanted:
            return place.list
    raise _Unclear

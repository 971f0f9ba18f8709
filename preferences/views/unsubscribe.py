"""One-click unsubscribe (RFC 8058) and the page behind the visible link."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from lists.errors import BadToken
from lists.models import Source
from preferences import languages, links, selectors
from preferences.forms import ReasonForm
from preferences.services.leaving import leave
from preferences.views.pages import bad_link, nobody, page, public_page
from preferences.visitors import Visitor


@public_page()
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button, because mail scanners open every link; POST acts.

    A mail program posts `List-Unsubscribe=One-Click`, form-encoded or multipart, and nothing
    else: no cookie, no agent, no second try. It is answered 200 without a redirect (RFC 8058,
    section 3.2), and as often as it likes. The page's own button posts `from`, a field that a
    scanner which posts empty forms does not send.
    """
    try:
        link = links.read(token)
    except BadToken as error:
        return bad_link(request, error)
    if link.contact is None:
        return nobody(request, is_test=link.is_test)
    contact, lists = link.contact, link.lists
    languages.speak(request, contact.language)
    one_click = request.POST.get("List-Unsubscribe", "").strip() == "One-Click"
    chosen = request.POST.get("from")
    if not one_click and chosen not in ("lists", "everything"):
        return page(
            request, "unsubscribe", contact.tenant, contact=contact, lists=lists, token=token
        )
    if chosen == "everything":
        lists = ()
    asked_at = timezone.now()
    leave(
        link=link,
        lists=lists or None,
        source=Source.ONE_CLICK if one_click else Source.PREFERENCES,
        visitor=Visitor.of(request),
    )
    return page(
        request,
        "unsubscribed",
        contact.tenant,
        contact=contact,
        lists=lists,
        token=token,
        left=selectors.left_since(contact, asked_at),
        why=ReasonForm(),
    )

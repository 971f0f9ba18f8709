"""What every public page has in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from lists.errors import BadToken
from preferences import languages
from tenants.models import Tenant

PageView = Callable[..., HttpResponse]
MAX_BODY = 64 * 1024  # bytes; nobody types more, and nothing of it is read


def public_page(*, referrer: bool = False) -> Callable[[PageView], PageView]:
    """A page without login and cookie, kept out of search engines and caches.

    CSRF protection would need a cookie and protects a logged-in session, of which there is none:
    the signed token in the address, or the captcha and the stamp of a sign-up form, are the
    authorisation. The address is a secret, so links on the page do not pass it on. The page speaks
    the browser's language until the view knows better: languages.speak().
    """

    def decorate(view: PageView) -> PageView:
        @csrf_exempt
        @never_cache
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with translation.override(languages.language_of(request)):
                response = _too_large(request) or view(request, *args, **kwargs)
            response["X-Robots-Tag"] = "noindex, nofollow"
            if not referrer:
                response["Referrer-Policy"] = "no-referrer"
            return response

        return wrapped

    return decorate


def _too_large(request: HttpRequest) -> HttpResponse | None:
    if int(request.META.get("CONTENT_LENGTH") or 0) <= MAX_BODY:
        return None
    text = _("What was sent is larger than anything that this page asks for.")
    return page(request, "not_found", _NOBODY, status=413, title=_("This is too much"), text=text)


def page(
    request: HttpRequest, name: str, tenant: Tenant, *, status: int = 200, **context: Any
) -> HttpResponse:
    """templates/public/<name>.html in the tenant's look and time zone, in the reader's language."""
    with timezone.override(tenant.timezone):
        return render(
            request, f"public/{name}.html", _look(request, tenant) | context, status=status
        )


def _look(request: HttpRequest, tenant: Tenant) -> dict[str, Any]:
    """What base_public.html needs. `language_query` goes behind links to other public pages."""
    asked = languages.chosen(request)
    return {
        "tenant": tenant,
        "colour_url": reverse("public:colour", args=[tenant.colour[1:]]) if tenant.colour else "",
        "languages": languages.OFFERED.items(),
        "language_query": f"?lang={asked}" if asked else "",
    }


def not_found(request: HttpRequest, *, title: str, text: str) -> HttpResponse:
    """The same page for everything that is not there, so that nothing can be told from it."""
    context = {"title": title, "text": text}
    return page(request, "not_found", _NOBODY, status=404, **context)


def bad_link(request: HttpRequest, error: Exception) -> HttpResponse:
    """What a cut-off or forged link gets."""
    return not_found(request, title=_("This link does not work"), text=str(error))


@public_page()
def too_long(request: HttpRequest) -> HttpResponse:
    return bad_link(request, BadToken())


def nobody(request: HttpRequest, *, is_test: bool) -> HttpResponse:
    """A working link that names nobody: of a test mail, or of somebody erased since."""
    return page(request, "nobody", _NOBODY, is_test=is_test)


# Whose page it is when the link tells of no workspace.
_NOBODY = Tenant(name="Bluefox")

"""In which language a public page speaks. No cookie: what the reader chose is in the address."""

from typing import Any, Protocol

from django.conf import settings
from django.utils import translation
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from tenants.clients import HasMeta

OFFERED = dict(settings.LANGUAGES)


class Request(HasMeta, Protocol):
    """What of a request says in which language to answer it."""

    GET: Any


def chosen(request: Request) -> str:
    """The language that the reader chose on the page; "" when there is none that we offer."""
    asked = str(request.GET.get("lang", ""))
    return asked if asked in OFFERED else ""


def browsers(request: Request) -> str:
    """The first language of Accept-Language that we offer, or ""."""
    for wanted, _ in parse_accept_lang_header(str(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))):
        if wanted == "*":
            return ""
        try:
            return get_supported_language_variant(wanted)
        except LookupError:
            continue
    return ""


def language_of(request: Request, contacts: str = "") -> str:
    """The one chosen in the address, else the one kept with the contact, else the browser's, else
    English."""
    kept = contacts if contacts in OFFERED else ""
    return chosen(request) or kept or browsers(request) or settings.LANGUAGE_CODE


def speak(request: Request, contacts: str) -> None:
    """From here on the page speaks the language of this contact, as far as the reader lets it.

    preferences.views.pages.public_page() ends it with the request.
    """
    translation.activate(language_of(request, contacts))

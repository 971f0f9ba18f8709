"""Which sites may show a form on their own pages (CORS, https://fetch.spec.whatwg.org/)."""

from django.conf import settings

from lists.models import SignupForm


def may_use(form: SignupForm, origin: str) -> bool:
    """Whether a page of this origin may use the form. "" is a program, or our own page's GET."""
    return origin in ("", settings.SITE_URL) or origin in form.allowed_origins


def headers(form: SignupForm, origin: str) -> dict[str, str]:
    """What an answer to a page of this origin carries, so that its script may read it."""
    if origin not in form.allowed_origins:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin}


def preflight(form: SignupForm, origin: str) -> dict[str, str]:
    """The answer to a browser that asks before it posts JSON for a page of this origin."""
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": "3600",
    }
    return headers(form, origin) | (allowed if origin in form.allowed_origins else {})

"""The guides: public, the same for everybody."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from readiness.guides import guide_of, guides

# Nothing is posted from here: without a token a stranger gets no cookie.
_NO_TOKEN = {"csrf_token": ""}


@require_safe
def index(request: Any) -> HttpResponse:
    return render(request, "readiness/guides.html", _NO_TOKEN | {"guides": guides()})


@require_safe
def guide(request: Any, name: str) -> HttpResponse:
    try:
        shown = guide_of(name)
    except KeyError as error:
        raise Http404 from error
    context: dict[str, Any] = {"guide": shown, "guides": guides()}
    return render(request, "readiness/guide.html", _NO_TOKEN | context)

"""How a view hands a request to a form."""

from typing import Any

from django.http import HttpRequest


def posted(request: HttpRequest) -> Any:
    """What was posted, even nothing at all; None where the page is only looked at."""
    return request.POST if request.method == "POST" else None

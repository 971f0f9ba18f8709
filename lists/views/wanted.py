"""The filter that the address of a page names."""

from typing import Any

from django.http import Http404

from lists.errors import FilterGone
from lists.selectors.filters import ContactFilter


def wanted_of(request: Any) -> ContactFilter:
    """Raises Http404 where it names a list, tag, segment or status that is not there."""
    query = request.GET
    given = {name: query.get(name) for name in ("q", "list", "status", "tag", "segment")}
    try:
        return ContactFilter.read(request.tenant, given | {"only": query.getlist("selected")})
    except FilterGone as gone:
        raise Http404(gone.message) from gone

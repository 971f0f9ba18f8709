"""What the views of every app are made of."""

from typing import Any, TypeVar

from django.db.models import Model
from rest_framework import generics
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from tenants.api.paging import CursorPagination

_M = TypeVar("_M", bound=Model)


class ApiView(APIView):
    """A view that refuses a parameter of the address that it does not know (422).

    `query` are those that it knows.
    """

    query: tuple[str, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = self.known_parameters()
        for name in request.query_params:
            if name not in known:
                some = f"Known parameters: {', '.join(known)}." if known else "It takes none."
                message = f"There is no parameter {name[:60]!r} here. {some}"
                raise ValidationError({name[:60]: [ErrorDetail(message, code="unknown_field")]})

    def known_parameters(self) -> tuple[str, ...]:
        return self.query


class ListView(ApiView, generics.ListAPIView[_M]):
    """Pages of rows, by limit and cursor."""

    def known_parameters(self) -> tuple[str, ...]:
        return (*self.query, "limit", "cursor") if self.request.method != "POST" else ()


class PagedView(ApiView):
    """Pages of what is no queryset, made by tenants.api.paging.page_of()."""

    pagination_class = CursorPagination  # says in openapi.yaml what the answers are

    def known_parameters(self) -> tuple[str, ...]:
        return (*self.query, "limit", "cursor")

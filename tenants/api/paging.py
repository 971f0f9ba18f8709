"""Lists: {data, has_more, next_cursor}, newest first, by keyset."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from cryptography.fernet import InvalidToken
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.fields import cipher

MAX_LIMIT = 100


def page_of(
    request: Request, kind: str, read: Callable[[str, int], tuple[Sequence[Any], str]]
) -> tuple[Sequence[Any], str | None]:
    """A page of what is no queryset, and the cursor of the next one.

    `read(after, limit)` gives at most so many rows behind `after` ("": from the first on), and what
    the next page is behind ("": there is none). A cursor opens only where the same `kind` is paged.
    Raises ValidationError.
    """
    limit = CursorPagination().get_page_size(request)
    after = ""
    if (text := request.query_params.get("cursor")) is not None:
        said, *rest = _opened(text)
        if said != kind:
            raise _no_cursor()
        (after,) = rest
    rows, following = read(after, limit)
    return rows, _closed([kind, following]) if following else None


def _opened(text: str) -> list[Any]:
    try:
        opened: list[Any] = orjson.loads(cipher().decrypt(text.encode()))
    except InvalidToken as error:
        raise _no_cursor() from error
    return opened


def _closed(cursor: list[Any]) -> str:
    return cipher().encrypt(orjson.dumps(cursor)).decode()


def _no_cursor() -> ValidationError:
    return ValidationError({"cursor": ["cursor is not the next_cursor of a page of this list."]})


def paged(data: Any, cursor: str | None) -> Response:
    """The answer with a page."""
    return Response({"data": data, "has_more": cursor is not None, "next_cursor": cursor})


class CursorPagination(pagination.CursorPagination):
    """`limit` rows a page, 50 unless told, at most 100; `cursor` goes on where a page ended.

    A limit above 100 is refused (422), never cut down in silence. The cursor is encrypted, so that
    `ordering` may be by a row's number, which would tell how much all tenants together write.
    """

    ordering: tuple[str, ...] = ("-created_at", "-pk")
    page_size = 50
    page_size_query_param = "limit"
    page_size_query_description = f"Rows a page, 1 to {MAX_LIMIT}; 50 unless told."
    cursor_query_description = "`next_cursor` of the page before."
    max_page_size = MAX_LIMIT

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("limit", str(self.page_size))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
            raise ValidationError({"limit": [f"limit is a whole number from 1 to {MAX_LIMIT}."]})
        return int(text)

    def decode_cursor(self, request: Request) -> Any:
        text = request.query_params.get("cursor")
        if text is None:
            return None
        ordering, *cursor = _opened(text)
        if ordering != list(self.ordering):
            raise _no_cursor()
        return pagination.Cursor(*cursor)

    def encode_cursor(self, cursor: Any) -> str:
        """The bare cursor, where DRF builds a whole address around it. What is in it goes into a
        query, so it opens only where rows have the same order.
        """
        return _closed([list(self.ordering), *cursor])

    def get_paginated_response(self, data: Any) -> Response:
        return paged(data, self.get_next_link())

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "has_more", "next_cursor"],
            "properties": {
                "data": schema,
                "has_more": {"type": "boolean"},
                "next_cursor": {"type": ["string", "null"]},
            },
        }

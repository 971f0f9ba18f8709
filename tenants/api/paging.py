"""Lists: {data, has_more, next_cursor}, newest first, by keyset."""

from typing import Any

import orjson
from cryptography.fernet import InvalidToken
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.fields import cipher

MAX_LIMIT = 100


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
        try:
            ordering, *cursor = orjson.loads(cipher().decrypt(text.encode()))
            if ordering != list(self.ordering):
                raise InvalidToken
        except InvalidToken as error:
            message = "cursor is not the next_cursor of a page of this list."
            raise ValidationError({"cursor": [message]}) from error
        return pagination.Cursor(*cursor)

    def encode_cursor(self, cursor: Any) -> str:
        """The bare cursor, where DRF builds a whole address around it. What is in it goes into a
        query, so it opens only where rows have the same order.
        """
        return cipher().encrypt(orjson.dumps([list(self.ordering), *cursor])).decode()

    def get_paginated_response(self, data: Any) -> Response:
        cursor = self.get_next_link()
        return Response({"data": data, "has_more": cursor is not None, "next_cursor": cursor})

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

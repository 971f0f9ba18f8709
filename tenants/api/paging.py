"""Lists: {data, has_more, next_cursor}, newest first, by keyset."""

from typing import Any

from django.core import signing
from rest_framework import pagination
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

MAX_LIMIT = 100
_SALT = "tenants.api.paging"


class CursorPagination(pagination.CursorPagination):
    """`limit` rows a page, 50 unless told, at most 100; `cursor` goes on where a page ended.

    A limit above 100 is refused (422), never cut down in silence. The cursor holds created_at
    and not the row's number, which would tell how much all tenants together write.
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
            return pagination.Cursor(*signing.loads(text, salt=_SALT))
        except signing.BadSignature as error:
            message = "cursor is not the next_cursor of a page of this list."
            raise ValidationError({"cursor": [message]}) from error

    def encode_cursor(self, cursor: Any) -> str:
        """The bare cursor, where DRF builds a whole address around it; signed, as what is in it
        goes into a query."""
        return signing.dumps(list(cursor), salt=_SALT)

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

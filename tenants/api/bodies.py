"""What a request may carry: JSON of a bounded size, and no field that is not known."""

from collections.abc import Mapping
from copy import copy
from typing import Any

import orjson
from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser

from tenants.api.errors import BodyTooLarge

MOST_LEVELS = 60


class JsonParser(BaseParser):
    """Strict JSON in UTF-8, at most `limit` bytes: DATA_UPLOAD_MAX_MEMORY_SIZE where it is None.

    orjson refuses NaN and lone surrogates. NUL, which PostgreSQL cannot keep, is refused here, and
    nesting that Python could not walk through. Raises ParseError (400) or BodyTooLarge (413).
    """

    media_type = "application/json"
    limit: int | None = None

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = self.limit or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge(f"The body is larger than {limit:,} bytes.")
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}.", code="malformed_json") from error
        if body.count(b"[") + body.count(b"{") > MOST_LEVELS and _is_too_deep(value):
            raise ParseError(
                f"The body is nested more than {MOST_LEVELS} levels deep.", code="malformed_json"
            )
        if b"\\u0000" in body and _holds_nul(value):
            raise ParseError("The body holds the character U+0000.", code="malformed_json")
        return value


def _is_too_deep(value: Any) -> bool:
    level, depth = [value], 0
    while level:
        level = [
            part
            for one in level
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, dict | list)
        ]
        depth += 1
        if depth > MOST_LEVELS:
            return True
    return False


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_holds_nul, value))


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses a field it does not know, instead of dropping it in silence."""

    def get_fields(self) -> dict[str, Any]:
        """Copies of the declared fields. Theirs are deep, which takes as long as all validation;
        but nothing that belongs to one request is kept below a field."""
        return {name: copy(field) for name, field in self._declared_fields.items()}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = {str(field.field_name) for field in self._writable_fields}
            unknown = [name for name in data if name not in writable]
            if unknown:
                raise ValidationError({name: [_unknown(name, writable)] for name in unknown})
        return super().to_internal_value(data)


def _unknown(name: str, writable: set[str]) -> ErrorDetail:
    return ErrorDetail(
        f"There is no field {name!r} here. Known fields: {', '.join(sorted(writable))}.",
        code="unknown_field",
    )

"""GET /events: what Amazon SES told of mails."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.selectors.events import FEEDBACK, EventFilter, find_events
from lists.addresses import normalise
from sending.models import EventKind, MessageEvent
from tenants.api.authentication import tenant_of
from tenants.api.paging import CursorPagination
from tenants.api.views import ListView
from tenants.models import Scope

_moment = serializers.DateTimeField()


class NewestEvents(CursorPagination):
    ordering = ("-at", "-pk")


class EventAnswer(serializers.ModelSerializer[MessageEvent]):
    """`subtype` is SES's, such as Permanent/General; of opens and clicks person or machine."""

    type = serializers.ChoiceField(choices=EventKind.choices, source="kind")
    email = serializers.UUIDField(
        source="message.extra.public_id",
        allow_null=True,
        default=None,
        help_text="The mail of POST /emails, or null.",
    )
    campaign = serializers.UUIDField(
        source="message.batch.campaign.public_id", allow_null=True, default=None
    )

    class Meta:
        model = MessageEvent
        fields = ["type", "subtype", "recipient", "diagnostic", "at", "email", "campaign"]


class Events(ListView[MessageEvent]):
    scope = Scope.EMAILS_READ
    query = ("type", "email", "recipient", "since", "until")
    serializer_class = EventAnswer
    pagination_class = NewestEvents

    def get_queryset(self) -> QuerySet[MessageEvent]:
        asked = self.request.query_params
        kind = asked.get("type", "")
        if kind and kind not in EventKind.values:
            raise _wrong("type", f"One of {', '.join(EventKind.values)}.")
        recipient, email = asked.get("recipient", ""), asked.get("email", "")
        if not (recipient or email or kind in FEEDBACK):
            raise _wrong(
                "type",
                "Say which events: those of one mail (email), of one address (recipient), or all "
                "bounces or complaints (type).",
            )
        wanted = EventFilter(
            kind=kind,
            email=_uuid(email),
            address=normalise(recipient) if recipient else None,
            since=_time("since", asked.get("since", "")),
            until=_time("until", asked.get("until", "")),
        )
        return find_events(tenant_of(self.request), wanted)

    @extend_schema(
        operation_id="list_events",
        summary="What Amazon SES told of mails",
        parameters=[
            OpenApiParameter("type", str, enum=EventKind.values),
            OpenApiParameter("email", UUID, description="Of this mail of POST /emails."),
            OpenApiParameter("recipient", str, description="Of mails to this address."),
            OpenApiParameter("since", datetime, description="From this time on, with its zone."),
            OpenApiParameter("until", datetime, description="Before this time."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first. Name a mail, an address, or the type bounce or complaint; with these, any
        other parameter.
        """
        return super().get(request, *args, **kwargs)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise _wrong("email", "This is no id of a mail.") from error


def _time(name: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        found: datetime = _moment.to_internal_value(text)
    except (serializers.ValidationError, OverflowError) as error:
        raise _wrong(name, "Write a time such as 2026-12-01T09:30:00Z.") from error
    return found


def _wrong(param: str, message: str) -> serializers.ValidationError:
    return serializers.ValidationError({param: [message]})

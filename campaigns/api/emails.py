"""Transactional mail for developers: POST /emails, GET /emails, GET /emails/{id}."""

import re
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

import orjson
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.selectors.campaigns import LATEST_WORDS, latest_word
from campaigns.services.transactional import Email, answer_once, send_email
from lists.addresses import normalise
from lists.errors import InvalidAddress
from sending.content import Content
from sending.models import EventKind, Lane, MessageData
from sending.skeleton import MAX_HEADERS
from tenants.api.authentication import tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.views import ApiView, ListView
from tenants.models import Scope

# "Amazon SES: MessageHeader", and the headers that SES or Bluefox write themselves.
_HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,870}")
_OWN_HEADERS = frozenset(
    "bcc cc content-disposition content-type date from message-id mime-version reply-to "
    "return-path sender subject to list-unsubscribe list-unsubscribe-post".split()
)
_MAX_DATA = 262_144
_MAX_KEY = 255


class MailboxField(serializers.CharField):
    """`ada@example.com` or `Ada Lovelace <ada@example.com>`; becomes (name, address)."""

    def to_internal_value(self, data: Any) -> tuple[str, str]:  # type: ignore[override]
        text = super().to_internal_value(data)
        if any(ord(character) < 32 for character in text):
            raise serializers.ValidationError("An address cannot contain line breaks.")
        name, address = parseaddr(text) if "<" in text else ("", text)
        try:
            return name, normalise(address).email
        except InvalidAddress as error:
            raise serializers.ValidationError(error.message) from error


class EmailRequest(StrictSerializer):
    """A mail to one person. Subject, html and text may hold Liquid merge tags, filled from data."""

    to = MailboxField(max_length=500)
    reply_to = MailboxField(max_length=320, required=False)
    subject = serializers.CharField(max_length=998)
    html = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    text = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    data = serializers.DictField(required=False)  # type: ignore[assignment]
    headers = serializers.DictField(child=serializers.CharField(), required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of Python's own, so it cannot be declared like the others.
        return {"from": MailboxField(max_length=500), **super().get_fields()}

    def validate_headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        if len(headers) > MAX_HEADERS:
            raise serializers.ValidationError(f"At most {MAX_HEADERS} headers are possible.")
        for name, value in headers.items():
            lowered = name.lower()
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise serializers.ValidationError(
                    f"The header {name[:60]!r} must be printable ASCII on one line, with a name "
                    "of at most 126 and a value of at most 870 characters."
                )
            if lowered in _OWN_HEADERS or lowered.startswith("x-ses-"):
                raise serializers.ValidationError(f"The header {name} cannot be set here.")
        return headers

    def validate_data(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(str(data)) > _MAX_DATA:
            raise serializers.ValidationError("The data is larger than 256 KB.")
        return data

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.get("html") and not attrs.get("text"):
            raise serializers.ValidationError({"html": "Give html, text or both."})
        return attrs


class EmailAccepted(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["queued", "skipped"])
    reason = serializers.CharField(help_text="Why nothing is sent, or empty.")


class EmailEvent(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=EventKind.choices, source="kind")
    subtype = serializers.CharField()
    recipient = serializers.CharField()
    diagnostic = serializers.CharField()
    at = serializers.DateTimeField()


class EmailStatus(serializers.ModelSerializer[MessageData]):
    """Where a mail is now. `status` is the latest that is known."""

    id = serializers.UUIDField(source="public_id")
    to = serializers.CharField(source="message.email")
    subject = serializers.CharField(source="message.batch.subject")
    status = serializers.SerializerMethodField()
    reason = serializers.CharField(source="message.reason")
    sent_at = serializers.DateTimeField(source="message.sent_at", allow_null=True)
    ses_message_id = serializers.CharField(source="message.ses_message_id")

    class Meta:
        model = MessageData
        fields = ["id", "to", "subject", "status", "reason", "created_at", "sent_at"]
        fields += ["ses_message_id"]

    @extend_schema_field(serializers.ChoiceField(choices=LATEST_WORDS))
    def get_status(self, email: MessageData) -> str:
        return latest_word(email.message)


class EmailDetail(EmailStatus):
    events = EmailEvent(source="message.events", many=True)

    class Meta(EmailStatus.Meta):
        fields = [*EmailStatus.Meta.fields, "events"]


class Emails(ListView[MessageData]):
    serializer_class = EmailStatus
    scopes = {"POST": Scope.EMAILS_SEND, "GET": Scope.EMAILS_READ}

    def get_queryset(self) -> QuerySet[MessageData]:
        return emails_of(self.request)

    @extend_schema(operation_id="list_emails", summary="The mails that were asked for by the API")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="send_email",
        summary="Send a mail to one person",
        request=EmailRequest,
        responses={202: EmailAccepted},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="Up to 255 characters. The same key within 24 hours sends nothing "
                "again and gets the first answer.",
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Goes ahead of every campaign of the same account, through your own Amazon SES.

        A suppressed recipient gets nothing: the answer is `skipped` with the reason.
        """
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > _MAX_KEY or not key.isprintable():
            raise serializers.ValidationError(
                {"Idempotency-Key": [f"At most {_MAX_KEY} printable characters."]}
            )
        body = EmailRequest(data=request.data)
        body.is_valid(raise_exception=True)
        email = _email(body.validated_data)
        tenant = tenant_of(request)

        def make() -> dict[str, Any]:
            message = send_email(tenant=tenant, email=email)
            return {
                "id": str(message.extra.public_id),
                "status": latest_word(message),
                "reason": message.reason,
            }

        if not key:
            return Response(make(), status=202)
        canonical = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
        answer, repeated = answer_once(tenant=tenant, key=key, request=canonical, make=make)
        headers = {"Idempotent-Replayed": "true"} if repeated else {}
        return Response(answer, status=202, headers=headers)


class EmailView(ApiView, generics.RetrieveAPIView[MessageData]):
    serializer_class = EmailDetail
    scope = Scope.EMAILS_READ
    lookup_field = "public_id"

    def get_queryset(self) -> QuerySet[MessageData]:
        return emails_of(self.request).prefetch_related("message__events")

    @extend_schema(operation_id="get_email", summary="One mail and what became of it")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Status and events. Delivery news comes from SES within seconds to hours."""
        return super().get(request, *args, **kwargs)


def emails_of(request: Request) -> QuerySet[MessageData]:
    """The mails that this key's workspace asked for by the API."""
    return (
        MessageData.objects.for_tenant(tenant_of(request))
        .filter(message__batch__lane=Lane.TRANSACTIONAL)
        .select_related("message__batch")
    )


def _email(values: Mapping[str, Any]) -> Email:
    from_name, from_email = values["from"]
    to_name, to_email = values["to"]
    return Email(
        from_name=from_name,
        from_email=from_email,
        to_name=to_name,
        to_email=to_email,
        reply_to=values.get("reply_to", ("", ""))[1],
        content=Content(values["subject"], values.get("html", ""), values.get("text", "")),
        headers=values.get("headers", {}),
        data=values.get("data", {}),
    )

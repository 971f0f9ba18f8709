"""/contacts/bulk: up to 10,000 contacts at once, through the import engine."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lists.api.bodies import MAX_TAGS
from lists.api.lookup import lists_named
from lists.errors import TagRefused, TooManyImports
from lists.models import Import, Source, UpdatePolicy
from lists.records import MOST_RECORDS
from lists.reporting import KINDS, Row, read_report
from lists.services.record_imports import take_records
from tenants.api.authentication import key_of, tenant_of
from tenants.api.bodies import JsonParser, StrictSerializer
from tenants.api.paging import page_of, paged
from tenants.api.views import ApiView, PagedView
from tenants.models import Scope

_WAIT = 10  # seconds


class BulkParser(JsonParser):
    limit = 10 * 1024 * 1024


class RecordRequest(serializers.Serializer[Any]):
    """A contact by its address. Blank values overwrite nothing."""

    email = serializers.CharField()
    first_name = serializers.CharField(required=False)
    last_name = serializers.CharField(required=False)
    fields = serializers.DictField(required=False)  # type: ignore[assignment]


class BulkRequest(StrictSerializer):
    """What is beside the contacts is for all of them."""

    # Ten thousand serializers take a second; lists.records reads them in a hundredth of it.
    contacts = serializers.ListField(max_length=MOST_RECORDS, allow_empty=False)
    lists = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100)
    consent_wording = serializers.CharField(
        max_length=500,
        required=False,
        help_text="Needed with lists: what these people agreed to, in the words that they saw.",
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=MAX_TAGS
    )
    policy = serializers.ChoiceField(
        choices=UpdatePolicy.choices,
        default=UpdatePolicy.OVERWRITE,
        help_text="What becomes of the values of contacts that are there already.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("lists") and "consent_wording" not in attrs:
            needed = exceptions.ErrorDetail("Say what these people agreed to.", code="required")
            raise serializers.ValidationError({"consent_wording": [needed]})
        return attrs


class BulkAnswer(serializers.ModelSerializer[Import]):
    """Each contact counts as one of created, updated, unchanged, duplicates and invalid; the last
    four count what is kept, but may not be mailed or should be looked at.
    """

    id = serializers.UUIDField(source="public_id")
    contacts = serializers.IntegerField(source="rows_total")
    done = serializers.IntegerField(source="rows")
    failure = serializers.CharField(help_text="Why its status is `failed`, or empty.")

    class Meta:
        model = Import
        fields = """id status contacts done created updated unchanged duplicates invalid suppressed
            unsubscribed role disposable failure created_at finished_at""".split()


class RecordError(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="Of the contact in the request, from 0 on.")
    code = serializers.ChoiceField(
        choices=KINDS,
        help_text="invalid and duplicate: it was left out. All others: it was kept, but mark this.",
    )
    param = serializers.CharField(help_text="The field that is wrong, or empty.")
    message = serializers.CharField()


class ContactsBulk(ApiView):
    scope = Scope.CONTACTS
    parser_classes = [BulkParser]

    @extend_schema(
        operation_id="save_contacts",
        summary="Make up to 10,000 contacts, or bring them up to date",
        request=inline_serializer(
            "BulkContactsRequest",
            {**BulkRequest().get_fields(), "contacts": RecordRequest(many=True)},
        ),
        responses={202: BulkAnswer},
    )
    def post(self, request: Request) -> Response:
        """An import of the dashboard in all but its file: it can be seen and undone there.

        A request of the wrong shape is refused whole. A contact that cannot be kept is left out;
        `errors` says which and why. Nobody who left a list, or is suppressed, is brought back. The
        same request twice changes nothing the second time.
        """
        body = BulkRequest(data=request.data)
        body.is_valid(raise_exception=True)
        values, tenant = body.validated_data, tenant_of(request)
        try:
            made = take_records(
                tenant=tenant,
                records=values["contacts"],
                lists=lists_named(tenant, values.get("lists", []), param="lists"),
                tags=values.get("tags", []),
                consent_wording=values.get("consent_wording", ""),
                policy=UpdatePolicy(values["policy"]),
                api_key=key_of(request),
            )
        except TooManyImports as error:
            raise exceptions.Throttled(_WAIT, error.message, error.code) from error
        except TagRefused as error:
            raise serializers.ValidationError({"tags": [error.message]}) from error
        return Response(BulkAnswer(made).data, status=202)


class ContactsBulkView(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(
        operation_id="get_bulk",
        summary="How far a bulk request has come",
        responses={200: BulkAnswer},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """It ends as `done`, `cancelled`, `failed` or `undone`."""
        return Response(BulkAnswer(_bulk(request, public_id)).data)


class ContactsBulkErrors(PagedView):
    scope = Scope.CONTACTS
    serializer_class = RecordError

    @extend_schema(
        operation_id="list_bulk_errors",
        summary="The contacts of a bulk request that did not come in as they stood",
        responses={200: RecordError(many=True)},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """By index. There are none before the request has ended."""
        bulk = _bulk(request, public_id)

        def read(after: str, limit: int) -> tuple[Sequence[Row], str]:
            if not bulk.error_file:
                return [], ""
            first = int(after or 0)
            with bulk.error_file.open("rb") as file:
                rows = list(read_report(file.file, first, limit + 1))
            return rows[:limit], str(first + limit) if len(rows) > limit else ""

        rows, cursor = page_of(request, f"bulk {bulk.pk}", read)
        data = [
            {"index": row.line, "code": row.kind, "param": row.column, "message": row.reason}
            for row in rows
        ]
        return paged(RecordError(data, many=True).data, cursor)


def _bulk(request: Request, public_id: UUID) -> Import:
    owned = Import.objects.for_tenant(tenant_of(request)).filter(source=Source.API)
    found: Import = get_object_or_404(owned, public_id=public_id)
    return found

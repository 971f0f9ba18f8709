"""/segments: saved conditions, in the closed language that the dashboard builds them in."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, prefetch_related_objects
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from lists.api.bodies import ContactAnswer
from lists.errors import SegmentRefused
from lists.models import Contact, Segment
from lists.segments.language import MOST_CONDITIONS, MOST_GROUPS, Definition
from lists.segments.names import Broken
from lists.segments.reading import parse
from lists.selectors.contacts import add_states, page_of_contacts
from lists.selectors.filters import ContactFilter
from lists.selectors.segments import count, in_words, preview
from lists.services.segments import delete_segment, save_segment
from tenants.api.authentication import tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.paging import page_of, paged
from tenants.api.views import ApiView, ListView, PagedView
from tenants.models import Scope

_CONDITION = {
    "type": "object",
    "required": ["what", "op"],
    "additionalProperties": False,
    "properties": {
        "what": {
            "type": "string",
            "description": "email, first_name, last_name, added, list, tag, consent, sent, "
            "delivered, opened or clicked; or a field: its kind, a colon, its key.",
            "examples": ["list", "string:city"],
        },
        "op": {"type": "string", "examples": ["active", "is"]},
        "values": {
            "type": "array",
            "maxItems": 2,
            "items": {"type": ["string", "number"]},
            "description": "As many as `op` takes: ids of lists, tags and campaigns, text, numbers "
            "(also of days), days as YYYY-MM-DD.",
        },
    },
}
_DEFINITION = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "description": "Contacts for whom all conditions of at least one group hold.",
    "properties": {
        "groups": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_GROUPS,
            "items": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_CONDITIONS,
                "items": _CONDITION,
            },
        }
    },
}


@extend_schema_field(_DEFINITION)
class DefinitionField(serializers.Field[Definition, Any, Any, Any]):
    """A definition; what is wrong with it is named by its path: `definition.groups.0.1`."""

    def to_internal_value(self, data: Any) -> Definition:
        try:
            return parse(data)
        except SegmentRefused as error:
            raise ValidationError(_where(error)) from error

    def to_representation(self, value: Any) -> Any:
        return value


class SegmentRequest(StrictSerializer):
    name = serializers.CharField(max_length=120)
    definition = DefinitionField()


class SegmentChange(StrictSerializer):
    """What is left out stays."""

    name = serializers.CharField(max_length=120, required=False)
    definition = DefinitionField(required=False)


class PreviewRequest(StrictSerializer):
    definition = DefinitionField()


class BrokenCondition(serializers.Serializer[Broken]):
    """A condition that names what was deleted; while there is one, nobody is in the segment."""

    param = serializers.SerializerMethodField(help_text="Its path in the segment.")
    message = serializers.CharField(source="why")

    @extend_schema_field(str)
    def get_param(self, broken: Broken) -> str:
        return f"definition.groups.{broken.group - 1}.{broken.condition - 1}"


class SegmentAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="segment.public_id")
    name = serializers.CharField(source="segment.name")
    definition = DefinitionField(source="segment.definition")
    words = serializers.CharField(help_text="The definition as a sentence.")
    broken = BrokenCondition(many=True)
    created_at = serializers.DateTimeField(source="segment.created_at")
    updated_at = serializers.DateTimeField(source="segment.updated_at")


class PreviewAnswer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    words = serializers.CharField(help_text="The definition as a sentence.")
    sample = ContactAnswer(many=True, help_text="Any ten of them.")
    broken = BrokenCondition(many=True)


class CountAnswer(serializers.Serializer[Any]):
    count = serializers.IntegerField()


class Segments(ListView[Segment]):
    scope = Scope.CONTACTS
    serializer_class = SegmentAnswer

    def get_queryset(self) -> QuerySet[Segment]:
        return Segment.objects.for_tenant(tenant_of(self.request))

    def paginate_queryset(self, queryset: Any) -> Any:
        return in_words(tenant_of(self.request), super().paginate_queryset(queryset) or [])

    @extend_schema(operation_id="list_segments", summary="The segments of the workspace")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first. Who is in one is asked for by itself."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="make_segment",
        summary="Make a segment",
        request=SegmentRequest,
        responses={201: SegmentAnswer},
    )
    def post(self, request: Request) -> Response:
        """Of a definition; /segments/preview tells before what it comes to."""
        body = SegmentRequest(data=request.data)
        body.is_valid(raise_exception=True)
        return _answer(_save(request, None, **body.validated_data), 201)


class SegmentView(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(
        operation_id="get_segment", summary="One segment", responses={200: SegmentAnswer}
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """In JSON and in words."""
        return _answer(_segment(request, public_id))

    @extend_schema(
        operation_id="change_segment",
        summary="Change a segment",
        request=SegmentChange,
        responses={200: SegmentAnswer},
    )
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Campaigns that have not left yet go by the new definition."""
        segment = _segment(request, public_id)
        body = SegmentChange(data=request.data)
        body.is_valid(raise_exception=True)
        values = {"name": segment.name} | body.validated_data
        values.setdefault("definition", parse(segment.definition))
        return _answer(_save(request, segment, **values))

    @extend_schema(operation_id="delete_segment", summary="Delete a segment", responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """409 while a campaign that is still to come needs it. The contacts stay."""
        delete_segment(segment=_segment(request, public_id), request=request)
        return Response(status=204)


class SegmentCount(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(
        operation_id="count_segment",
        summary="How many contacts are in a segment",
        responses={200: CountAnswer},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """Now. Of a million contacts it takes a second or two."""
        segment = _segment(request, public_id)
        return Response({"count": count(segment.tenant, parse(segment.definition))})


class SegmentContacts(PagedView):
    scope = Scope.CONTACTS
    serializer_class = ContactAnswer

    @extend_schema(
        operation_id="list_segment_contacts",
        summary="The contacts in a segment, newest first",
        responses={200: ContactAnswer(many=True)},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """As of now. Where hardly anybody is in it, a page may hold fewer than `limit`, even
        nobody, while `has_more` is true: go on until it is false.
        """
        segment = _segment(request, public_id)

        def read(after: str, limit: int) -> tuple[Sequence[Contact], str]:
            page = page_of_contacts(
                tenant=segment.tenant,
                wanted=ContactFilter(segment=segment),
                after=after,
                size=limit,
            )
            prefetch_related_objects(page.rows, "tagged__tag")
            return page.rows, page.next

        rows, cursor = page_of(request, f"segment {segment.pk}", read)
        return paged(ContactAnswer(rows, many=True).data, cursor)


class SegmentPreview(ApiView):
    scopes = {"POST": Scope.CONTACTS_READ}

    @extend_schema(
        operation_id="preview_segment",
        summary="What a definition comes to, before it is saved",
        request=PreviewRequest,
        responses={200: PreviewAnswer},
    )
    def post(self, request: Request) -> Response:
        """How many, and ten of them. It changes nothing."""
        body = PreviewRequest(data=request.data)
        body.is_valid(raise_exception=True)
        shown = preview(tenant_of(request), body.validated_data["definition"])
        prefetch_related_objects(shown.sample, "tagged__tag")
        add_states(tenant_of(request), shown.sample)
        return Response(PreviewAnswer(shown).data)


def _segment(request: Request, public_id: UUID) -> Segment:
    owned = Segment.objects.for_tenant(tenant_of(request)).select_related("tenant")
    found: Segment = get_object_or_404(owned, public_id=public_id)
    return found


def _save(request: Request, segment: Segment | None, **values: Any) -> Segment:
    try:
        return save_segment(tenant=tenant_of(request), segment=segment, request=request, **values)
    except SegmentRefused as error:
        raise ValidationError({"definition": _where(error)}) from error


def _answer(segment: Segment, status: int = 200) -> Response:
    (shown,) = in_words(segment.tenant, [segment])
    return Response(SegmentAnswer(shown).data, status=status)


def _where(refused: SegmentRefused) -> Any:
    """The first problem, in the form in which ValidationError has a path."""
    group, condition, why = refused.problems[0]
    found: Any = [ErrorDetail(why, code=refused.code)]
    if condition:
        found = {str(condition - 1): found}
    return {"groups": {str(group - 1): found}} if group else found

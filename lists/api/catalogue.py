"""/fields and /tags: what contacts are sorted by."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lists.models import ContactField, FieldKind, Tag
from lists.services.fields import create_field, delete_field, rename_field
from lists.services.tags import delete_tag, save_tag
from tenants.api.authentication import tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.views import ApiView, ListView
from tenants.models import Scope


class FieldAnswer(serializers.ModelSerializer[ContactField]):
    class Meta:
        model = ContactField
        fields = ["key", "label", "kind", "created_at"]


class FieldRequest(StrictSerializer):
    label = serializers.CharField(max_length=120)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=FieldKind.choices, default=FieldKind.STRING)


class Fields(ListView[ContactField]):
    scope = Scope.CONTACTS
    serializer_class = FieldAnswer

    def get_queryset(self) -> QuerySet[ContactField]:
        return ContactField.objects.for_tenant(tenant_of(self.request))

    @extend_schema(operation_id="list_fields", summary="The fields that contacts may have")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first. `key` names the field in a contact's `fields` and in merge tags."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="make_field",
        summary="Make a field",
        request=FieldRequest,
        responses={201: FieldAnswer},
    )
    def post(self, request: Request) -> Response:
        """Its key is made of the label; its kind cannot be changed afterwards."""
        body = FieldRequest(data=request.data)
        body.is_valid(raise_exception=True)
        made = create_field(
            tenant=tenant_of(request),
            label=body.validated_data["label"],
            kind=FieldKind(body.validated_data["kind"]),
            request=request,
        )
        return Response(FieldAnswer(made).data, status=201)


class FieldChange(StrictSerializer):
    label = serializers.CharField(max_length=120)  # type: ignore[assignment]


class FieldView(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(operation_id="get_field", summary="One field", responses={200: FieldAnswer})
    def get(self, request: Request, key: str) -> Response:
        """By its key."""
        return Response(FieldAnswer(_field(request, key)).data)

    @extend_schema(
        operation_id="rename_field",
        summary="Rename a field",
        request=FieldChange,
        responses={200: FieldAnswer},
    )
    def patch(self, request: Request, key: str) -> Response:
        """Its key stays: mails use it."""
        field = _field(request, key)
        body = FieldChange(data=request.data)
        body.is_valid(raise_exception=True)
        renamed = rename_field(field=field, label=body.validated_data["label"], request=request)
        return Response(FieldAnswer(renamed).data)

    @extend_schema(operation_id="delete_field", summary="Delete a field", responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """With its values in all contacts, which takes a while. 409 while a segment names it."""
        delete_field(field=_field(request, key), request=request)
        return Response(status=204)


class TagAnswer(serializers.ModelSerializer[Tag]):
    id = serializers.UUIDField(source="public_id", read_only=True)

    class Meta:
        model = Tag
        fields = ["id", "name", "created_at"]


class TagRequest(StrictSerializer):
    name = serializers.CharField(max_length=60)


class Tags(ListView[Tag]):
    scope = Scope.CONTACTS
    serializer_class = TagAnswer

    def get_queryset(self) -> QuerySet[Tag]:
        return Tag.objects.for_tenant(tenant_of(self.request))

    @extend_schema(operation_id="list_tags", summary="The tags of the workspace")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="make_tag",
        summary="Make a tag",
        request=TagRequest,
        responses={201: TagAnswer},
    )
    def post(self, request: Request) -> Response:
        """Saving a contact makes the tags that it names, so this is seldom needed."""
        body = TagRequest(data=request.data)
        body.is_valid(raise_exception=True)
        made = save_tag(
            tenant=tenant_of(request), name=body.validated_data["name"], request=request
        )
        return Response(TagAnswer(made).data, status=201)


class TagView(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(operation_id="get_tag", summary="One tag", responses={200: TagAnswer})
    def get(self, request: Request, public_id: UUID) -> Response:
        """GET /contacts?tag= finds who has it."""
        return Response(TagAnswer(_tag(request, public_id)).data)

    @extend_schema(
        operation_id="rename_tag",
        summary="Rename a tag",
        request=TagRequest,
        responses={200: TagAnswer},
    )
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Whoever has it keeps it."""
        tag = _tag(request, public_id)
        body = TagRequest(data=request.data)
        body.is_valid(raise_exception=True)
        name = body.validated_data["name"]
        renamed = save_tag(tenant=tag.tenant, name=name, tag=tag, request=request)
        return Response(TagAnswer(renamed).data)

    @extend_schema(operation_id="delete_tag", summary="Delete a tag", responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """The contacts stay. 409 while a segment names it."""
        delete_tag(tag=_tag(request, public_id), request=request)
        return Response(status=204)


def _field(request: Request, key: str) -> ContactField:
    owned = ContactField.objects.for_tenant(tenant_of(request)).select_related("tenant")
    found: ContactField = get_object_or_404(owned, key=key)
    return found


def _tag(request: Request, public_id: UUID) -> Tag:
    owned = Tag.objects.for_tenant(tenant_of(request)).select_related("tenant")
    found: Tag = get_object_or_404(owned, public_id=public_id)
    return found

"""/lists, /fields and /tags: what contacts are sorted by."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lists.models import ContactField, FieldKind, List, Tag
from lists.services.fields import create_field
from lists.services.tags import save_tag
from tenants.api.authentication import tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.views import ListView
from tenants.models import Scope


class ListAnswer(serializers.ModelSerializer[List]):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = List
        fields = ["id", "name", "description", "is_public", "double_opt_in", "created_at"]


class Lists(ListView[List]):
    scope = Scope.CONTACTS
    serializer_class = ListAnswer

    def get_queryset(self) -> QuerySet[List]:
        return List.objects.for_tenant(tenant_of(self.request))

    @extend_schema(operation_id="list_lists", summary="The lists of the workspace")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first."""
        return super().get(request, *args, **kwargs)


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

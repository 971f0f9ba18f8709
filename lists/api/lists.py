"""/lists, and who is on them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lists.models import Contact, List, Subscription
from lists.selectors.contacts import page_of_contacts
from lists.selectors.filters import STATES, ContactFilter
from lists.selectors.lists import lists_with_counts, sendable_of
from lists.services.lists import delete_list, save_list
from tenants.api import views
from tenants.api.authentication import tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.paging import page_of, paged
from tenants.models import Scope

_STATES = [state for state in STATES if state != "none"]


class ListAnswer(serializers.ModelSerializer[List]):
    id = serializers.UUIDField(source="public_id")

    class Meta:
        model = List
        fields = ["id", "name", "description", "is_public", "double_opt_in", "created_at"]


class ListDetail(ListAnswer):
    """Counts are null while a large list was not counted yet."""

    active = serializers.IntegerField(allow_null=True)
    unconfirmed = serializers.IntegerField(allow_null=True)
    unsubscribed = serializers.IntegerField(allow_null=True)
    sendable = serializers.IntegerField(
        allow_null=True, help_text="How many a mail to the list would reach."
    )
    counted_at = serializers.DateTimeField(allow_null=True, help_text="null: as of now.")

    class Meta(ListAnswer.Meta):
        fields = [*ListAnswer.Meta.fields, "active", "unconfirmed", "unsubscribed", "sendable"]
        fields += ["counted_at"]


class ListRequest(StrictSerializer):
    name = serializers.CharField(max_length=120, help_text="Readers see it.")
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    is_public = serializers.BooleanField(
        required=False, help_text="Shown on the preference page to everyone; true unless told."
    )
    double_opt_in = serializers.BooleanField(
        required=False, help_text="Sign-ups confirm by mail first; true unless told."
    )


class ListChange(ListRequest):
    """What is left out stays."""

    name = serializers.CharField(max_length=120, required=False, help_text="Readers see it.")


class SubscriptionAnswer(serializers.ModelSerializer[Subscription]):
    """A place on the list. `state` is what the contact is on it now: suppressed beats all."""

    contact = serializers.UUIDField(source="contact.public_id")
    email = serializers.CharField(source="contact.email")
    state = serializers.ChoiceField(choices=_STATES, source="contact.state")

    class Meta:
        model = Subscription
        fields = """contact email status state paused_until source confirmed_at unsubscribed_at
            created_at""".split()


class Lists(views.ListView[List]):
    scope = Scope.CONTACTS
    serializer_class = ListAnswer

    def get_queryset(self) -> QuerySet[List]:
        return List.objects.for_tenant(tenant_of(self.request))

    @extend_schema(operation_id="list_lists", summary="The lists of the workspace")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="make_list",
        summary="Make a list",
        request=ListRequest,
        responses={201: ListDetail},
    )
    def post(self, request: Request) -> Response:
        """Its name is its own in the workspace."""
        body = ListRequest(data=request.data)
        body.is_valid(raise_exception=True)
        made = save_list(tenant=tenant_of(request), request=request, **body.validated_data)
        return _answer(request, made.public_id, 201)


class ListView(views.ApiView):
    scope = Scope.CONTACTS

    @extend_schema(operation_id="get_list", summary="One list", responses={200: ListDetail})
    def get(self, request: Request, public_id: UUID) -> Response:
        """With how many are on it."""
        return _answer(request, public_id)

    @extend_schema(
        operation_id="change_list",
        summary="Change a list",
        request=ListChange,
        responses={200: ListDetail},
    )
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Who is on it stays on it."""
        found = _list(request, public_id)
        body = ListChange(data=request.data)
        body.is_valid(raise_exception=True)
        names = ("name", "description", "is_public", "double_opt_in")
        values = {name: getattr(found, name) for name in names} | body.validated_data
        save_list(tenant=found.tenant, list_=found, request=request, **values)
        return _answer(request, public_id)

    @extend_schema(operation_id="delete_list", summary="Delete a list", responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """The contacts stay, and so does the proof of what they agreed to. 409 while mail to it is
        on its way or planned, or a segment names it.
        """
        delete_list(list_=_list(request, public_id), request=request)
        return Response(status=204)


class ListSubscriptions(views.PagedView):
    scope = Scope.CONTACTS
    query = ("state",)
    serializer_class = SubscriptionAnswer

    @extend_schema(
        operation_id="list_subscriptions",
        summary="Who is or was on a list, newest contacts first",
        parameters=[OpenApiParameter("state", str, enum=_STATES)],
        responses={200: SubscriptionAnswer(many=True)},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """A page may hold fewer than `limit` while `has_more` is true: go on until it is false.

        POST /contacts and /contacts/bulk put people on it.
        """
        found = _list(request, public_id)
        state = request.query_params.get("state", "")
        if state and state not in _STATES:
            raise serializers.ValidationError({"state": [f"One of {', '.join(_STATES)}."]})

        def read(after: str, limit: int) -> tuple[Sequence[Subscription], str]:
            page = page_of_contacts(
                tenant=found.tenant,
                wanted=ContactFilter(list=found, status=state),
                after=after,
                size=limit,
            )
            return _places(found, page.rows), page.next

        rows, cursor = page_of(request, f"list {found.pk} {state}", read)
        return paged(SubscriptionAnswer(rows, many=True).data, cursor)


def _places(list_: List, contacts: Sequence[Contact]) -> list[Subscription]:
    """The places of these contacts on the list, in their order."""
    rows = Subscription.unscoped.filter(list=list_, contact__in=contacts)
    by_contact = {place.contact_id: place for place in rows}
    places = []
    for contact in contacts:
        if place := by_contact.get(contact.pk):
            place.contact = contact
            places.append(place)
    return places


def _list(request: Request, public_id: UUID) -> List:
    owned = List.objects.for_tenant(tenant_of(request)).select_related("tenant")
    found: List = get_object_or_404(owned, public_id=public_id)
    return found


def _answer(request: Request, public_id: UUID, status: int = 200) -> Response:
    found = lists_with_counts(tenant=tenant_of(request), public_id=public_id)
    if not found:
        raise Http404
    found[0].sendable = sendable_of(found[0])  # type: ignore[attr-defined]
    return Response(ListDetail(found[0]).data, status=status)

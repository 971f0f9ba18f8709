"""/contacts: one by one, and their places on lists."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lists.addresses import normalise
from lists.api.bodies import (
    Consent,
    ContactAnswer,
    ContactChange,
    ContactDetail,
    ContactRequest,
    Leaving,
)
from lists.api.lookup import lists_named
from lists.errors import FieldRefused
from lists.fields import Value, from_json
from lists.models import Contact, List, Source, Tag
from lists.selectors.contacts import add_states
from lists.selectors.fields import fields_of
from lists.services.contacts import change_contact, subscribe, upsert_contact
from lists.services.preferences import unsubscribe
from lists.services.tags import add_tags, ensure_tags, set_tags
from tenants.api.authentication import tenant_of
from tenants.api.paging import CursorPagination
from tenants.api.views import ApiView, ListView
from tenants.models import Scope, Tenant


class NewestContacts(CursorPagination):
    """By id, which an index serves however many contacts there are."""

    ordering = ("-pk",)


class Contacts(ListView[Contact]):
    scope = Scope.CONTACTS
    query = ("email", "list", "tag")
    serializer_class = ContactAnswer
    pagination_class = NewestContacts

    def get_queryset(self) -> QuerySet[Contact]:
        tenant, asked = tenant_of(self.request), self.request.query_params
        found = _shown(tenant)
        if email := asked.get("email"):
            found = found.filter(email_norm=normalise(email).email_norm)
        if list_id := asked.get("list"):
            found = found.filter(subscriptions__list=_list(tenant, list_id))
        if name := asked.get("tag"):
            tags = Tag.objects.for_tenant(tenant).filter(name__iexact=name)
            found = found.filter(tagged__tag__in=tags)
        return found

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        add_states(tenant_of(self.request), page or [])
        return page

    @extend_schema(
        operation_id="list_contacts",
        summary="Contacts, newest first",
        parameters=[
            OpenApiParameter("email", str, description="The one with this address."),
            OpenApiParameter("list", UUID, description="Those with a place on this list."),
            OpenApiParameter("tag", str, description="Those with this tag."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All of them, or those that the parameters ask for."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="save_contact",
        summary="Make a contact, or bring it up to date",
        request=ContactRequest,
        responses={200: ContactDetail},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Found by its address, so the same request twice makes one contact.

        Blank values overwrite nothing. `subscribe` makes an active member of lists; a place that
        is there already stays as it is: nobody who left is brought back, and a suppressed address
        stays suppressed.
        """
        body = ContactRequest(data=request.data)
        body.is_valid(raise_exception=True)
        values, tenant = body.validated_data, tenant_of(request)
        given = _fields(tenant, values.get("fields", {}))
        if blank := [key for key, value in given.items() if value is None]:
            raise FieldRefused("Only PATCH takes a field away.", param=f"fields.{blank[0]}")
        contact = upsert_contact(
            tenant=tenant,
            email=values["email"],
            first_name=values.get("first_name", ""),
            last_name=values.get("last_name", ""),
            fields={key: value for key, value in given.items() if value is not None},
            source=Source.API,
        )
        add_tags(contact=contact, tags=ensure_tags(tenant=tenant, names=values.get("tags", [])))
        if consent := values.get("subscribe"):
            _subscribe(contact, consent, "subscribe.lists")
        return _answer(contact)


class ContactView(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(
        operation_id="get_contact", summary="One contact", responses={200: ContactDetail}
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """With its places on lists."""
        return _answer(_contact(request, public_id))

    @extend_schema(
        operation_id="change_contact",
        summary="Change a contact",
        request=ContactChange,
        responses={200: ContactDetail},
    )
    @transaction.atomic
    def patch(self, request: Request, public_id: UUID) -> Response:
        """The address stays: consent was given for it."""
        contact = _contact(request, public_id)
        body = ContactChange(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        contact = change_contact(
            contact=contact,
            first_name=values.get("first_name"),
            last_name=values.get("last_name"),
            fields=_fields(contact.tenant, values.get("fields", {})),
        )
        if "tags" in values:
            tags = ensure_tags(tenant=contact.tenant, names=values["tags"])
            set_tags(contact=contact, tags=tags)
        return _answer(contact)


class SubscriptionsView(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(
        operation_id="subscribe_contact",
        summary="Make a contact a member of lists",
        request=Consent,
        responses={200: ContactDetail},
    )
    @transaction.atomic
    def post(self, request: Request, public_id: UUID) -> Response:
        """A place that is there already stays as it is, whatever its status."""
        contact = _contact(request, public_id)
        body = Consent(data=request.data)
        body.is_valid(raise_exception=True)
        _subscribe(contact, body.validated_data, "lists")
        return _answer(contact)


class UnsubscribeView(ApiView):
    scope = Scope.CONTACTS

    @extend_schema(
        operation_id="unsubscribe_contact",
        summary="Take a contact off lists, or off everything",
        request=Leaving,
        responses={200: ContactDetail},
    )
    @transaction.atomic
    def post(self, request: Request, public_id: UUID) -> Response:
        """Only the contact itself can come back afterwards."""
        contact = _contact(request, public_id)
        body = Leaving(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data.get("lists")
        lists = None if wanted is None else lists_named(contact.tenant, wanted, param="lists")
        unsubscribe(contact=contact, lists=lists, source=Source.API)
        return _answer(contact)


def _contact(request: Request, public_id: UUID) -> Contact:
    owned = Contact.objects.for_tenant(tenant_of(request)).select_related("tenant")
    found: Contact = get_object_or_404(owned, public_id=public_id)
    return found


def _shown(tenant: Tenant, *more: str) -> QuerySet[Contact]:
    """The tenant's contacts with what every answer shows of them, and `more` of what is theirs."""
    owned = Contact.objects.for_tenant(tenant)
    found: QuerySet[Contact] = owned.prefetch_related("tagged__tag", *more)
    return found


def _answer(contact: Contact) -> Response:
    """The contact as it is stored now."""
    shown = _shown(contact.tenant, "subscriptions__list").get(pk=contact.pk)
    add_states(contact.tenant, [shown])
    return Response(ContactDetail(shown).data)


def _subscribe(contact: Contact, consent: Mapping[str, Any], param: str) -> None:
    subscribe(
        contact=contact,
        lists=lists_named(contact.tenant, consent["lists"], param=param),
        source=Source.API,
        consent_wording=consent["consent_wording"],
    )


def _fields(tenant: Tenant, given: Mapping[str, object]) -> dict[str, Value | None]:
    """The values of a contact's fields, of their kinds; null stays None."""
    kinds = dict(fields_of(tenant).values_list("key", "kind"))
    values: dict[str, Value | None] = {}
    for key, value in given.items():
        if key not in kinds:
            message = f"Contacts have no field {key[:60]!r}. POST /fields makes it."
            raise serializers.ValidationError({f"fields.{key[:60]}": [message]})
        try:
            values[key] = None if value is None else from_json(kinds[key], value)
        except FieldRefused as error:
            raise FieldRefused(error.message, param=f"fields.{key}") from error
    return values


def _list(tenant: Tenant, asked: str) -> List:
    """The list that the parameter `list` asks for."""
    try:
        found: List = List.objects.for_tenant(tenant).get(public_id=UUID(asked))
    except ValueError as error:
        raise serializers.ValidationError({"list": ["This is no id of a list."]}) from error
    except List.DoesNotExist as error:
        raise serializers.ValidationError({"list": [f"There is no list {UUID(asked)}."]}) from error
    return found

"""/suppressions: addresses that nothing is sent to."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from lists.addresses import normalise
from lists.models import Suppression, SuppressionReason
from lists.selectors.suppressions import (
    SOURCES,
    find_suppressions,
    suppression_of_address,
)
from lists.services.suppression import suppress_by_api, unsuppress
from tenants.api.authentication import key_of, tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.paging import CursorPagination
from tenants.api.views import ApiView, ListView
from tenants.errors import Conflict
from tenants.models import Scope

_BY_API = (
    SuppressionReason.MANUAL,
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.COMPLAINT,
)


class NewestSuppressions(CursorPagination):
    """By id, which an index serves however many there are."""

    ordering = ("-pk",)


class SuppressionAnswer(serializers.ModelSerializer[Suppression]):
    """`diagnostic`: the mail server's words, or why somebody suppressed it."""

    email = serializers.CharField(source="email_norm")

    class Meta:
        model = Suppression
        fields = ["email", "reason", "source", "diagnostic", "created_at"]


class SuppressionRequest(StrictSerializer):
    """What is suppressed already for a stronger reason stays so."""

    email = serializers.CharField(max_length=320)
    reason = serializers.ChoiceField(
        choices=[reason.value for reason in _BY_API], default=SuppressionReason.MANUAL.value
    )
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class Suppressions(ListView[Suppression]):
    scope = Scope.SUPPRESSIONS
    query = ("reason", "source")
    serializer_class = SuppressionAnswer
    pagination_class = NewestSuppressions

    def get_queryset(self) -> QuerySet[Suppression]:
        asked = self.request.query_params
        # Of erased people there is no address to show.
        found = find_suppressions(
            tenant=tenant_of(self.request),
            reason=_one_of("reason", asked.get("reason", ""), SuppressionReason.values),
            source=_one_of("source", asked.get("source", ""), SOURCES),
        )
        return found.exclude(reason=SuppressionReason.ERASED)

    @extend_schema(
        operation_id="list_suppressions",
        summary="Suppressed addresses, newest first",
        parameters=[
            OpenApiParameter("reason", str, enum=SuppressionReason.values),
            OpenApiParameter("source", str, enum=[source.value for source in SOURCES]),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """All of them, or those that the parameters ask for."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="suppress",
        summary="Suppress an address",
        request=SuppressionRequest,
        responses={201: SuppressionAnswer},
    )
    def post(self, request: Request) -> Response:
        """Nothing is sent to it any more. The same request twice changes nothing."""
        body = SuppressionRequest(data=request.data)
        body.is_valid(raise_exception=True)
        values, tenant = body.validated_data, tenant_of(request)
        email_norm = suppress_by_api(
            tenant=tenant,
            email=values["email"],
            reason=SuppressionReason(values["reason"]),
            note=values["note"],
            api_key=key_of(request),
        )
        found = suppression_of_address(tenant=tenant, email_norm=email_norm)
        return Response(SuppressionAnswer(found).data, status=201)


class SuppressionView(ApiView):
    scope = Scope.SUPPRESSIONS
    query = ("confirm",)

    @extend_schema(
        operation_id="get_suppression",
        summary="Whether an address is suppressed, and why",
        responses={200: SuppressionAnswer},
    )
    def get(self, request: Request, email: str) -> Response:
        """404 when mail may be sent to it."""
        return Response(SuppressionAnswer(_found(request, email)).data)

    @extend_schema(
        operation_id="lift_suppression",
        summary="Let an address be mailed again",
        parameters=[
            OpenApiParameter(
                "confirm",
                str,
                enum=["complaint"],
                description="Needed for an address that complained: its owner has asked for mail.",
            )
        ],
        responses={204: None},
    )
    def delete(self, request: Request, email: str) -> Response:
        """It is taken off the suppression list of Amazon SES, too."""
        found = _found(request, email)
        confirmed = request.query_params.get("confirm") == "complaint"
        if found.reason == SuppressionReason.COMPLAINT and not confirmed:
            raise Conflict(
                "This address complained about your mail. Where its owner has asked for it since, "
                "repeat the request with ?confirm=complaint.",
                param="confirm",
            )
        unsuppress(tenant=tenant_of(request), email_norm=found.email_norm, api_key=key_of(request))
        return Response(status=204)


def _found(request: Request, email: str) -> Suppression:
    email_norm = normalise(email).email_norm
    found = suppression_of_address(tenant=tenant_of(request), email_norm=email_norm)
    if found is None:
        raise Http404
    return found


def _one_of(name: str, value: str, known: Any) -> str:
    if value and value not in known:
        raise serializers.ValidationError({name: [f"One of {', '.join(known)}."]})
    return value

"""GET /account/readiness: what AWS asks for production access, line by line."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from readiness.lines import Line, is_ready, judge, score
from readiness.selectors.facts import facts_of
from readiness.verdicts import State
from sending.models import SesAccount
from sending.selectors.accounts import account_of, accounts_of
from tenants.api.authentication import tenant_of
from tenants.api.views import ApiView
from tenants.models import Scope, Tenant


class LineBody(serializers.Serializer[Any]):
    """One thing that AWS asks, and the evidence."""

    key = serializers.CharField()
    title = serializers.CharField()
    why = serializers.CharField()
    weight = serializers.IntegerField(help_text="Its part of the score, if it is good.")
    state = serializers.ChoiceField(choices=[state.value for state in State])
    evidence = serializers.CharField()
    checked_at = serializers.DateTimeField(allow_null=True, help_text="null: as of now.")


class ReadinessBody(serializers.Serializer[Any]):
    account = serializers.UUIDField(allow_null=True, help_text="null: none is connected.")
    score = serializers.IntegerField(help_text="0 to 100.")
    ready = serializers.BooleanField(help_text="Whether all but the request itself is good.")
    lines = LineBody(many=True, help_text="In the order in which they are best put right.")


class ReadinessView(ApiView):
    scope = Scope.SENDING
    query = ("account",)

    @extend_schema(
        operation_id="get_readiness",
        summary="How ready an SES account is for production access",
        parameters=[OpenApiParameter("account", UUID, description="Left out: the oldest account.")],
        responses=ReadinessBody,
    )
    def get(self, request: Request) -> Response:
        """What the page Readiness shows. The dashboard has the buttons that mend it."""
        tenant = tenant_of(request)
        account = _account(tenant, request.query_params.get("account", ""))
        lines = judge(facts_of(tenant, account))
        body = {
            "account": account.public_id if account else None,
            "score": score(lines),
            "ready": is_ready(lines),
            "lines": [_line(line) for line in lines],
        }
        return Response(ReadinessBody(body).data)


def _line(line: Line) -> dict[str, Any]:
    return {
        "key": line.key,
        "title": line.asked.title,
        "why": line.asked.why,
        "weight": line.asked.weight,
        "state": line.verdict.state.value,
        "evidence": line.verdict.evidence,
        "checked_at": line.verdict.at,
    }


def _account(tenant: Tenant, named: str) -> SesAccount | None:
    if not named:
        return accounts_of(tenant).first()
    try:
        return account_of(tenant, UUID(named))
    except (ValueError, SesAccount.DoesNotExist) as error:
        raise serializers.ValidationError({"account": ["There is no such account."]}) from error


urlpatterns = [path("account/readiness", ReadinessView.as_view(), name="readiness")]

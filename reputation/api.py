"""GET /account/reputation: the rates of each SES account, as the reputation page has them."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from reputation.selectors.rates import BOUNCES, COMPLAINTS, Lines, Rates, windows
from reputation.selectors.shares import by_provider
from sending.models import SesAccount
from sending.selectors.accounts import accounts_of
from tenants.api.authentication import tenant_of
from tenants.api.views import ApiView
from tenants.models import Scope


class LinesBody(serializers.Serializer[Any]):
    """Shares of mail."""

    aws_review = serializers.FloatField()
    aws_pause = serializers.FloatField()
    limit = serializers.FloatField(help_text="The workspace's own: campaigns pause above it.")


class FiguresBody(serializers.Serializer[Any]):
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    bounced = serializers.IntegerField(help_text="Hard bounces that AWS counts.")
    held_back = serializers.IntegerField(
        help_text="Bounces of a suppression list of SES, which AWS does not count."
    )
    soft_bounced = serializers.IntegerField()
    complained = serializers.IntegerField()
    rejected = serializers.IntegerField()
    bounce_rate = serializers.FloatField(help_text="A share of `sent`: 0.05 is 5 %.")
    complaint_rate = serializers.FloatField(
        help_text="A share of the mails that did not go to Gmail, which reports no complaints."
    )
    enough = serializers.BooleanField(help_text="Whether so much was sent that it says something.")


class WindowBody(FiguresBody):
    days = serializers.IntegerField()


class ProviderBody(FiguresBody):
    provider = serializers.CharField()


class AccountBody(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    region = serializers.CharField()
    enforcement_status = serializers.CharField(help_text="HEALTHY, PROBATION, SHUTDOWN, or empty.")
    enforcement_since = serializers.DateTimeField(
        allow_null=True, help_text="When Bluefox first read it."
    )
    sending_enabled = serializers.BooleanField()
    production_access = serializers.BooleanField(help_text="False in the sandbox.")
    read_at = serializers.DateTimeField(allow_null=True, help_text="When SES was asked for these.")
    windows = WindowBody(many=True)
    providers = ProviderBody(many=True, help_text="Of the last 30 days.")


class ReputationBody(serializers.Serializer[Any]):
    bounces = LinesBody()
    complaints = LinesBody()
    accounts = AccountBody(many=True)


class Reputation(ApiView):
    scope = Scope.EMAILS_READ

    @extend_schema(
        operation_id="get_reputation",
        summary="Bounce and complaint rates, and what AWS says of each account",
        responses=ReputationBody,
    )
    def get(self, request: Request) -> Response:
        """Rates of the last 1, 7 and 30 days (times 24 hours) as AWS counts them, beside its lines.

        Mail to the mailbox simulator and to your own verified domains is left out.
        """
        tenant = tenant_of(request)
        body = {
            "bounces": _lines(BOUNCES, tenant.bounce_limit),
            "complaints": _lines(COMPLAINTS, tenant.complaint_limit),
            "accounts": [_account(account) for account in accounts_of(tenant)],
        }
        return Response(ReputationBody(body).data)


def _lines(lines: Lines, limit: float) -> dict[str, float]:
    return {"aws_review": lines.review, "aws_pause": lines.pause, "limit": limit / 100}


def _account(account: SesAccount) -> dict[str, Any]:
    return {
        "id": account.public_id,
        "name": account.name,
        "region": account.region,
        "enforcement_status": account.enforcement_status,
        "enforcement_since": account.enforcement_since,
        "sending_enabled": account.sending_enabled,
        "production_access": account.production_access,
        "read_at": account.quota_read_at,
        "windows": [
            {"days": days} | _figures(one) for days, one in windows(account.tenant, account)
        ],
        "providers": [
            {"provider": part.name} | _figures(part.rates)
            for part in by_provider([account.pk], days=30)
        ],
    }


def _figures(rates: Rates) -> dict[str, Any]:
    return vars(rates) | {
        "bounce_rate": rates.bounce_rate,
        "complaint_rate": rates.complaint_rate,
        "enough": rates.enough,
    }


urlpatterns = [path("account/reputation", Reputation.as_view(), name="reputation")]

"""GET /account: each connection to Amazon SES, and what AWS allows it."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from sending.models import Review, SesAccount, SesState
from sending.selectors.accounts import accounts_of, feedback_ready, parked_words, quota_of
from tenants.api.authentication import tenant_of
from tenants.api.views import ApiView
from tenants.models import Scope


class QuotaBody(serializers.Serializer[Any]):
    """As AWS counts recipients."""

    per_second = serializers.FloatField(source="rate")
    per_24_hours = serializers.IntegerField(
        source="allowed", allow_null=True, help_text="null: without limit."
    )
    used = serializers.IntegerField(help_text="In the last 24 hours.")
    left = serializers.IntegerField(allow_null=True, help_text="null: without limit.")
    read_at = serializers.DateTimeField(source="account.quota_read_at")


class SesAccountBody(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    region = serializers.CharField()
    state = serializers.ChoiceField(choices=SesState.choices)
    error = serializers.CharField(source="last_error", help_text="AWS's own words, or empty.")
    production_access = serializers.BooleanField(
        help_text="False in the sandbox: only verified addresses can be mailed."
    )
    review = serializers.ChoiceField(
        choices=[*Review.choices, ("", "None")],
        source="review_status",
        help_text="Of the request for production access; empty: there was none.",
    )
    sending_enabled = serializers.BooleanField()
    quota = QuotaBody(allow_null=True, help_text="null: not read yet.")
    waiting = serializers.CharField(help_text="Why nothing leaves just now, or empty.")
    feedback_ready = serializers.BooleanField(
        help_text="Whether bounces and complaints come back to Bluefox."
    )


class SesAccounts(serializers.Serializer[Any]):
    accounts = SesAccountBody(many=True)


class AccountView(ApiView):
    scope = Scope.SENDING

    @extend_schema(
        operation_id="get_account",
        summary="The connections to Amazon SES and their quotas",
        responses={200: SesAccounts},
    )
    def get(self, request: Request) -> Response:
        """As last read from AWS: every minute while mail leaves, else every 15 minutes."""
        accounts = [_shown(one) for one in accounts_of(tenant_of(request))]
        return Response(SesAccounts({"accounts": accounts}).data)


def _shown(account: SesAccount) -> SesAccount:
    account.quota = quota_of(account)  # type: ignore[attr-defined]
    account.waiting = parked_words(account)  # type: ignore[attr-defined]
    account.feedback_ready = feedback_ready(account)  # type: ignore[attr-defined]
    return account

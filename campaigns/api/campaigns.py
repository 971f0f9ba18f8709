"""/campaigns: how they go. They are written and sent in the dashboard."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Campaign, CampaignStatus
from campaigns.selectors.campaigns import FILED_AS, campaigns_of, filed_as, recipients
from sending.models import BatchState, Message
from sending.selectors.batches import Progress, progress
from tenants.api.authentication import tenant_of
from tenants.api.paging import CursorPagination
from tenants.api.views import ApiView, ListView
from tenants.models import Scope

_BEFORE = [status.value for status in CampaignStatus if status != CampaignStatus.LAUNCHED]
# Until it is launched its own status, then that of its mails.
STATES = [*_BEFORE, *BatchState.values]


class Newest(CursorPagination):
    """By id, which an index serves however many there are."""

    ordering = ("-pk",)


class CampaignAnswer(serializers.ModelSerializer[Campaign]):
    id = serializers.UUIDField(source="public_id")
    state = serializers.SerializerMethodField()

    class Meta:
        model = Campaign
        fields = ["id", "name", "subject", "from_name", "from_email", "reply_to", "state"]
        fields += ["scheduled_at", "created_at", "updated_at"]

    @extend_schema_field(serializers.ChoiceField(choices=STATES))
    def get_state(self, campaign: Campaign) -> str:
        if campaign.batch is None:
            return str(campaign.status)
        return str(campaign.batch.state)


class CampaignDetail(CampaignAnswer):
    lists = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField()
    excluded_lists = serializers.SerializerMethodField()
    excluded_segments = serializers.SerializerMethodField()

    class Meta(CampaignAnswer.Meta):
        fields = [*CampaignAnswer.Meta.fields, "lists", "segments", "excluded_lists"]
        fields += ["excluded_segments", "leave_out_unengaged"]

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_lists(self, campaign: Campaign) -> list[str]:
        return _ids(campaign.lists.all())

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_segments(self, campaign: Campaign) -> list[str]:
        return _ids(campaign.segments.all())

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_excluded_lists(self, campaign: Campaign) -> list[str]:
        return _ids(campaign.excluded_lists.all())

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_excluded_segments(self, campaign: Campaign) -> list[str]:
        return _ids(campaign.excluded_segments.all())


class ReportAnswer(serializers.Serializer[Progress]):
    """Counts of mails. total is queued, sending, sent, unknown, skipped and failed together."""

    total = serializers.IntegerField()
    queued = serializers.IntegerField()
    sending = serializers.IntegerField()
    sent = serializers.IntegerField(help_text="Taken by Amazon SES.")
    unknown = serializers.IntegerField(help_text="Handed over without an answer: not sent again.")
    skipped = serializers.IntegerField(help_text="Not to be mailed any more at their turn.")
    failed = serializers.IntegerField()
    delivered = serializers.IntegerField()
    bounced = serializers.IntegerField()
    complained = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    rate_per_second = serializers.FloatField()
    seconds_left = serializers.IntegerField(allow_null=True, help_text="null: nobody can say.")
    holding = serializers.CharField(help_text="Why nothing leaves, or what limits it, or empty.")


class RecipientAnswer(serializers.ModelSerializer[Message]):
    contact = serializers.UUIDField(source="contact.public_id", allow_null=True, default=None)
    filed = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = ["contact", "email", "filed", "reason", "sent_at", "ses_message_id"]

    @extend_schema_field(serializers.ChoiceField(choices=list(FILED_AS)))
    def get_filed(self, message: Message) -> str:
        return filed_as(message)


class Campaigns(ListView[Campaign]):
    scope = Scope.CAMPAIGNS_READ
    serializer_class = CampaignAnswer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Campaign]:
        return campaigns_of(tenant_of(self.request))

    @extend_schema(operation_id="list_campaigns", summary="The campaigns of the workspace")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first, drafts, too."""
        return super().get(request, *args, **kwargs)


class CampaignView(ApiView):
    scope = Scope.CAMPAIGNS_READ

    @extend_schema(
        operation_id="get_campaign", summary="One campaign", responses={200: CampaignDetail}
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """With whom it goes to, by the ids of lists and segments."""
        return Response(CampaignDetail(_campaign(request, public_id)).data)


class CampaignReport(ApiView):
    scope = Scope.CAMPAIGNS_READ

    @extend_schema(
        operation_id="get_campaign_report",
        summary="How a campaign goes",
        responses={200: ReportAnswer},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """As of now. Before it is launched, all counts are 0."""
        batch = _campaign(request, public_id).batch
        shown = progress(batch) if batch else _NOTHING
        return Response(ReportAnswer(shown).data)


_NOTHING = Progress(
    total=0, queued=0, sending=0, sent=0, unknown=0, skipped=0, failed=0, delivered=0, bounced=0,
    complained=0, unsubscribed=0, rate_per_second=0.0, seconds_left=None, holding="",
)  # fmt: skip


class CampaignRecipients(ListView[Message]):
    scope = Scope.CAMPAIGNS_READ
    query = ("filed", "email")
    serializer_class = RecipientAnswer
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Message]:
        asked = self.request.query_params
        campaign = _campaign(self.request, self.kwargs["public_id"])
        filed = asked.get("filed", "")
        if filed and filed not in FILED_AS:
            raise serializers.ValidationError({"filed": [f"One of {', '.join(FILED_AS)}."]})
        if campaign.batch is None:
            return Message.objects.for_tenant(campaign.tenant).none()
        return recipients(campaign, filed=filed, search=asked.get("email", "").replace("\0", ""))

    @extend_schema(
        operation_id="list_campaign_recipients",
        summary="Whom a campaign goes to, and what became of each mail",
        parameters=[
            OpenApiParameter("filed", str, enum=list(FILED_AS)),
            OpenApiParameter("email", str, description="Part of an address."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """None before it is launched. `contact` is null where somebody was deleted since."""
        return super().get(request, *args, **kwargs)


def _campaign(request: Request, public_id: UUID) -> Campaign:
    return get_object_or_404(campaigns_of(tenant_of(request)), public_id=public_id)


def _ids(things: Any) -> list[str]:
    return [str(one.public_id) for one in things]

"""What lists asks about mails: which campaigns have left, and who got them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from campaigns.models import Campaign
from lists.segments.mail import MailedCampaign
from sending import engagement
from tenants.models import Tenant

MOST = 100
_LOST = "The messages of its campaign were deleted by age: nobody knows any more who got it."


class History:
    """A lists.segments.mail.MailHistory."""

    of_campaign: Mapping[str, str] = engagement.OF_BATCH
    of_unfolded: Mapping[str, str] = engagement.OF_UNFOLDED

    def campaigns(
        self, tenant: Tenant, public_ids: Collection[UUID] | None
    ) -> list[MailedCampaign]:
        """These campaigns, or with None the newest hundred of which messages are left."""
        rows = Campaign.objects.for_tenant(tenant).filter(batch__isnull=False)
        rows = rows.select_related("batch").order_by("-id")
        if public_ids is None:
            rows = rows.filter(batch__messages_deleted_at=None)[:MOST]
        else:
            rows = rows.filter(public_id__in=public_ids)
        return [
            MailedCampaign(
                public_id=str(one.public_id),
                name=one.name,
                key=one.batch.pk,
                lost=_LOST if one.batch.messages_deleted_at else "",
            )
            for one in rows
        ]

    def unfolded(self, tenant: Tenant) -> list[int]:
        return engagement.unfolded(tenant)

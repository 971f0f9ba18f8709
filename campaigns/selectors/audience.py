"""Whom a campaign is for."""

from django.db.models import QuerySet

from campaigns.models import Campaign
from lists.models import Segment
from lists.segments.language import Definition
from lists.segments.reading import parse
from lists.selectors.reach import Audience


def audience_of(campaign: Campaign) -> Audience:
    """As its lists, segments and the workspace's rule are defined now."""
    days = campaign.tenant.unengaged_days if campaign.leave_out_unengaged else None
    return Audience(
        lists=tuple(campaign.lists.order_by("pk").values_list("pk", flat=True)),
        segments=_definitions(campaign.segments.order_by("pk")),
        not_lists=tuple(campaign.excluded_lists.order_by("pk").values_list("pk", flat=True)),
        not_segments=_definitions(campaign.excluded_segments.order_by("pk")),
        unengaged_days=days,
    )


def _definitions(segments: QuerySet[Segment]) -> tuple[Definition, ...]:
    return tuple(parse(one.definition) for one in segments)

"""How many mails of a campaign servers refused for what is in them, and what they said.

Counted as it happens (BatchTally.refused), so neither the clock nor a page reads events to count.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet, Sum

from campaigns.models import AlertKind, Campaign
from sending.models import CONTENT_REFUSED, Batch, BatchTally, EventKind, MessageEvent

# One server with a rule of its own says nothing about the mail; several, and a share, do.
MIN_REFUSED, MIN_PERCENT = 5, 1
# SES tries a mail for less than a day.
_STILL_COMING = timedelta(days=7)
# The servers' words: how many are shown, of how many of the latest.
_SHOWN, _READ = 3, 200


@dataclass(frozen=True)
class Refusals:
    """How many of how many sent; the servers' words, the most frequent first."""

    refused: int
    sent: int
    words: list[str]


def too_many(refused: int, sent: int) -> bool:
    """Whether the members should look at what is in the mail."""
    return refused >= MIN_REFUSED and 100 * refused >= MIN_PERCENT * sent


def refusals_of(campaign: Campaign) -> Refusals | None:
    """What to tell of a campaign, from when it was too many on; None before."""
    batch = campaign.batch
    if batch is None or not campaign.alerts.filter(kind=AlertKind.REFUSED).exists():
        return None
    sums = {name: Sum(name, default=0) for name in ("refused", "sent")}
    counts = BatchTally.objects.for_tenant(batch.tenant).filter(batch=batch).aggregate(**sums)
    return Refusals(**counts, words=_words(batch))


def _words(batch: Batch) -> list[str]:
    about = MessageEvent.objects.for_tenant(batch.tenant).filter(
        kind=EventKind.BOUNCE, subtype__in=CONTENT_REFUSED, message__batch=batch
    )
    # From its start: the index of the workspace's bounces (event_feedback) is read no further back.
    events = about.filter(at__gt=batch.created_at).order_by("-at")
    said = Counter(words for words in events.values_list("diagnostic", flat=True)[:_READ] if words)
    return [words for words, _ in said.most_common(_SHOWN)]


def refused_untold(now: datetime) -> list[Campaign]:
    """Campaigns of which too many were refused, of every workspace, that nobody was told of."""
    lately = Q(batch__finished_at=None) | Q(batch__finished_at__gt=now - _STILL_COMING)
    some = BatchTally.unscoped.filter(refused__gt=0).values("batch")
    rows: QuerySet[Campaign] = Campaign.unscoped.filter(lately, batch__in=some)
    counted = rows.exclude(alerts__kind=AlertKind.REFUSED).annotate(
        refused=Sum("batch__tallies__refused"), sent=Sum("batch__tallies__sent")
    )
    return [one for one in counted if too_many(one.refused, one.sent)]

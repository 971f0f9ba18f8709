"""The circuit breaker: a campaign that bounces or is complained of too often stops by itself.

AWS reviews an account at 5 % bounces and 0.1 % complaints
(https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html). A tenant's own limits
lie below. Small numbers say nothing: one bounce among ten is 10 %, and one complaint is above
0.08 % until 1,250 mails are delivered. So a limit counts from MIN_BASE mails on, and only with
MIN_BOUNCES or MIN_COMPLAINTS. Reasons: docs/decisions/circuit-breaker.md.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from sending import queue
from sending.models import Batch, BatchState, BatchTally, Lane
from sending.signals import paused_by_limit
from tenants.services.audit import record

MIN_BASE = 100
MIN_BOUNCES = 5
MIN_COMPLAINTS = 2


@dataclass(frozen=True)
class Figures:
    """What the limits are about: hard bounces of mails sent, complaints of mails delivered."""

    sent: int = 0
    bounced: int = 0
    delivered: int = 0
    complained: int = 0

    def since(self, start: "Figures") -> "Figures":
        """What has come after `start`."""
        return Figures(**{name: n - getattr(start, name) for name, n in asdict(self).items()})


_NAMES = [field.name for field in fields(Figures)]


def judge(figures: Figures, *, bounce_limit: float, complaint_limit: float, since: str = "") -> str:
    """Which limit (percent) the figures are over, in words, or "". `since` says from when."""
    if figures.bounced >= MIN_BOUNCES and _over(figures.bounced, figures.sent, bounce_limit):
        what = f"{figures.bounced:,} of {figures.sent:,} mails{since} bounced"
        return _words("bounce", what, figures.bounced / figures.sent, bounce_limit)
    complaints = figures.complained
    if complaints >= MIN_COMPLAINTS and _over(complaints, figures.delivered, complaint_limit):
        what = f"{complaints:,} of {figures.delivered:,} delivered mails{since} drew a complaint"
        return _words("complaint", what, complaints / figures.delivered, complaint_limit)
    return ""


def _over(count: int, base: int, limit: float) -> bool:
    return base >= MIN_BASE and 100 * count > limit * base


def _words(name: str, what: str, share: float, limit: float) -> str:
    return f"Paused by the {name} limit: {what} ({100 * share:.3g} %), your limit is {limit:g} %"


def look_at(batch_ids: Collection[int]) -> list[int]:
    """Pauses those of these batches that are over a limit of their tenant; returns their ids.

    Call it when what changed the counts is committed: of two workers whose events only together
    are too many, the later one then sees them all.
    """
    return _look(BatchTally.unscoped.filter(batch__in=batch_ids)) if batch_ids else []


def look_at_all() -> list[int]:
    """The same for every batch that runs: a second chance for a look that was lost."""
    return _look(BatchTally.unscoped.all())


def _look(tallies: QuerySet[BatchTally]) -> list[int]:
    about = tallies.filter(batch__state=BatchState.RUNNING, batch__lane__gte=Lane.AUTOMATION)
    rows = about.values(
        "batch_id",
        "batch__braked_from",
        "batch__tenant__bounce_limit",
        "batch__tenant__complaint_limit",
    ).annotate(**{f"all_{name}": Sum(name) for name in _NAMES})
    over = {
        row["batch_id"]
        for row in rows
        if _judge(
            Figures(**{name: row[f"all_{name}"] for name in _NAMES}),
            row["batch__braked_from"],
            row["batch__tenant__bounce_limit"],
            row["batch__tenant__complaint_limit"],
        )
    }
    return [batch_id for batch_id in sorted(over) if _brake(batch_id)]


def _judge(
    figures: Figures, start: dict[str, int], bounce_limit: float, complaint_limit: float
) -> str:
    return judge(
        figures.since(Figures(**start)),
        bounce_limit=bounce_limit,
        complaint_limit=complaint_limit,
        since=" since it was resumed" if start else "",
    )


def figures_of(batch: Batch) -> Figures:
    """The batch's figures from its first mail on."""
    sums = {name: Sum(name, default=0) for name in _NAMES}
    return Figures(**BatchTally.unscoped.filter(batch=batch).aggregate(**sums))


def _brake(batch_id: int) -> bool:
    """Pauses the batch, unless a person has stopped or resumed it since we looked."""
    with transaction.atomic():
        rows = Batch.unscoped.select_for_update(of=("self",), no_key=True)
        batch = rows.select_related("ses_account", "tenant").get(pk=batch_id)
        tenant = batch.tenant
        reason = _judge(
            figures_of(batch), batch.braked_from, tenant.bounce_limit, tenant.complaint_limit
        )
        if batch.state != BatchState.RUNNING or not reason:
            return False
        batch.state, batch.state_reason, batch.braked_at = BatchState.PAUSED, reason, timezone.now()
        batch.save(update_fields=["state", "state_reason", "braked_at"])
        record(
            tenant=tenant,
            action=f"{batch.get_lane_display().lower()}.paused",
            target=batch.subject,
            detail={"reason": reason},
        )
        paused_by_limit.send(Batch, batch=batch, reason=reason)
        key, lane = batch.ses_account.pace_key, batch.lane
        # Not in time or not at all is no harm: what is claimed finds the batch paused.
        transaction.on_commit(lambda: queue.drop(key, lane, batch_id), robust=True)
    return True

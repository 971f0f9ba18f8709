"""The circuit breaker: a campaign that bounces or is complained of too often stops by itself.

So do all campaigns of an account when all its mail together does: AWS judges the account.

AWS reviews an account at 5 % bounces and 0.1 % complaints
(https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html). A tenant's own limits
lie below. Small numbers say nothing: one bounce among ten is 10 %, and one complaint is above
0.08 % until 1,250 mails are delivered. So a limit counts from MIN_BASE mails on, and only with
MIN_BOUNCES or MIN_COMPLAINTS. Reasons: docs/decisions/circuit-breaker.md.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils import timezone

from sending import queue
from sending.models import Batch, BatchState, BatchTally, Lane, SesAccount
from sending.selectors.standing import standings
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
    return [batch_id for batch_id in sorted(over) if _brake(batch_id, _judge_alone)]


# What of an account is judged together, and its name. AWS's own time is longer, and unknown.
_WINDOWS = ((timedelta(days=1), "in the last 24 hours"), (timedelta(days=7), "in the last 7 days"))


def look_at_accounts(batch_ids: Collection[int] | None = None) -> list[int]:
    """Pauses all campaigns of the accounts that are over a limit of their tenant; returns the
    batches' ids. Of the accounts that these batches leave through, or of all that send campaigns.

    Awaited mail counts, and goes on.
    """
    running = Batch.unscoped.filter(state=BatchState.RUNNING, lane__gte=Lane.AUTOMATION)
    accounts = SesAccount.unscoped.filter(Exists(running.filter(ses_account=OuterRef("pk"))))
    if batch_ids is not None:
        accounts = accounts.filter(batches__in=batch_ids).distinct()
    over = [one.pk for one in accounts.select_related("tenant") if judge_account(one)]
    ids = running.filter(ses_account__in=over).order_by("pk").values_list("pk", flat=True)
    return [batch_id for batch_id in ids if _brake(batch_id, _judge_account_of)]


def judge_account(account: SesAccount) -> str:
    """Which limit all mail of the account is over, in words, or ""; in one of the windows.

    Counts are kept by the hour. What was counted before a person resumed a campaign that a limit
    had paused is not held against the account again: it counts from the next full hour on.
    """
    tenant, now = account.tenant, timezone.now()
    sinces = [max(now - age, account.judged_from or now - age) for age, _ in _WINDOWS]
    found = standings([account.pk], sinces)
    for (_, when), seen in zip(_WINDOWS, found, strict=True):
        if seen.bounced >= MIN_BOUNCES and _over(seen.bounced, seen.sent, tenant.bounce_limit):
            what = f"{seen.bounced:,} of {seen.sent:,} mails through {account.name} {when} bounced"
            return _words("bounce", what, seen.bounced / seen.sent, tenant.bounce_limit)
        complaints = seen.complained
        if complaints >= MIN_COMPLAINTS and _over(complaints, seen.heard, tenant.complaint_limit):
            what = (
                f"{complaints:,} of {seen.heard:,} mails through {account.name} {when}, those to "
                "Gmail not counted, drew a complaint"
            )
            return _words("complaint", what, complaints / seen.heard, tenant.complaint_limit)
    return ""


def lift(account_id: int) -> None:
    """A person has seen the figures of the account and goes on: they are not judged again."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    SesAccount.unscoped.filter(pk=account_id).update(judged_from=hour)


def _judge_account_of(batch: Batch) -> str:
    return judge_account(batch.ses_account)


def _judge_alone(batch: Batch) -> str:
    tenant = batch.tenant
    return _judge(figures_of(batch), batch.braked_from, tenant.bounce_limit, tenant.complaint_limit)


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


def _brake(batch_id: int, judged: Callable[[Batch], str]) -> bool:
    """Pauses the batch if it still runs and is judged so now: a person may have resumed it."""
    with transaction.atomic():
        rows = Batch.unscoped.select_for_update(of=("self",), no_key=True)
        batch = rows.select_related("ses_account__tenant", "tenant").get(pk=batch_id)
        if batch.state != BatchState.RUNNING or not (reason := judged(batch)):
            return False
        batch.state, batch.state_reason, batch.braked_at = BatchState.PAUSED, reason, timezone.now()
        batch.save(update_fields=["state", "state_reason", "braked_at"])
        record(
            tenant=batch.tenant,
            action=f"{batch.get_lane_display().lower()}.paused",
            target=batch.subject,
            detail={"reason": reason},
        )
        paused_by_limit.send(Batch, batch=batch, reason=reason)
        key, lane = batch.ses_account.pace_key, batch.lane
        # Not in time or not at all is no harm: what is claimed finds the batch paused.
        transaction.on_commit(lambda: queue.drop(key, lane, batch_id), robust=True)
    return True

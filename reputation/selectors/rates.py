"""Bounce and complaint rates as AWS counts them, and how near they are to its lines.

https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html: under review from 5 % bounces and
0.1 % complaints, perhaps paused from 10 % and 0.5 %; of hard bounces to domains that the account
has not verified, and of mail to domains that report complaints. AWS takes a "representative
volume" in place of a time, which only AWS knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from django.utils import timezone

from sending.brakes import MIN_BASE, MIN_BOUNCES, MIN_COMPLAINTS
from sending.models import SesAccount, SesState
from sending.selectors.accounts import accounts_of
from sending.selectors.standing import Standing, standings
from tenants.models import Tenant

WINDOWS = (1, 7, 30)  # days


@dataclass(frozen=True)
class Lines:
    """Shares of mail from which on AWS reviews, and may pause, an account."""

    review: float
    pause: float


BOUNCES = Lines(review=0.05, pause=0.10)
COMPLAINTS = Lines(review=0.001, pause=0.005)


class Level(Enum):
    """How a rate stands to AWS's lines."""

    NONE = "nothing sent"
    FEW = "too few to say"
    GOOD = "far from AWS's lines"
    NEAR = "over half of where AWS begins a review"
    REVIEW = "where AWS reviews an account"
    PAUSE = "where AWS may pause an account"

    @property
    def tone(self) -> str:
        """As of the `stat` and `status` tags."""
        return {"GOOD": "green", "NEAR": "amber", "REVIEW": "red", "PAUSE": "red"}.get(
            self.name, ""
        )


@dataclass(frozen=True)
class Rate:
    """`count` of `of` mails; it says something from MIN_BASE mails on.

    Below `least` bounces or complaints it is not called high: one complaint of 500 is 0.2 %.
    """

    count: int
    of: int
    least: int
    lines: Lines

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def level(self) -> Level:
        if not self.of:
            return Level.NONE
        high = self.share >= self.lines.review / 2
        if self.of < MIN_BASE or (high and self.count < self.least):
            return Level.FEW
        if self.share >= self.lines.pause:
            return Level.PAUSE
        if self.share >= self.lines.review:
            return Level.REVIEW
        return Level.NEAR if high else Level.GOOD


@dataclass(frozen=True)
class Rates(Standing):
    """What was sent in a window and what came of it.

    `bounced` and `sent` as AWS counts them; complaints are of `heard`, the mails whose provider
    may report them.
    """

    @property
    def bounces(self) -> Rate:
        return Rate(self.bounced, self.sent, MIN_BOUNCES, BOUNCES)

    @property
    def complaints(self) -> Rate:
        return Rate(self.complained, self.heard, MIN_COMPLAINTS, COMPLAINTS)

    @property
    def bounce_rate(self) -> float:
        """A share: 0.05 is 5 %."""
        return self.bounces.share

    @property
    def complaint_rate(self) -> float:
        """A share: 0.001 is 0.1 %."""
        return self.complaints.share

    @property
    def enough(self) -> bool:
        """Whether so much was sent that the rates say something."""
        return self.sent >= MIN_BASE


def account_ids(tenant: Tenant, account: SesAccount | None = None) -> list[int]:
    """The tenant's accounts, or the one, if it is the tenant's."""
    accounts = SesAccount.objects.for_tenant(tenant)
    if account is not None:
        accounts = accounts.filter(pk=account.pk)
    return list(accounts.values_list("pk", flat=True))


def rates(tenant: Tenant, *, days: int, account: SesAccount | None = None) -> Rates:
    """The last `days` times 24 hours, to the hour; of one account, or of all together.

    AWS judges each account by itself: with several, ask for each.
    """
    return _rates(tenant, account, [days])[0]


def windows(tenant: Tenant, account: SesAccount | None = None) -> list[tuple[int, Rates]]:
    """The rates of each of WINDOWS."""
    return list(zip(WINDOWS, _rates(tenant, account, WINDOWS), strict=True))


def _rates(tenant: Tenant, account: SesAccount | None, windows: Sequence[int]) -> list[Rates]:
    sinces = [timezone.now() - timedelta(days=days) for days in windows]
    return [Rates(**vars(one)) for one in standings(account_ids(tenant, account), sinces)]


@dataclass(frozen=True)
class High:
    """A rate over half of where AWS begins a review; `what` the mails did."""

    account: SesAccount
    days: int
    what: str
    rate: Rate


def high_rates(tenant: Tenant) -> list[High]:
    """Of each connected account the rate that is nearest to its line, if it is high."""
    found = []
    for account in accounts_of(tenant).filter(state=SesState.CONNECTED):
        high = [
            High(account, days, what, rate)
            for days, one in windows(tenant, account)
            for what, rate in (("bounced", one.bounces), ("drew a complaint", one.complaints))
            if rate.level in (Level.NEAR, Level.REVIEW, Level.PAUSE)
        ]
        if high:
            found.append(max(high, key=lambda one: one.rate.share / one.rate.lines.review))
    return found

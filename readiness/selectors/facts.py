"""Everything that the lines are judged by, read once."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection
from django.db.models import Max, Sum
from django.utils import timezone

from lists.models import Captcha, FormDay, SignupForm, Source, Suppression
from lists.selectors.lists import lists_with_counts
from readiness.selectors.sample import Sample, sample_of
from reputation.selectors.rates import Rates, rates
from sending.models import SesAccount
from sending.selectors.domains import DomainState, domain_state, domains_of
from sending.selectors.feedback import Health, feedback_health
from sending.selectors.selftest import latest_run
from tenants.models import Tenant


@dataclass(frozen=True)
class Domain:
    """A domain of the account, and how it stands in DNS."""

    name: str
    public_id: str
    verified: bool
    state: DomainState


@dataclass(frozen=True)
class OneList:
    """`active` None: a large list that was not counted yet."""

    name: str
    description: str
    is_public: bool
    double_opt_in: bool
    active: int | None


@dataclass(frozen=True)
class OneForm:
    """A form that takes sign-ups."""

    name: str
    captcha: Captcha


@dataclass(frozen=True)
class Joined:
    """How people came onto lists: `confirmed` by the double opt-in of forms; the others by lists'
    own daily figures, which lag by minutes.
    """

    confirmed: int = 0
    last_confirmed_on: date | None = None
    imported: int = 0
    by_hand: int = 0
    by_api: int = 0


@dataclass(frozen=True)
class Facts:
    """A workspace and one of its SES accounts, or none, at one moment."""

    now: datetime
    tenant: Tenant
    account: SesAccount | None
    health: Health | None
    selftest: str = ""  # the state of the last Run, "" before the first
    domains: tuple[Domain, ...] = ()
    lists: tuple[OneList, ...] = ()
    forms: tuple[OneForm, ...] = ()
    joined: Joined = field(default_factory=Joined)
    suppressed: int = 0
    sample: Sample = field(default_factory=Sample)
    rates: Rates = field(default_factory=Rates)

    @property
    def members(self) -> int | None:
        """Active places on all lists; None while a large list was not counted yet."""
        counts = [one.active for one in self.lists]
        return None if None in counts else sum(filter(None, counts))


DAYS = 30


def facts_of(tenant: Tenant, account: SesAccount | None) -> Facts:
    """The facts as they are now; asks nobody but the database."""
    now = timezone.now()
    return Facts(
        now=now,
        tenant=tenant,
        account=account,
        health=feedback_health(account) if account else None,
        selftest=_selftest(account),
        domains=_domains(tenant, account),
        lists=_lists(tenant),
        forms=_forms(tenant),
        joined=_joined(tenant),
        suppressed=Suppression.objects.for_tenant(tenant).count(),
        sample=sample_of(tenant),
        rates=rates(tenant, days=DAYS, account=account) if account else Rates(),
    )


def _selftest(account: SesAccount | None) -> str:
    run = latest_run(account) if account else None
    return run.state if run else ""


def _domains(tenant: Tenant, account: SesAccount | None) -> tuple[Domain, ...]:
    rows = domains_of(tenant).filter(ses_account=account) if account else ()
    return tuple(
        Domain(row.name, str(row.public_id), row.verified, domain_state(row)) for row in rows
    )


def _lists(tenant: Tenant) -> tuple[OneList, ...]:
    return tuple(
        OneList(one.name, one.description, one.is_public, one.double_opt_in, one.active)  # type: ignore[attr-defined]
        for one in lists_with_counts(tenant=tenant)
    )


def _forms(tenant: Tenant) -> tuple[OneForm, ...]:
    rows = SignupForm.objects.for_tenant(tenant).filter(is_active=True).order_by("name")
    return tuple(OneForm(one.name, Captcha(one.captcha)) for one in rows)


_SOURCES = """
SELECT came.source, sum(came.people::int)
FROM lists_listday d, jsonb_each_text(d.sources) AS came (source, people)
WHERE d.tenant_id = %s GROUP BY came.source
"""


def _joined(tenant: Tenant) -> Joined:
    days = FormDay.objects.for_tenant(tenant).filter(confirmed__gt=0)
    by_form = days.aggregate(confirmed=Sum("confirmed", default=0), last=Max("day"))
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES, [tenant.pk])
        sources = dict(cursor.fetchall())
    return Joined(
        confirmed=by_form["confirmed"],
        last_confirmed_on=by_form["last"],
        imported=sources.get(Source.IMPORT, 0),
        by_hand=sources.get(Source.MEMBER, 0),
        by_api=sources.get(Source.API, 0),
    )

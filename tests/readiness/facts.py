"""Facts of a workspace in which everything is in place; tests take one thing away."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from lists.models import Captcha
from readiness.selectors.facts import Domain, Facts, Joined, OneForm, OneList
from readiness.selectors.sample import Sample
from reputation.selectors.rates import Rates
from sending.models import RecordState, SesAccount, SesState
from sending.selectors.domains import DomainState, Part
from sending.selectors.feedback import Health, HealthState
from tenants.models import Tenant

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATELY = NOW - timedelta(minutes=4)
OK = Part(RecordState.OK, "Right.")


def tenant(**changed: Any) -> Tenant:
    given = {
        "slug": "acme", "name": "Acme", "website": "https://www.acme.example",
        "postal_address": "1 Acme Street\nSpringfield",
    }  # fmt: skip
    return Tenant(**given | changed)


def account(**changed: Any) -> SesAccount:
    given = {
        "tenant": tenant(), "name": "Main", "region": "eu-west-1", "state": SesState.CONNECTED,
        "aws_account_id": "111122223333", "max_send_rate": 1, "max_24_hour_send": 200,
        "quota_read_at": LATELY, "enforcement_status": "HEALTHY", "selftest_passed_at": LATELY,
        "suppression_synced_at": LATELY, "production_access": True,
    }  # fmt: skip
    return SesAccount(**given | changed)


def domain(**parts: Part) -> Domain:
    """Verified, and everything right in DNS but for `parts`."""
    names = ("dkim", "mail_from", "spf", "dmarc", "aligned")
    state = DomainState(**{name: parts.get(name, OK) for name in names}, checked_at=LATELY)
    return Domain("acme.example", str(uuid.UUID(int=1)), verified=True, state=state)


def missing(words: str = "There is no such record.") -> Part:
    return Part(RecordState.MISSING, words)


NEWS = OneList("News", "Bicycles, once a month", is_public=True, double_opt_in=True, active=480)
FORM = OneForm("Footer", Captcha.ALTCHA)
GOOD_HEALTH = Health(HealthState.GOOD, "Last event 2 minutes ago.", LATELY)
SAMPLE = Sample(of="Spring", link=True, address=True, one_click=True, https=True)


def facts(**changed: Any) -> Facts:
    """Everything in place, but for what is named; `ses` changes columns of the account."""
    ses = changed.pop("ses", {})
    whole = Facts(
        now=NOW,
        tenant=tenant(),
        account=account(**ses),
        health=GOOD_HEALTH,
        domains=(domain(),),
        lists=(NEWS,),
        forms=(FORM,),
        joined=Joined(confirmed=214, last_confirmed_on=date(2026, 11, 30)),
        suppressed=3,
        sample=SAMPLE,
        rates=Rates(sent=1000, delivered=990, bounced=2, complained=0, heard=700),
    )
    return replace(whole, **changed)


def nothing() -> Facts:
    """A workspace on its first day."""
    return Facts(now=NOW, tenant=tenant(website="", postal_address=""), account=None, health=None)

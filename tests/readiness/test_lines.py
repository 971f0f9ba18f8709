"""Each line in each of its states, by the facts that bring it there."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import NoReverseMatch, reverse

from lists.models import Captcha
from readiness.asked import LINES
from readiness.guides import guide_of
from readiness.lines import is_ready, judge, score, states
from readiness.selectors.facts import Facts, Joined
from readiness.selectors.sample import Sample
from readiness.verdicts import State, Verdict
from reputation.selectors.rates import Rates
from sending.models import RecordState, SesState
from sending.selectors.domains import Part
from sending.selectors.feedback import Health, HealthState
from tests.readiness.facts import (
    FORM,
    NEWS,
    NOW,
    SAMPLE,
    domain,
    facts,
    missing,
    nothing,
    tenant,
)

GOOD, PARTLY, BAD, UNKNOWN = State.GOOD, State.PARTLY, State.BAD, State.UNKNOWN


def verdict(key: str, of: Facts) -> Verdict:
    return next(line.verdict for line in judge(of) if line.key == key)


def test_with_everything_in_place_all_is_green_and_counts_a_hundred() -> None:
    lines = judge(facts())
    assert set(states(lines).values()) == {"good"}
    assert (score(lines), is_ready(lines)) == (100, True)
    assert sum(line.asked.weight for line in lines) == 100


def test_on_the_first_day_nothing_is_claimed() -> None:
    lines = judge(nothing())
    assert not is_ready(lines)
    assert score(lines) < 10
    found = states(lines)
    assert found["connection"] == found["company"] == found["optin"] == "bad"
    assert found["domain"] == found["feedback"] == found["queue"] == "unknown"


# key, facts, state, words of the evidence, what the button does or where it leads
CASES: list[tuple[str, Facts, State, str, str]] = [
    ("connection", nothing(), BAD, "No Amazon SES account", "sending:connect"),
    ("connection", facts(ses={"state": SesState.NEW}), BAD, "not let us in yet", "sending:access"),
    (
        "connection",
        facts(ses={"state": SesState.FAILED, "last_error": "InvalidClientTokenId: no"}),
        BAD,
        "InvalidClientTokenId",
        "connection",
    ),
    ("connection", facts(), GOOD, "AWS account 111122223333", ""),
    (
        "company",
        facts(tenant=tenant(website="", postal_address="")),
        BAD,
        "missing",
        "tenants:settings",
    ),
    ("company", facts(tenant=tenant(website="")), PARTLY, "website is missing", "tenants:settings"),
    (
        "company",
        facts(tenant=tenant(postal_address=" ")),
        PARTLY,
        "postal address is",
        "tenants:settings",
    ),
    ("company", facts(), GOOD, "1 Acme Street · Springfield", ""),
    (
        "company",
        facts(tenant=tenant(website="https://other.example")),
        GOOD,
        "that is another name",
        "",
    ),
    ("domain", nothing(), UNKNOWN, "before Amazon SES is connected", ""),
    ("domain", facts(domains=()), BAD, "No domain", "domains:new"),
    ("domain", facts(), GOOD, "acme.example: verified by SES", ""),
    (
        "domain",
        facts(domains=(domain(dkim=missing()),)),
        PARTLY,
        "There is no such record.",
        "domain",
    ),
    (
        "domain",
        facts(domains=(replace(domain(dkim=missing()), verified=False),)),
        BAD,
        "not verified acme.example yet",
        "domain",
    ),
    (
        "domain",
        facts(
            domains=(
                replace(
                    domain(dkim=Part(RecordState.UNCHECKED, "Not looked up yet.")), verified=False
                ),
            )
        ),
        UNKNOWN,
        "Not looked up yet.",
        "domain",
    ),
    ("dns", facts(domains=()), UNKNOWN, "once you have added", ""),
    ("dns", facts(), GOOD, "DMARC, SPF and MAIL FROM are right", ""),
    (
        "dns",
        facts(domains=(domain(dmarc=missing("No record at _dmarc.")),)),
        BAD,
        "DMARC: No record",
        "domains:domain",
    ),
    (
        "dns",
        facts(domains=(domain(spf=missing(), mail_from=missing()),)),
        PARTLY,
        "SPF and MAIL FROM: There",
        "domains:domain",
    ),
    (
        "dns",
        facts(
            domains=(domain(dmarc=Part(RecordState.UNKNOWN, "The DNS server does not answer.")),)
        ),
        UNKNOWN,
        "does not answer",
        "domains:domain",
    ),
    ("feedback", nothing(), UNKNOWN, "before Amazon SES is connected", ""),
    (
        "feedback",
        facts(health=Health(HealthState.OFF, "Not yet.", None)),
        BAD,
        "Not yet.",
        "feedback",
    ),
    (
        "feedback",
        facts(health=Health(HealthState.WAITING, "SNS has been asked.", None)),
        PARTLY,
        "asked",
        "",
    ),
    (
        "feedback",
        facts(ses={"selftest_passed_at": None}),
        PARTLY,
        "no bounce has come back",
        "selftest",
    ),
    (
        "feedback",
        facts(health=Health(HealthState.STOPPED, "None since.", None)),
        BAD,
        "None since.",
        "selftest",
    ),
    (
        "feedback",
        facts(ses={"feedback_manual": True}, health=Health(HealthState.OFF, "No event yet.", None)),
        BAD,
        "No event yet.",
        "sending:own_topic",
    ),
    (
        "feedback",
        facts(ses={"selftest_passed_at": None}, selftest="running"),
        PARTLY,
        "is running",
        "",
    ),
    (
        "feedback",
        facts(ses={"selftest_passed_at": None}, selftest="failed"),
        PARTLY,
        "did not bring everything back",
        "sending:account",
    ),
    ("feedback", facts(), GOOD, "one bounced", ""),
    ("suppression", nothing(), UNKNOWN, "0 addresses", ""),
    ("suppression", facts(), GOOD, "3 addresses", ""),
    ("suppression", facts(ses={"suppression_synced_at": None}), PARTLY, "is being read", ""),
    (
        "suppression",
        facts(ses={"suppression_error": "AccessDenied: no"}),
        PARTLY,
        "AccessDenied",
        "",
    ),
    ("optin", facts(lists=()), BAD, "no list yet", "lists:list_new"),
    ("optin", facts(lists=(replace(NEWS, double_opt_in=False),)), BAD, "News takes", "optin"),
    (
        "optin",
        facts(lists=(NEWS, replace(NEWS, name="Offers", double_opt_in=False))),
        PARTLY,
        "Offers takes",
        "optin",
    ),
    ("optin", facts(), GOOD, "214 people have confirmed", ""),
    ("optin", facts(joined=Joined()), GOOD, "Nobody has signed up", ""),
    ("captcha", facts(forms=()), PARTLY, "No sign-up form", "lists:form_new"),
    (
        "captcha",
        facts(forms=(replace(FORM, captcha=Captcha.NONE),)),
        BAD,
        "Without a captcha: Footer",
        "captcha",
    ),
    (
        "captcha",
        facts(forms=(FORM, replace(FORM, name="Pop-up", captcha=Captcha.NONE))),
        PARTLY,
        "Pop-up",
        "captcha",
    ),
    ("captcha", facts(), GOOD, "ALTCHA", ""),
    ("preferences", facts(lists=()), BAD, "no list", "lists:list_new"),
    (
        "preferences",
        facts(lists=(replace(NEWS, is_public=False),)),
        PARTLY,
        "no list is public",
        "lists:lists",
    ),
    ("preferences", facts(), GOOD, "News", ""),
    ("unsubscribe", facts(), GOOD, "“Spring”", ""),
    ("unsubscribe", facts(sample=replace(SAMPLE, of="")), GOOD, "A first mail", ""),
    (
        "unsubscribe",
        facts(sample=replace(SAMPLE, address=False)),
        PARTLY,
        "postal address",
        "tenants:settings",
    ),
    (
        "unsubscribe",
        facts(sample=Sample(of="Spring")),
        BAD,
        "no unsubscribe link",
        "campaigns:index",
    ),
    (
        "unsubscribe",
        facts(sample=Sample(of="Spring", wrong="Line 3.")),
        UNKNOWN,
        "Line 3.",
        "campaigns:index",
    ),
    ("one_click", facts(), GOOD, "List-Unsubscribe-Post", ""),
    ("one_click", facts(sample=replace(SAMPLE, https=False)), BAD, "no https address", ""),
    ("one_click", facts(sample=Sample(of="Spring")), BAD, "lacks the headers", "campaigns:index"),
    (
        "one_click",
        facts(sample=Sample(of="Spring", wrong="Line 3.")),
        UNKNOWN,
        "Line 3.",
        "campaigns:index",
    ),
    ("queue", nothing(), UNKNOWN, "before Amazon SES is connected", ""),
    ("queue", facts(), GOOD, "1 a second and 200, of which 0 are used", ""),
    ("queue", facts(ses={"max_24_hour_send": -1}), GOOD, "any number", ""),
    ("queue", facts(ses={"sending_enabled": False}), BAD, "paused sending", "connection"),
    (
        "queue",
        facts(ses={"quota_read_at": NOW - timedelta(hours=2)}),
        UNKNOWN,
        "too long ago",
        "connection",
    ),
    ("rates", nothing(), UNKNOWN, "before Amazon SES is connected", ""),
    ("rates", facts(rates=Rates()), GOOD, "stops by itself at 4 % bounces or 0.08 %", ""),
    ("rates", facts(), GOOD, "2 bounced (0.20%)", ""),
    ("rates", facts(rates=Rates(sent=9, bounced=1, heard=9)), GOOD, "Too few", ""),
    (
        "rates",
        facts(rates=Rates(sent=1000, bounced=60, heard=700)),
        PARTLY,
        "AWS reviews",
        "webhooks:index",
    ),
    (
        "rates",
        facts(rates=Rates(sent=1000, complained=9, heard=1000)),
        BAD,
        "may pause",
        "webhooks:index",
    ),
    (
        "rates",
        facts(ses={"enforcement_status": "PROBATION"}),
        BAD,
        "under review",
        "sending:account",
    ),
    ("access", nothing(), UNKNOWN, "once the lines above", ""),
    (
        "access",
        facts(ses={"production_access": False}),
        BAD,
        "Not asked for yet",
        "readiness:request",
    ),
    (
        "access",
        facts(ses={"production_access": False, "review_status": "PENDING", "review_case": "42"}),
        PARTLY,
        "case at AWS Support is 42",
        "readiness:request",
    ),
    (
        "access",
        facts(ses={"production_access": False, "review_status": "DENIED"}),
        BAD,
        "refused",
        "readiness:request",
    ),
    (
        "access",
        facts(ses={"production_access": False, "review_status": "FAILED"}),
        BAD,
        "did not reach",
        "readiness:request",
    ),
    ("access", facts(), GOOD, "200 mails in 24 hours", ""),
]


@pytest.mark.parametrize(
    ("key", "of", "state", "words", "button"),
    CASES,
    ids=[f"{case[0]}-{case[2].value}-{number}" for number, case in enumerate(CASES)],
)
def test_a_line(key: str, of: Facts, state: State, words: str, button: str) -> None:
    found = verdict(key, of)
    assert found.state == state
    assert words in found.evidence
    action = found.action
    assert (action.mend or action.page if action else "") == button


def test_every_line_is_tried_in_each_direction() -> None:
    for asked in LINES:
        tried = {state for key, _, state, _, _ in CASES if key == asked.key}
        assert GOOD in tried and len(tried) > 1, asked.key


def test_every_button_leads_somewhere_and_every_guide_has_its_place() -> None:
    for _, of, _, _, _ in CASES:
        for line in judge(of):
            action = line.verdict.action
            if action and action.page:
                _reverse(action.page, action.of)
    for asked in LINES:
        whole = "".join(part.html for part in guide_of(asked.guide).parts)
        assert f'id="{asked.anchor}"' in whole, asked.key


def _reverse(page: str, of: str) -> None:
    try:
        reverse(page, args=["acme", of] if of else ["acme"])
    except NoReverseMatch:
        pytest.fail(f"{page} is no page of {of or 'the workspace'}")

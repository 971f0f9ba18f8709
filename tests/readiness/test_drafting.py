"""The text that AWS gets: true sentence by sentence, and never longer than AWS takes."""

from dataclasses import replace

import pytest

from lists.models import Captcha
from readiness.drafting import (
    HEADINGS,
    Answers,
    Draft,
    Latest,
    Refusal,
    appeal,
    draft,
)
from readiness.lines import judge
from readiness.selectors.facts import Facts, Joined
from readiness.selectors.sample import Sample
from sending.models import SesState
from sending.ses.account_calls import USE_CASE_LENGTH
from tests.readiness.facts import FORM, NEWS, domain, facts, missing, nothing

ANSWERS = Answers("We write to our customers once a month about bicycles.", 2000)
LATEST = Latest("Spring is here", "Hello Ada, new bicycles. " * 100)


def written(of: Facts, edits: dict[str, str] | None = None) -> Draft:
    return draft(of, judge(of), ANSWERS, LATEST, edits)


def test_with_everything_in_place_each_section_says_how() -> None:
    found = written(facts())
    assert all(found.texts[key] for key in HEADINGS if key != "open")
    assert found.texts["open"] == ""
    text = found.whole
    assert text.startswith("WHAT WE SEND\nWe are Acme (https://www.acme.example). We write to our")
    for claim in (
        "We send from acme.example, signed with DKIM.",
        "“News”: Bicycles, once a month.",
        "double opt-in",
        "the mailbox simulator of SES on 01 Dec 2026",
        "about 2,000 mails a month",
        "Our lists have 480 members today.",
        "Subject: Spring is here",
    ):
        assert claim in text
    assert "STILL OPEN" not in text
    assert len(text) <= USE_CASE_LENGTH


# What is taken away, and what may then not be said any more.
CLAIMS = [
    (facts(domains=()), ["signed with DKIM", "DMARC policy"]),
    (facts(domains=(domain(dkim=missing()),)), ["signed with DKIM"]),
    (facts(domains=(domain(dmarc=missing()),)), ["DMARC policy"]),
    (facts(lists=(replace(NEWS, double_opt_in=False),)), ["double opt-in", "of each consent"]),
    (facts(forms=()), ["through a form", "captcha", "of each consent"]),
    (facts(forms=(replace(FORM, captcha=Captcha.NONE),)), ["protected by a captcha"]),
    (facts(joined=Joined()), ["have confirmed", "imported", "by hand", "our own programs"]),
    (facts(ses={"selftest_passed_at": None}), ["publishes every bounce", "suppressed at once"]),
    (facts(sample=Sample(of="Spring")), ["visible unsubscribe link", "RFC 8058", "postal address"]),
    (facts(sample=replace(Sample(), link=True, address=True)), ["RFC 8058"]),
    (facts(lists=(replace(NEWS, is_public=False),)), ["preference page", "“News”"]),
    (facts(ses={"sending_enabled": False}), ["Mail leaves through a queue"]),
    (facts(ses={"state": SesState.FAILED}), ["publishes every bounce"]),
]  # fmt: skip


@pytest.mark.parametrize(("of", "claims"), CLAIMS, ids=[claims[0] for _, claims in CLAIMS])
def test_what_is_not_so_is_not_claimed(of: Facts, claims: list[str]) -> None:
    everything = written(facts(joined=Joined(confirmed=2, imported=5, by_hand=1, by_api=3))).whole
    for claim in claims:
        assert claim in everything
        assert claim not in written(of).whole


def test_what_is_missing_is_named() -> None:
    text = written(facts(domains=(domain(dmarc=missing()),), forms=())).texts["open"]
    assert text.splitlines() == [
        "DMARC, SPF and MAIL FROM: not yet.",
        "Robots cannot sign others up: in part.",
    ]


def test_on_the_first_day_hardly_anything_is_said() -> None:
    of = nothing()
    texts = draft(of, judge(of), Answers(), Latest()).texts
    assert texts["bounces"] == texts["complaints"] == texts["sending"] == texts["sample"] == ""
    assert texts["use_case"] == "We are Acme."


def test_what_somebody_has_rewritten_stays_and_the_rest_follows_the_facts() -> None:
    edits = {"bounces": "We look at each by hand."}
    found = written(facts(forms=()), edits)
    assert found.texts["bounces"] == "We look at each by hand."
    assert found.edited == {"bounces"}
    assert "SNS topic" in found.written["bounces"]
    assert "captcha" not in found.texts["collection"]


def test_an_appeal_tells_what_is_better_since() -> None:
    lines = judge(facts())
    before = {line.key: "good" for line in lines} | {"dns": "bad", "feedback": "partly"}
    refusal = Refusal("1 November 2026", "2 November 2026", "170012345", before)
    text = appeal(lines, refusal, "WHAT WE SEND\nWe are Acme.")
    assert text.startswith(
        "We asked for production access (case 170012345) on 1 November 2026, and were refused on "
        "2 November 2026."
    )
    changed = text.split("WHAT WE HAVE CHANGED SINCE\n")[1].split("\n\n")[0].splitlines()
    assert [line.split(". ")[0] for line in changed] == [
        "- DMARC, SPF and MAIL FROM",
        "- Bounces and complaints come back",
    ]
    assert text.endswith("WHAT WE SEND\nWe are Acme.")


def test_an_appeal_claims_no_change_where_there_is_none() -> None:
    lines = judge(facts())
    refusal = Refusal("", "2 November 2026", "", {line.key: "good" for line in lines})
    text = appeal(lines, refusal, "The text.")
    assert "CHANGED SINCE" not in text
    assert text.startswith("We asked for production access and were refused on 2 November 2026.")

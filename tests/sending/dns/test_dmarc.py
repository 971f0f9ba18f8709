"""DMARC records read, explained, and the next step."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sending.dns.alignment import ties
from sending.dns.dmarc import FIRST_RECORD, advise, explain, parse


@pytest.mark.parametrize(
    ("text", "p", "sp", "np"),
    [
        ("v=DMARC1; p=none", "none", "none", "none"),
        ("v=DMARC1;p=REJECT", "reject", "reject", "reject"),
        ("v=DMARC1 ; p = quarantine ;", "quarantine", "quarantine", "quarantine"),
        ("V=DMARC1; P=reject; SP=none", "reject", "none", "none"),
        ("v=DMARC1; p=none; np=reject", "none", "none", "reject"),
        ("v=DMARC1; sp=quarantine; p=reject; np=none", "reject", "quarantine", "none"),
        ("v=DMARC1", "none", "none", "none"),  # no p is p=none
        ("v=DMARC1; rua=mailto:a@b.example", "none", "none", "none"),
        ("v=DMARC1; p=reject; p=none", "reject", "reject", "reject"),
        # A wrong policy makes it a record for reports only.
        ("v=DMARC1; p=rejekt; rua=mailto:a@b.example", "none", "none", "none"),
        ("v=DMARC1; p=reject; sp=maybe; rua=mailto:a@b.example", "none", "none", "none"),
    ],
)
def test_policies(text: str, p: str, sp: str, np: str) -> None:
    record = parse(text)
    assert record is not None
    assert (record.p, record.sp, record.np, record.applies) == (p, sp, np, True)


@pytest.mark.parametrize(
    "text",
    ["", "v=spf1 -all", "v=dmarc1; p=none", "v=DMARC2; p=none", "p=none; v=DMARC1",
     "v=DMARC1 p=none", " v=DMARC1; p=none", "v=DMARC10; p=none"],
)  # fmt: skip
def test_what_is_no_dmarc_record(text: str) -> None:
    assert parse(text) is None


def test_a_wrong_policy_without_reports_counts_for_nothing() -> None:
    record = parse("v=DMARC1; p=block; rua=nonsense")
    assert record is not None
    assert (record.applies, record.rua, record.strange) == (False, (), ("p=block",))


def test_unknown_and_removed_tags_are_passed_over_and_said_so() -> None:
    text = "v=DMARC1; p=reject; pct=50; x=y; rubbish; fo=1; adkim=S; aspf=q; psd=z; t=Y"
    record = parse(text)
    assert record is not None
    assert record.strange == ("pct=50", "x=y", "rubbish")
    assert (record.adkim, record.aspf, record.psd, record.testing) == ("s", "r", "u", True)
    words = dict(explain(record))
    assert words["p=reject"] == "Mail that fails is refused."
    assert "No longer part of DMARC" in words["pct=50"]
    assert words["rubbish"] == "Receivers pass this over."
    assert "one step less" in words["t=y"]
    assert "exactly the domain in From" in words["adkim=s"]


def test_in_a_test_one_step_less_is_asked() -> None:
    record = parse("v=DMARC1; p=reject; sp=none; t=y")
    assert record is not None
    assert record.policy_for(subdomain=False) == "quarantine"
    assert record.policy_for(subdomain=True) == "none"


def test_what_an_inherited_record_says_of_a_subdomain() -> None:
    record = parse("v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@acme.example!10m")
    assert record is not None
    lines = explain(record, inherited_from="acme.example")
    assert lines[0] == ("sp=quarantine", "Mail that fails goes to the spam folder.")
    assert ("rua", "Daily reports go to d@acme.example!10m.") in lines


@settings(max_examples=40)
@given(st.text(max_size=100))
def test_no_text_breaks_the_reading(text: str) -> None:
    record = parse(f"v=DMARC1;{text}")
    assert record is not None
    assert all(len(what) <= 60 for what, _ in explain(record))


def test_sixty_kilobytes_are_read_and_cut() -> None:
    record = parse("v=DMARC1; p=none; " + "x=" + "y" * 60_000 + ";" * 1000 + "z=1")
    assert record is not None
    assert [len(one) for one in record.strange] == [60]


def next_step(text: str, *, aligned: bool = True, inherited: bool = False) -> tuple[str, str]:
    advice = advise(text, "acme.example", aligned=aligned, inherited=inherited)
    return advice.words, advice.record


RUA = "rua=mailto:d@acme.example"


@pytest.mark.parametrize(
    ("text", "words", "record"),
    [
        ("", "Publish a record", FIRST_RECORD),
        ("v=DMARC1; p=block", "Publish a record", FIRST_RECORD),
        ("v=DMARC1; p=none;", "Ask for reports",
         "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"),
        (f"v=DMARC1; p=none; {RUA}", "go to quarantine", f"v=DMARC1; p=quarantine; {RUA}"),
        (f"v=DMARC1; {RUA}", "go to quarantine", f"v=DMARC1; {RUA}; p=quarantine"),
        (f"v=DMARC1; P=Quarantine; sp=none; {RUA}", "go to reject",
         f"v=DMARC1; P=reject; sp=none; {RUA}"),
        (f"v=DMARC1; p=reject; t=y; {RUA}", "end the test", f"v=DMARC1; p=reject; {RUA}"),
        (f"v=DMARC1; p=reject; {RUA}", "nothing stricter", ""),
    ],
)  # fmt: skip
def test_the_next_step(text: str, words: str, record: str) -> None:
    found = next_step(text)
    assert words in found[0]
    assert found[1] == record


def test_no_stricter_policy_is_advised_while_ones_own_mail_would_fail() -> None:
    words, record = next_step(f"v=DMARC1; p=none; {RUA}", aligned=False)
    assert "First mend DKIM" in words
    assert record == ""
    assert "You need none of your own" in next_step(f"v=DMARC1; {RUA}", inherited=True)[0]


@pytest.mark.parametrize(
    ("mail_from", "text", "counts", "words"),
    [
        ("", "", False, "not yours"),
        ("mail.acme.example", "", True, "they match"),
        ("mail.acme.example", "v=DMARC1; aspf=r", True, "they match"),
        ("mail.acme.example", "v=DMARC1; aspf=s", False, "not exactly acme.example"),
    ],
)
def test_the_bounce_address_is_a_tie(mail_from: str, text: str, counts: bool, words: str) -> None:
    signature, bounces = ties("acme.example", mail_from, parse(text))
    assert (bounces.counts, words in bounces.words) == (counts, True)
    assert signature.counts


def test_names_below_are_tied_unless_the_record_is_strict() -> None:
    relaxed, _ = ties("acme.example", "", parse("v=DMARC1"))
    strict, _ = ties("acme.example", "", parse("v=DMARC1; adkim=s"))
    assert "news.acme.example, matches too" in relaxed.words
    assert "would not match" in strict.words

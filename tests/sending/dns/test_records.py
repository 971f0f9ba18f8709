"""What is said of the records of a domain, as real servers answer."""

import pytest

from sending.dns.checks import check_all
from sending.dns.lookups import Lookups
from sending.dns.treewalk import targets, walk
from sending.dns.verdicts import Verdict, Wanted
from sending.models import Purpose, RecordState
from tests.sending.dns.conftest import Ask, zone

ACME = "acme.example"
KEY = "abc.dkim.eu-west-1.amazonses.com"
DKIM = Wanted(Purpose.DKIM, "CNAME", f"abc._domainkey.{ACME}", KEY)
OWN = Wanted(Purpose.DKIM, "TXT", f"sel._domainkey.{ACME}", "p=(your public key)")
BOUNCES = "feedback-smtp.eu-west-1.amazonses.com"
MX = Wanted(Purpose.MAIL_FROM, "MX", f"mail.{ACME}", f"10 {BOUNCES}")
SPF = Wanted(Purpose.SPF, "TXT", f"mail.{ACME}", "v=spf1 include:amazonses.com ~all")
DMARC = Wanted(Purpose.DMARC, "TXT", f"_dmarc.{ACME}", "v=DMARC1; p=none")

OK, MISSING = RecordState.OK, RecordState.MISSING
WRONG, UNKNOWN = RecordState.WRONG, RecordState.UNKNOWN


def verdict(wanted: Wanted, lookups: Lookups) -> Verdict:
    ((_, found),) = check_all([wanted], lookups)
    return found


@pytest.mark.parametrize(
    ("wanted", "lines", "state", "words"),
    [
        (DKIM, [f"abc._domainkey CNAME {KEY.upper()}."], OK, "key that Amazon keeps"),
        (DKIM, ["abc._domainkey CNAME in.acme.example.", f"in CNAME {KEY}."], OK, "by way of"),
        (DKIM, [], MISSING, "nothing at this name"),
        (DKIM, ['abc._domainkey TXT "p=x"'], MISSING, "no CNAME record"),
        (DKIM, ["abc._domainkey CNAME else.example."], WRONG, "Points at else.example"),
        (DKIM, [f"abc._domainkey CNAME {KEY}.{ACME}."], WRONG, "dot at its end"),
        (DKIM, ["*._domainkey CNAME park.example."], WRONG, "wildcard"),
        (DKIM, ["* CNAME park.example."], WRONG, "wildcard"),
        (DKIM, [f"abc._domainkey CNAME abc._domainkey.{ACME}."], WRONG, "Points at"),
        (OWN, ['sel._domainkey TXT "v=DKIM1; p=MIIB"'], OK, "A key is published"),
        (OWN, ['sel._domainkey TXT "v=DKIM1; p="'], WRONG, "No key"),
        (OWN, [], MISSING, "nothing"),
        (MX, [f"mail MX 10 {BOUNCES}."], OK, "Bounces find their way"),
        (MX, [f"mail MX 5 {BOUNCES}."], OK, "Bounces"),
        (MX, [f"mail MX 10 {BOUNCES}.", "mail MX 20 mx.example."], WRONG, "exactly one"),
        (MX, ["mail MX 10 feedback-smtp.us-east-1.amazonses.com."], WRONG, "another region"),
        (MX, ["mail MX 10 mx.google.example."], WRONG, "mx.google.example"),
        (MX, ["mail MX 0 ."], WRONG, "Bounces must go to Amazon"),
        (MX, ["mail A 192.0.2.1"], MISSING, "no MX record"),
        (SPF, ['mail TXT "v=spf1 include:amazonses.com ~all"'], OK, "may send"),
        (SPF, ['mail TXT "v=spf1 include:amazon" "ses.com ~all"'], OK, "may send"),
        (SPF, ['mail TXT "V=SPF1 +include:AmazonSES.com -all"'], OK, "may send"),
        (SPF, ['mail TXT "v=spf1 include:amazonses.com +all"'], OK, "so may everybody"),
        (SPF, ['mail TXT "google-site-verification=1"'], MISSING, "none begins with v=spf1"),
        (SPF, ['mail TXT "v=spf1 -all"'], WRONG, "include:amazonses.com"),
        (SPF, ['mail TXT "v=spf1 -all include:amazonses.com"'], WRONG, "before the last word"),
        (SPF, ['mail TXT "v=spf1 -include:amazonses.com ~all"'], WRONG, "may not send"),
        (SPF, ['mail TXT "v=spf1 include: amazonses.com ~all"'], WRONG, "no word of SPF"),
        (SPF, ['mail TXT "v=spf1 include:amazonses.com ~all"', 'mail TXT "v=spf1 -all"'],
         WRONG, "2 SPF records"),
        (SPF, [f'mail TXT "v=spf1 include:amazonses.com include:mail.{ACME} ~all"'],
         WRONG, "more than 10"),
        (DMARC, ['_dmarc TXT "v=DMARC1; p=none"'], OK, "Receivers know"),
        (DMARC, ['_dmarc TXT "v=DMARC1; " "p=reject"'], OK, "Receivers know"),
        (DMARC, ['_dmarc TXT "v=DMARC1"', '_dmarc TXT "v=DMARC1; p=reject"'], WRONG, "2 DMARC"),
        (DMARC, ['_dmarc TXT "v=DMARC1; p=none"', '_dmarc TXT "other"'], OK, "Receivers"),
        (DMARC, ['_dmarc TXT "v=DMARC1; p=yes"'], WRONG, "does not know"),
        (DMARC, ['_dmarc TXT "v=DMARC1 p=none"'], WRONG, "cannot be read"),
        (DMARC, ['* TXT "v=spf1 -all"'], MISSING, "none is for DMARC"),
        (DMARC, [], MISSING, "No DMARC record holds"),
    ],
)  # fmt: skip
def test_records(ask: Ask, wanted: Wanted, lines: list[str], state: str, words: str) -> None:
    found = verdict(wanted, ask([zone(ACME, lines), zone("example", [])]))
    assert (found.state, words in found.words) == (state, True), found


@pytest.mark.parametrize("fault", ["servfail", "refuse", "drop"])
@pytest.mark.parametrize("wanted", [DKIM, MX, SPF, DMARC], ids=lambda one: one.purpose)
def test_a_server_that_does_not_answer_leaves_it_unknown(
    ask: Ask, wanted: Wanted, fault: str
) -> None:
    found = verdict(wanted, ask([zone(ACME, [], fault)], patience=0.05))
    assert found.state == UNKNOWN
    assert "No answer, so nothing is known" in found.words


def test_a_slow_server_is_unknown_and_ends_in_time(ask: Ask) -> None:
    lookups = ask([zone(ACME, [], "slow")], patience=0.05)
    wanted = [DKIM, MX, SPF, DMARC]
    assert {found.state for _, found in check_all(wanted, lookups)} == {UNKNOWN}


@pytest.mark.parametrize("wanted", [DKIM, MX, SPF, DMARC], ids=lambda one: one.purpose)
def test_servers_that_disagree_are_what_is_wrong(ask: Ask, wanted: Wanted) -> None:
    right = [f"abc._domainkey CNAME {KEY}.", f"mail MX 10 {BOUNCES}.",
             f'mail TXT "{SPF.value}"', '_dmarc TXT "v=DMARC1; p=none"']  # fmt: skip
    found = verdict(wanted, ask([zone(ACME, right)], [zone(ACME, [])]))
    assert (found.state, "different answers" in found.words) == (WRONG, True)
    assert len(found.found) == 1
    # One that is out of order says nothing against one that answers.
    assert verdict(wanted, ask([zone(ACME, [], "servfail")], [zone(ACME, right)])).state == OK


def test_spf_counts_what_stands_behind_its_words(ask: Ask) -> None:
    deep = [f'i{n} TXT "v=spf1 include:i{n + 1}.{ACME} a mx -all"' for n in range(5)]
    mine = f'mail TXT "v=spf1 include:amazonses.com include:i0.{ACME} ~all"'
    assert verdict(SPF, ask([zone(ACME, [mine, *deep])])).state == WRONG
    assert verdict(SPF, ask([zone(ACME, [mine, *deep[3:]])])).state == OK


# --- the tree walk ----------------------------------------------------------------------------


def test_at_most_eight_names_are_asked_however_long_the_domain() -> None:
    assert list(targets("a.mail.example.com")) == [
        "a.mail.example.com", "mail.example.com", "example.com", "com"
    ]  # fmt: skip
    long = ".".join([*"abcdefghijklmnopqrst", "example", "com"])
    names = list(targets(long))
    assert len(names) == 8
    assert names[:2] == [long, "p.q.r.s.t.example.com"]
    eight = "a.b.c.d.e.f.example.com"
    assert list(targets(eight))[:2] == [eight, "b.c.d.e.f.example.com"]


def below(name: str) -> Wanted:
    return Wanted(Purpose.DMARC, "TXT", f"_dmarc.{name}", "v=DMARC1; p=none")


@pytest.mark.parametrize(
    ("lines", "domain", "state", "found_at", "organization"),
    [
        # Nothing of its own: the organization's holds, the one with the fewest labels.
        (["_dmarc.acme TXT v=DMARC1"], "a.b.acme.example", OK, "_dmarc.acme.example",
         "acme.example"),
        (["_dmarc.acme TXT v=DMARC1", "_dmarc.b.acme TXT v=DMARC1"], "a.b.acme.example", OK,
         "_dmarc.acme.example", "acme.example"),
        # Its own holds, whatever stands above.
        (["_dmarc.acme TXT v=DMARC1", "_dmarc.b.acme TXT v=DMARC1"], "b.acme.example", OK, "",
         "acme.example"),
        # psd=n ends the organization; psd=y ends it one name below.
        (['_dmarc.b.acme TXT "v=DMARC1; psd=n"', "_dmarc.acme TXT v=DMARC1"], "a.b.acme.example",
         OK, "_dmarc.b.acme.example", "b.acme.example"),
        (['_dmarc TXT "v=DMARC1; psd=y"', "_dmarc.acme TXT v=DMARC1"], "b.acme.example", OK,
         "_dmarc.acme.example", "acme.example"),
        (['_dmarc.acme TXT "v=DMARC1; psd=y"', "_dmarc TXT v=DMARC1"], "acme.example", OK, "",
         "acme.example"),
        # The registry's own record is none of the domain's.
        (['_dmarc TXT "v=DMARC1; psd=y"'], "b.acme.example", MISSING, "", "acme.example"),
        # Two at the same name count as none: what stands above is asked.
        (["_dmarc.acme TXT v=DMARC1", '_dmarc.acme TXT "v=DMARC1; p=none"'], "b.acme.example",
         MISSING, "", "b.acme.example"),
        ([], "b.acme.example", MISSING, "", "b.acme.example"),
    ],
)  # fmt: skip
def test_whose_record_holds(  # noqa: PLR0917 (a table)
    ask: Ask, lines: list[str], domain: str, state: str, found_at: str, organization: str
) -> None:
    found = verdict(below(domain), ask([zone("example", lines)]))
    assert (found.state, found.found_at, found.organization) == (state, found_at, organization)


def test_a_registrys_record_is_named_as_such(ask: Ask) -> None:
    lookups = ask([zone("example", ['_dmarc TXT "v=DMARC1; psd=y; p=reject"'])])
    found = verdict(below("b.acme.example"), lookups)
    assert (found.state, "the registry, example" in found.words) == (MISSING, True)


def test_the_walk_ends_where_a_registry_says_so(ask: Ask) -> None:
    lookups = ask([zone("example", ['_dmarc.co TXT "v=DMARC1; psd=y"'])])
    levels = walk("a.acme.co.example", lookups)
    assert [level.domain for level in levels][-1] == "co.example"


def test_silence_above_is_no_missing_record(ask: Ask) -> None:
    lookups = ask([zone("b.acme.example", []), zone("acme.example", [], "servfail"),
                   zone("example", [])])  # fmt: skip
    assert verdict(below("b.acme.example"), lookups).state == UNKNOWN


def test_no_domain_makes_more_than_eight_questions_of_a_walk(ask: Ask) -> None:
    lookups = ask([zone("example", [])])
    before = lookups._exchange._left
    verdict(below(".".join(["x"] * 60) + ".example"), lookups)
    assert before - lookups._exchange._left <= 8

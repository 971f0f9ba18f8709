"""Domains looked at again and again: what breaks is confirmed, and told once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from sending import domain_alerts, domainwatch
from sending.models import (
    DomainAlert,
    DomainRecord,
    Purpose,
    RecordState,
    SenderIdentity,
    SesAccount,
    SesState,
)
from sending.selectors.domains import dmarc_of, domain_state, rows_of
from simulator.zones import Record, Zone
from tests.conftest import Person
from tests.sending.dns.conftest import nameserver, zone

NOW = timezone.now()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BOUNCES = "feedback-smtp.eu-west-1.amazonses.com"
RIGHT = [
    *[f"t{n}._domainkey CNAME t{n}.dkim.amazonses.com." for n in range(3)],
    f"mail MX 10 {BOUNCES}.",
    'mail TXT "v=spf1 include:amazonses.com ~all"',
    '_dmarc TXT "v=DMARC1; p=none"',
]


@pytest.fixture
def acme_zone(settings: Settings) -> Iterator[Zone]:
    """The zone of acme.example, at the server that the installation asks; all is right in it."""
    served = zone("acme.example", RIGHT)
    with nameserver(served) as server:
        settings.DNS_SERVERS = [server]
        yield served


@pytest.fixture
def domain(ses_account: SesAccount) -> SenderIdentity:
    identity: SenderIdentity = ses_account.identities.get()
    identity.dkim_tokens = ["t0", "t1", "t2"]
    identity.signing_hosted_zone = "dkim.amazonses.com"
    identity.mail_from_domain = "mail.acme.example"
    identity.records_since = NOW
    identity.save()
    return identity


Look = Callable[[timedelta], SenderIdentity]


@pytest.fixture
def look(domain: SenderIdentity, acme_zone: Zone) -> Look:
    """Looks the domain up at this time after NOW; returns its row as it is then."""

    def looked(after: timedelta) -> SenderIdentity:
        domainwatch.look_up(SenderIdentity.unscoped.get(pk=domain.pk), NOW + after)
        return SenderIdentity.unscoped.get(pk=domain.pk)

    return looked


def states(identity: SenderIdentity) -> list[str]:
    return [row.state for row in rows_of(identity)]


def test_all_that_is_right_is_found_and_kept(look: Look) -> None:
    identity = look(HOUR)
    assert states(identity) == ["ok"] * 6
    state = domain_state(identity)
    assert state.ok and state.mail_from.ok and state.spf.ok
    assert state.checked_at == NOW + HOUR
    assert identity.organization == "acme.example"
    rows = identity.records.all()
    assert {row.ok_since for row in rows} == {NOW + HOUR}
    assert {row.tenant for row in rows} == {identity.tenant}
    look(2 * HOUR)
    assert {row.ok_since for row in identity.records.all()} == {NOW + HOUR}


def test_what_was_never_right_alarms_nobody(look: Look, acme_zone: Zone) -> None:
    acme_zone.records = []
    for minutes in (0, 10, 30, 600):
        identity = look(minutes * MINUTE)
    assert states(identity) == ["missing"] * 6
    assert not DomainAlert.unscoped.exists()
    assert domain_state(identity).aligned.state == RecordState.WRONG


def test_a_breakage_is_confirmed_and_told_once(
    look: Look, acme_zone: Zone, alice: Person, bob: Person
) -> None:
    look(timedelta())
    removed = [one for one in acme_zone.records if "_domainkey" in one.name]
    acme_zone.records = [one for one in acme_zone.records if one not in removed]
    identity = look(HOUR)
    assert states(identity).count("missing") == 3
    assert not DomainAlert.unscoped.exists()
    assert identity.dns_due_at == NOW + HOUR + 10 * MINUTE
    look(HOUR + 8 * MINUTE)  # somebody pressed the button: too early to be sure
    assert not DomainAlert.unscoped.exists()
    look(HOUR + 10 * MINUTE)
    (alert,) = DomainAlert.unscoped.all()
    assert len(alert.broken) == 3
    assert identity.records.filter(broken_at=NOW + HOUR + 10 * MINUTE).count() == 3
    for minutes in (20, 30, 300):
        look(HOUR + minutes * MINUTE)
    assert DomainAlert.unscoped.count() == 1

    assert domain_alerts.mail_noted(timezone.now()) == 1
    assert domain_alerts.mail_noted(timezone.now()) == 0
    assert sorted(one.to[0] for one in mail.outbox) == ["alice@acme.example", "bob@acme.example"]
    sent = mail.outbox[0]
    assert sent.subject == "Acme: 3 DNS records of acme.example are broken"
    assert "CNAME t0._domainkey.acme.example" in sent.body
    assert f"/w/acme/domains/{identity.public_id}/" in sent.body

    acme_zone.records += removed
    look(7 * HOUR)
    assert not identity.records.exclude(broken_at=None).exists()
    acme_zone.records = []
    look(8 * HOUR)
    look(9 * HOUR)
    assert DomainAlert.unscoped.count() == 2


def test_a_change_that_is_put_right_before_the_second_look_alarms_nobody(
    look: Look, acme_zone: Zone
) -> None:
    look(timedelta())
    kept, acme_zone.records = acme_zone.records, []
    look(HOUR)
    acme_zone.records = kept
    identity = look(HOUR + 10 * MINUTE)
    assert not identity.records.exclude(suspected_at=None).exists()
    acme_zone.records = []
    look(2 * HOUR)
    assert not DomainAlert.unscoped.exists()


def test_no_answer_is_no_breakage_and_does_not_confirm_one(look: Look, acme_zone: Zone) -> None:
    look(timedelta())
    acme_zone.fault = "servfail"
    for minutes in (60, 120, 600):
        identity = look(minutes * MINUTE)
        assert states(identity) == ["unknown"] * 6
    assert not identity.records.exclude(suspected_at=None).exists()
    kept, acme_zone.records, acme_zone.fault = acme_zone.records, [], ""
    look(11 * HOUR)
    acme_zone.fault = "servfail"
    look(12 * HOUR)
    assert not DomainAlert.unscoped.exists()
    acme_zone.records, acme_zone.fault = kept, ""
    assert states(look(13 * HOUR)) == ["ok"] * 6


def test_other_records_than_before_begin_anew(look: Look, domain: SenderIdentity) -> None:
    look(timedelta())
    SenderIdentity.unscoped.filter(pk=domain.pk).update(
        mail_from_domain="bounce.acme.example", dkim_tokens=["t0", "t1", "new"]
    )
    look(HOUR)
    identity = look(2 * HOUR)
    assert sorted(states(identity)) == ["missing"] * 3 + ["ok"] * 3
    assert not identity.records.filter(name__startswith="mail.").exists()
    assert not DomainAlert.unscoped.exists()


def test_the_row_of_a_record_keeps_at_most_ten_values_cut(look: Look, acme_zone: Zone) -> None:
    acme_zone.records = [Record("mail.acme.example", "TXT", f'"x{n}"') for n in range(40)]
    long = " ".join(['"' + "y" * 250 + '"'] * 20)
    acme_zone.records.append(Record("_dmarc.acme.example", "TXT", f'"v=DMARC1; p=none;" {long}'))
    identity = look(timedelta())
    found = {row.purpose: row.found for row in identity.records.all()}
    assert len(found[Purpose.SPF].split("\n")) == 10
    assert len(found[Purpose.DMARC]) == 2001
    assert domain_state(identity).dmarc.ok


def test_what_changed_during_a_look_is_looked_at_again(
    look: Look, domain: SenderIdentity, acme_zone: Zone
) -> None:
    stale = SenderIdentity.unscoped.select_related("ses_account").get(pk=domain.pk)
    SenderIdentity.unscoped.filter(pk=domain.pk).update(mail_from_domain="")
    domainwatch.look_up(stale, NOW + HOUR)
    assert not DomainRecord.unscoped.exists()
    identity = SenderIdentity.unscoped.get(pk=domain.pk)
    assert (identity.dns_checked_at, identity.dns_due_at) == (None, NOW + HOUR)
    identity.delete()
    domainwatch.look_up(stale, NOW + HOUR)
    assert not DomainRecord.unscoped.exists()


# --- when -----------------------------------------------------------------------------------------


def test_a_new_domain_is_looked_at_every_five_minutes_until_all_is_there(
    look: Look, acme_zone: Zone
) -> None:
    kept, acme_zone.records = acme_zone.records, []
    assert look(HOUR).dns_due_at == NOW + HOUR + 5 * MINUTE
    late = look(73 * HOUR)
    assert late.dns_due_at >= NOW + 77 * HOUR
    acme_zone.records = kept
    done = look(2 * HOUR)
    assert 4 * HOUR <= done.dns_due_at - (NOW + 2 * HOUR) < 5 * HOUR


def test_each_domain_that_is_due_is_claimed_once_the_oldest_first(ses_account: SesAccount) -> None:
    def add(name: str, due: datetime) -> int:
        return int(
            SenderIdentity.unscoped.create(
                tenant=ses_account.tenant, ses_account=ses_account, name=name, dns_due_at=due
            ).pk
        )

    SenderIdentity.unscoped.update(dns_due_at=NOW + HOUR)
    due = [add(f"d{n}.example", NOW - n * MINUTE) for n in range(3)]
    add("news@acme.example", NOW - HOUR)
    assert [domainwatch.claim(NOW) for _ in range(4)] == [*due[::-1], None]
    ses_account.state = SesState.FAILED
    ses_account.save()
    assert domainwatch.claim(NOW + 2 * HOUR) is None


@pytest.mark.django_db(transaction=True)
def test_a_round_looks_at_all_that_is_due(ses_account: SesAccount, settings: Settings) -> None:
    names = [f"d{n}.example" for n in range(20)]
    for name in names:
        SenderIdentity.unscoped.create(
            tenant=ses_account.tenant, ses_account=ses_account, name=name, verified=True,
            checked_at=timezone.now(),
        )  # fmt: skip
    SenderIdentity.unscoped.update(verified=True, checked_at=timezone.now())
    with nameserver(zone("example", ['_dmarc TXT "v=DMARC1; p=reject"'])) as server:
        settings.DNS_SERVERS = [server]
        domainwatch.watch_due(seconds=10)
    assert DomainRecord.unscoped.filter(state="ok").count() == 21
    assert not SenderIdentity.unscoped.filter(dns_due_at__lte=timezone.now()).exists()


def test_silent_servers_are_asked_more_rarely(look: Look, acme_zone: Zone) -> None:
    acme_zone.fault = "refuse"
    assert look(HOUR).dns_due_at == NOW + HOUR + 30 * MINUTE


def test_without_dkim_the_bounce_address_ties_unless_dmarc_is_strict(
    look: Look, acme_zone: Zone
) -> None:
    acme_zone.records = [one for one in acme_zone.records if "_domainkey" not in one.name]
    state = domain_state(look(timedelta()))
    assert state.aligned.ok and not state.dkim.ok
    acme_zone.records[-1] = Record("_dmarc.acme.example", "TXT", '"v=DMARC1; p=none; aspf=s"')
    assert domain_state(look(HOUR)).aligned.state == RecordState.WRONG


def test_what_the_page_says_of_dmarc(look: Look, acme_zone: Zone) -> None:
    def advice(*values: str) -> str:
        others = [one for one in acme_zone.records if not one.name.startswith("_dmarc")]
        new = [Record("_dmarc.acme.example", "TXT", f'"{value}"') for value in values]
        acme_zone.records = others + new
        identity = look(HOUR)
        found = dmarc_of(identity, domain_state(identity))
        return f"{found.advice.words} {found.advice.record}" if found else ""

    assert "go to quarantine" in advice("v=DMARC1; p=none; rua=mailto:d@acme.example")
    assert "Publish a record" in advice()
    assert "First put the record right" in advice("v=DMARC1; p=none", "v=DMARC1; p=reject")
    long = "v=DMARC1; p=none; rua=mailto:d@acme.example; " + '" "'.join(["x" * 200] * 12)
    assert advice(long).endswith("the spam folder. ")  # too long to be written anew
    acme_zone.fault = "servfail"
    assert advice("v=DMARC1") == ""


def test_two_servers_with_two_right_records_are_read_by_the_first(
    look: Look, settings: Settings
) -> None:
    values = [f"v=DMARC1; p={policy}; rua=mailto:d@acme.example" for policy in ("none", "reject")]
    with ExitStack() as servers:
        settings.DNS_SERVERS = [
            servers.enter_context(
                nameserver(zone("acme.example", [*RIGHT[:-1], f'_dmarc TXT "{value}"']))
            )
            for value in values
        ]
        identity = look(HOUR)
    assert states(identity) == ["ok"] * 6
    found = dmarc_of(identity, domain_state(identity))
    assert found and found.text == values[0]
    assert rows_of(identity)[-1].found == values

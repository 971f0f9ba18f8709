"""The pages of a domain, with a simulated SES that looks at the same zones as we do."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from sending import domainwatch
from sending.models import DomainRecord, SenderIdentity, SesAccount, SesAuth, SesState
from sending.services import domains, identities
from tenants.models import AuditEvent
from tests.cloud import REGION, TENANT, Cloud, cloud, simulator
from tests.conftest import Person

__all__ = ["cloud", "simulator"]


@pytest.fixture
def account(cloud: Cloud, alice: Person, settings: Settings) -> SesAccount:
    settings.DNS_SERVERS = [("127.0.0.1", cloud.process.dns_port)]
    cloud.sim.set_account(TENANT, verify_by_dns=True)
    cloud.sim.put_zone("example", [])
    for name in ("shop.example", "acme.example"):
        cloud.sim.put_zone(name, [])
    made: SesAccount = SesAccount.unscoped.create(
        tenant=alice.tenant,
        name="Main",
        region=REGION,
        auth=SesAuth.KEY,
        credentials={"access_key_id": cloud.key_id, "secret_access_key": cloud.secret},
        state=SesState.CONNECTED,
        aws_account_id=TENANT,
    )
    return made


def url(name: str, identity: SenderIdentity | None = None) -> str:
    return reverse(f"domains:{name}", args=["acme", *([identity.public_id] if identity else [])])


def text(answer: Any) -> str:
    return str(answer.content.decode())


def add(person: Person, name: str = "shop.example", **given: str) -> SenderIdentity:
    answer = person.client.post(url("new"), {"name": name, "mail_from": "on"} | given)
    assert answer.status_code == 302, text(answer)
    return SenderIdentity.unscoped.get()


def test_from_nothing_to_a_domain_with_everything_right(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    assert "Add the domain" in text(alice.client.get(url("index")))
    assert alice.client.get(url("new")).status_code == 200
    identity = add(alice, "Shop.example.")
    assert (identity.name, identity.mail_from_domain) == ("shop.example", "mail.shop.example")
    page = text(alice.client.get(url("domain", identity)))
    for token in identity.dkim_tokens:
        assert f"{token}._domainkey.shop.example" in page
        assert f"{token}.{identity.signing_hosted_zone}" in page
    assert f"feedback-smtp.{REGION}.amazonses.com" in page
    assert "v=spf1 include:amazonses.com ~all" in page
    assert "Publish these records" in page

    alice.client.post(url("check", identity))
    page = text(alice.client.get(url("domain", identity)))
    assert "There is nothing at this name yet." in page
    assert "Publish a record that asks for nothing but reports" in page

    cloud.sim.publish(TENANT, REGION, "shop.example")
    domainwatch.watch(identity.pk, timezone.now())
    identity.refresh_from_db()
    assert (identity.verified, identity.dkim_status, identity.mail_from_status) == (
        True,
        "SUCCESS",
        "SUCCESS",
    )
    page = text(alice.client.get(url("domain", identity)))
    assert "mail.shop.example lies below shop.example" in page
    assert "The signature names the domain that people see in From." in page
    assert "Mail that fails is delivered as if nothing were wrong." in page
    assert "Ask for reports first" in page
    listed = text(alice.client.get(url("index")))
    assert listed.count("Right") == 3


def test_an_international_domain_is_added_in_ascii_and_shown_as_written(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    identity = add(alice, "münchen.example", mail_from="")
    assert (identity.name, identity.mail_from_domain) == ("xn--mnchen-3ya.example", "")
    assert "münchen.example" in text(alice.client.get(url("index")))
    assert "No MAIL FROM" not in text(alice.client.get(url("domain", identity)))


@pytest.mark.parametrize("name", ["", "a_b.example", "news@shop.example", "localhost", "☃", "a..b"])
def test_what_is_no_domain_is_refused_in_words(
    cloud: Cloud, alice: Person, account: SesAccount, name: str
) -> None:
    answer = alice.client.post(url("new"), {"name": name})
    assert answer.status_code == 422
    assert not SenderIdentity.unscoped.exists()


def test_a_domain_that_ses_has_is_adopted_with_its_mail_from(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    api = domains.api_of(account)
    api.put_mail_from("acme.example", "bounce.acme.example")
    identity = add(alice, "acme.example")
    assert identity.mail_from_domain == "bounce.acme.example"
    found = cloud.region()["identities"]["acme.example"]
    assert found["mail_from_domain"] == "bounce.acme.example"


def test_the_bounce_address_is_set_and_refused_in_awss_words(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    identity = add(alice, mail_from="")
    other = alice.client.post(url("mail_from", identity), {"mail_from": "mail.else.example"})
    assert (other.status_code, "a name below shop.example" in text(other)) == (422, True)
    alice.client.post(url("mail_from", identity), {"mail_from": "Bounce.shop.example"})
    identity.refresh_from_db()
    assert (identity.mail_from_domain, identity.mail_from_status) == (
        "bounce.shop.example",
        "PENDING",
    )
    found = cloud.region()["identities"]["shop.example"]
    assert found["mail_from_behaviour"] == "USE_DEFAULT_VALUE"
    assert AuditEvent.unscoped.filter(action="identity.mail_from_set").count() == 1
    key = cloud.key(denied=["ses:PutEmailIdentityMailFromAttributes"])
    account.credentials = {
        "access_key_id": key.access_key,
        "secret_access_key": key.secret_key,
    }
    account.save()
    denied = alice.client.post(url("mail_from", identity), {"mail_from": "x.shop.example"})
    assert (denied.status_code, "ses:PutEmailIdentityMailFromAttributes" in text(denied)) == (
        422,
        True,
    )
    identity.refresh_from_db()
    assert identity.mail_from_domain == "bounce.shop.example"


def test_a_domain_that_ses_gave_up_on_is_made_anew(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    identity = add(alice)
    old = identity.dkim_tokens
    assert alice.client.post(url("start_again", identity)).status_code == 302
    identity.refresh_from_db()
    assert identity.dkim_tokens == old  # SES still looks
    cloud.sim.set_identity(TENANT, REGION, "shop.example", "FAILED")
    identities.check_identity(identity=identity)
    assert "Amazon has stopped looking" in text(alice.client.get(url("domain", identity)))
    alice.client.post(url("start_again", identity))
    identity.refresh_from_db()
    assert set(identity.dkim_tokens).isdisjoint(old)
    assert (identity.dkim_status, identity.mail_from_domain) == ("PENDING", "mail.shop.example")
    # Deleted, and something came in between: the button makes it all the same.
    domains.api_of(account).delete_identity("shop.example")
    alice.client.post(url("start_again", identity))
    identity.refresh_from_db()
    assert "shop.example" in cloud.region()["identities"]


def test_a_bounce_address_that_ses_gave_up_on_is_set_again(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    identity = add(alice)
    cloud.sim.set_identity(TENANT, REGION, "shop.example", "FAILED")
    identities.check_identity(identity=identity)
    assert "Set it again" in text(alice.client.get(url("domain", identity)))
    alice.client.post(url("mail_from", identity), {"mail_from": "mail.shop.example"})
    identity.refresh_from_db()
    assert identity.mail_from_status == "PENDING"


def test_the_dns_is_looked_up_even_where_ses_refuses(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    identity = add(alice)
    account.credentials = {"access_key_id": cloud.key_id, "secret_access_key": "wrong"}
    account.save()
    page = text(alice.client.post(url("check", identity), follow=True))
    assert "The DNS was looked up; SES could not be asked." in page
    assert DomainRecord.unscoped.filter(state="missing").count() == 6


def test_a_broken_record_stands_on_top_of_the_page(
    cloud: Cloud, alice: Person, account: SesAccount
) -> None:
    identity = add(alice)
    domains.check_domain(identity=identity)
    DomainRecord.unscoped.filter(purpose="dmarc").update(broken_at=timezone.now())
    page = text(alice.client.get(url("domain", identity)))
    assert "What was right is broken" in page
    assert "1 record that was right is missing or wrong" in page


def test_the_page_for_whoever_runs_the_dns(
    cloud: Cloud, alice: Person, account: SesAccount, client: Client
) -> None:
    identity = add(alice)
    cloud.sim.publish(TENANT, REGION, "shop.example")
    domains.check_domain(identity=identity)
    alice.client.post(url("open_link", identity))
    content = alice.client.get(url("domain", identity)).context
    link = content["link"].removeprefix("http://testserver")
    assert content["link"] in content["handover"]
    assert all(name in content["handover"] for name in identity.dkim_tokens)
    assert content["mailto"].startswith("mailto:?subject=DNS%20records%20for%20shop.example&body=")
    answer = client.get(link)
    page = text(answer)
    assert answer.status_code == 200
    assert page.count("Right") == 6
    assert "Acme" in page and "Log in" not in page
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert not client.cookies
    assert client.post(link).status_code == 405
    zone = client.get(f"{link}zone/")
    assert zone["Content-Disposition"] == 'attachment; filename="shop.example.zone"'
    assert text(zone) == text(alice.client.get(url("zone", identity)))

    alice.client.post(url("open_link", identity))  # a new link ends the old one
    assert client.get(link).status_code == 404
    newer = alice.client.get(url("domain", identity)).context["link"]
    newer = newer.removeprefix("http://testserver")
    assert client.get(newer).status_code == 200
    SenderIdentity.unscoped.update(dns_link_until=timezone.now())
    assert client.get(newer).status_code == 404
    assert alice.client.get(url("domain", identity)).context["link"] == ""
    alice.client.post(url("open_link", identity))
    alice.client.post(url("close_link", identity))
    identity.refresh_from_db()
    assert identity.dns_link is None
    assert client.get("/dns/forged/").status_code == 404


def test_what_a_zone_says_is_escaped(cloud: Cloud, alice: Person, account: SesAccount) -> None:
    identity = add(alice)
    evil = '"v=DMARC1; p=none; <script>alert(1)</script>"'
    cloud.sim.put_zone(
        "shop.example", [{"name": "_dmarc.shop.example", "kind": "TXT", "value": evil}]
    )
    domains.check_domain(identity=identity)
    page = text(alice.client.get(url("domain", identity)))
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page

"""The simulator's name server, the page of its zones, and identities that verify by them."""

import dns.message
import dns.query
import dns.rcode
import requests

from simulator.client import SimulatorClient
from tests.simulator.conftest import REGION, Cloud
from tests.simulator.test_control import code_of

BOUNCES = f"feedback-smtp.{REGION}.amazonses.com"


def asked(cloud: Cloud, name: str, kind: str = "TXT") -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    answer, _ = dns.query.udp_with_fallback(query, "127.0.0.1", 3, cloud.process.dns_port)
    return answer


def test_a_domain_is_verified_once_its_records_are_published(cloud: Cloud) -> None:
    cloud.sim.set_account(cloud.id, verify_by_dns=True)
    ses = cloud.ses
    ses.create_email_identity(EmailIdentity="names.example")
    ses.put_email_identity_mail_from_attributes(
        EmailIdentity="names.example", MailFromDomain="mail.names.example"
    )
    before = ses.get_email_identity(EmailIdentity="names.example")
    assert before["VerificationStatus"] == "PENDING"
    cloud.sim.publish(cloud.id, REGION, "names.example")
    after = ses.get_email_identity(EmailIdentity="names.example")
    assert after["DkimAttributes"]["Status"] == "SUCCESS"
    assert after["MailFromAttributes"]["MailFromDomainStatus"] == "SUCCESS"
    dkim = after["DkimAttributes"]
    for token in dkim["Tokens"]:
        (alias,) = asked(cloud, f"{token}._domainkey.names.example", "CNAME").answer
        assert alias[0].to_text() == f"{token}.{dkim['SigningHostedZone']}."
    (bounces,) = asked(cloud, "mail.names.example", "MX").answer
    assert bounces[0].to_text() == f"10 {BOUNCES}."


def test_two_mx_records_or_a_wrong_alias_verify_nothing(cloud: Cloud) -> None:
    cloud.sim.set_account(cloud.id, verify_by_dns=True)
    ses = cloud.ses
    tokens = ses.create_email_identity(EmailIdentity="half.example")["DkimAttributes"]["Tokens"]
    ses.put_email_identity_mail_from_attributes(
        EmailIdentity="half.example", MailFromDomain="mail.half.example"
    )
    wrong = [
        {"name": f"{token}._domainkey.half.example", "kind": "CNAME", "value": "park.example."}
        for token in tokens
    ]
    both = [
        {"name": "mail.half.example", "kind": "MX", "value": value}
        for value in (f"10 {BOUNCES}.", "20 mx.example.")
    ]
    cloud.sim.put_zone("half.example", wrong + both)
    found = ses.get_email_identity(EmailIdentity="half.example")
    assert found["VerificationStatus"] == "PENDING"
    assert found["MailFromAttributes"]["MailFromDomainStatus"] == "PENDING"


def test_names_faults_and_what_is_not_there(cloud: Cloud) -> None:
    sim: SimulatorClient = cloud.sim
    sim.put_zone(
        "faults.example",
        [
            {"name": "a.b.faults.example", "kind": "TXT", "value": '"deep"'},
            {"name": "*.wild.faults.example", "kind": "TXT", "value": '"star"'},
        ],
    )

    def code(name: str) -> str:
        return str(dns.rcode.to_text(asked(cloud, name).rcode()))

    assert asked(cloud, "A.B.faults.example").answer[0][0].to_text() == '"deep"'
    assert asked(cloud, "any.wild.faults.example").answer[0][0].to_text() == '"star"'
    assert (code("b.faults.example"), code("c.faults.example")) == ("NOERROR", "NXDOMAIN")
    assert code("nowhere.test") == "NXDOMAIN"
    for fault, expected in (("servfail", "SERVFAIL"), ("refuse", "REFUSED"), ("", "NOERROR")):
        sim.set_zone_fault("faults.example", fault)
        assert code("a.b.faults.example") == expected
    sim.unpublish("faults.example", "a.b.faults.example", "TXT")
    assert code("a.b.faults.example") == "NXDOMAIN"


def test_a_zone_that_is_none_is_refused(cloud: Cloud) -> None:
    url = f"{cloud.process.url}/_sim/dns/zones"
    for record in (
        {"name": "x.other.example", "kind": "TXT", "value": '"out of the zone"'},
        {"name": "x.bad.example", "kind": "NONSENSE", "value": "x"},
        {"name": "x.bad.example", "kind": "MX", "value": "ten mx"},
        {"name": "x.bad.example", "kind": "TXT"},
    ):
        answer = requests.post(url, json={"name": "bad.example", "records": [record]}, timeout=5)
        assert answer.status_code == 400, record
    assert requests.patch(f"{url}/none.example", json={"fault": ""}, timeout=5).status_code == 404


def test_the_page_publishes_and_breaks(cloud: Cloud) -> None:
    cloud.sim.set_account(cloud.id, verify_by_dns=True)
    cloud.ses.create_email_identity(EmailIdentity="page.example")
    page = f"{cloud.process.url}/dns"
    assert "page.example" in requests.get(page, timeout=5).text
    form = {"act": "publish", "account": cloud.id, "region": REGION, "identity": "page.example"}
    answer = requests.post(page, form, timeout=5)
    assert (answer.status_code, answer.history[0].status_code) == (200, 303)
    assert "4 of 4 records published" in answer.text
    found = cloud.ses.get_email_identity(EmailIdentity="page.example")
    assert found["VerifiedForSendingStatus"] is True
    gone = {"act": "remove", "zone": "page.example", "name": "_dmarc.page.example", "kind": "TXT"}
    assert "3 of 4 records published" in requests.post(page, gone, timeout=5).text
    broken = {"act": "fault", "zone": "page.example", "fault": "servfail"}
    assert "Its server: servfail." in requests.post(page, broken, timeout=5).text
    assert requests.post(page, {"act": "fault", "zone": "x", "fault": ""}, timeout=5).ok is False


def test_a_mail_from_domain_lies_below_the_identity(cloud: Cloud) -> None:
    put = cloud.ses.put_email_identity_mail_from_attributes
    for name in ("example.com", "mail.example.org", "mailexample.com"):
        assert code_of(put, EmailIdentity="example.com", MailFromDomain=name) == (
            "BadRequestException",
            400,
        )

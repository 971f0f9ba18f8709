"""Domains and accounts through the REST API, with a simulated SES that looks at the same zones."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from sending.models import SenderIdentity, SesAccount, SesState
from tenants.models import AuditEvent, Scope
from tenants.services.api_keys import create_key
from tests.cloud import REGION, TENANT, Cloud, cloud, simulator
from tests.conftest import Person
from tests.sending.dns.test_pages import account

__all__ = ["account", "cloud", "simulator"]

pytestmark = pytest.mark.usefixtures("redis")

DOMAINS = "/api/v1/domains"


@pytest.fixture
def api(alice: Person) -> APIClient:
    made = create_key(tenant=alice.tenant, actor=alice.user, name="Ops", scopes=[Scope.SENDING])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")
    return client


def add(api: APIClient, **body: Any) -> Any:
    return api.post(DOMAINS, {"name": "shop.example"} | body, format="json")


def error(answer: Any) -> tuple[int, str, str]:
    found = answer.json()["error"]
    return answer.status_code, found["code"], found["param"]


def test_a_domain_is_added_published_and_found_right(
    cloud: Cloud, api: APIClient, account: SesAccount
) -> None:
    made = add(api, name="Shop.example.", mail_from="mail.shop.example")
    assert made.status_code == 201
    told = made.json()
    assert (told["name"], told["verified"], told["mail_from"]) == (
        "shop.example", False, "mail.shop.example",
    )  # fmt: skip
    assert {one["purpose"] for one in told["records"]} == {"dkim", "mail_from", "spf", "dmarc"}
    assert {one["state"] for one in told["records"]} == {"unchecked"}
    path = f"{DOMAINS}/{told['id']}"
    looked = api.post(f"{path}/check").json()
    assert (looked["dns"]["ok"], looked["dns"]["dkim"]["state"]) == (False, "missing")
    assert all(one["words"] for one in looked["records"])
    cloud.sim.publish(TENANT, REGION, "shop.example")
    right = api.post(f"{path}/check").json()
    assert {one["state"] for one in right["records"]} == {"ok"}
    assert (right["verified"], right["dns"]["ok"]) == (True, True)
    dkim = next(one for one in right["records"] if one["purpose"] == "dkim")
    assert dkim["found"] == [dkim["value"]]
    assert api.get(path).json() == right
    assert api.get(DOMAINS).json()["data"] == [right]
    event = AuditEvent.unscoped.get(action="identity.created")
    assert str(event.api_key).startswith("Ops")


def test_where_bounces_go_can_be_changed(api: APIClient, account: SesAccount) -> None:
    path = f"{DOMAINS}/{add(api).json()['id']}"
    changed = api.patch(path, {"mail_from": "bounce.shop.example"}, format="json").json()
    assert changed["mail_from"] == "bounce.shop.example"
    outside = api.patch(path, {"mail_from": "mail.other.example"}, format="json")
    assert error(outside) == (422, "invalid_identity", "mail_from")
    assert SenderIdentity.unscoped.get().mail_from_domain == "bounce.shop.example"
    early = api.post(f"{path}/start-again")
    assert error(early)[:2] == (422, "aws")
    assert api.delete(path).status_code == 405


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"name": "shop"}, "invalid_identity", "name"),
        ({"name": "a@shop.example"}, "invalid_identity", "name"),
        ({"name": "x" * 254}, "max_length", "name"),
        ({"name": ["shop.example"]}, "invalid", "name"),
        ({"name": 1}, "invalid_identity", "name"),
        ({"name": "shop.example\r\nx.example"}, "invalid_identity", "name"),
        ({"mail_from": "mail.other.example"}, "invalid_identity", "mail_from"),
        ({"mail_from": "x"}, "invalid_identity", "mail_from"),
        ({"account": str(uuid4())}, "invalid", "account"),
        ({"account": "1"}, "invalid", "account"),
        ({"verified": True}, "unknown_field", "verified"),
    ],
)
def test_what_is_no_domain_is_refused_before_aws_is_asked(
    api: APIClient, account: SesAccount, body: dict[str, Any], code: str, param: str
) -> None:
    assert error(add(api, **body)) == (422, code, param)
    assert not SenderIdentity.unscoped.exists()


def test_the_account_is_the_tenants_own_and_named_where_there_are_several(
    api: APIClient, account: SesAccount, mallory: Person
) -> None:
    theirs = SesAccount.unscoped.create(
        tenant=mallory.tenant, name="Theirs", region="eu-west-1", state=SesState.CONNECTED
    )
    assert error(add(api, account=str(theirs.public_id))) == (422, "invalid", "account")
    second = SesAccount.unscoped.create(
        tenant=account.tenant, name="Second", region="us-east-1", state=SesState.CONNECTED
    )
    assert error(add(api)) == (422, "invalid", "account")
    assert add(api, account=str(account.public_id)).status_code == 201
    SesAccount.unscoped.filter(pk__in=[account.pk, second.pk]).update(state=SesState.NEW)
    assert error(add(api)) == (422, "invalid", "account")


def test_refusals_of_aws_are_told_in_its_words(
    cloud: Cloud, api: APIClient, account: SesAccount
) -> None:
    key = cloud.key(denied=["ses:CreateEmailIdentity"])
    account.credentials = {
        "access_key_id": key.access_key, "secret_access_key": key.secret_key,
    }  # fmt: skip
    account.save()
    answer = add(api)
    assert error(answer)[:2] == (422, "aws")
    assert "AWS said: " in answer.json()["error"]["message"]
    assert not SenderIdentity.unscoped.exists()


def test_ten_domains_cost_as_many_questions_as_one(api: APIClient, account: SesAccount) -> None:
    add(api, mail_from="mail.shop.example")
    with CaptureQueriesContext(connection) as one:
        api.get(DOMAINS)
    for number in range(5):
        SenderIdentity.unscoped.create(
            tenant=account.tenant, ses_account=account, name=f"d{number}.example",
            dkim_tokens=["a", "b"], signing_hosted_zone="dkim.amazonses.com",
        )  # fmt: skip
    SenderIdentity.unscoped.create(
        tenant=account.tenant, ses_account=account, name="news@acme.example"
    )
    with CaptureQueriesContext(connection) as all_:
        listed = api.get(DOMAINS).json()["data"]
    assert len(listed) == 6  # an address is no domain
    assert len(all_) == len(one)


def test_the_account_tells_quota_sandbox_and_no_secret(api: APIClient, account: SesAccount) -> None:
    path = "/api/v1/account"
    (told,) = api.get(path).json()["accounts"]
    assert (told["id"], told["state"], told["quota"]) == (str(account.public_id), "connected", None)
    SesAccount.unscoped.update(
        max_send_rate=14, max_24_hour_send=50_000, sent_last_24_hours=49_000,
        quota_read_at=timezone.now(), production_access=True,
    )  # fmt: skip
    (told,) = api.get(path).json()["accounts"]
    quota = told["quota"]
    assert [quota[key] for key in ("per_second", "per_24_hours", "used", "left")] == [
        14.0, 50_000, 49_000, 1_000,
    ]  # fmt: skip
    assert told["production_access"] is True
    SesAccount.unscoped.update(max_24_hour_send=-1)
    (told,) = api.get(path).json()["accounts"]
    assert (told["quota"]["per_24_hours"], told["quota"]["left"]) == (None, None)
    answer = api.get(path).content.decode()
    secrets = [account.external_id, *account.credentials.values()]
    assert not [one for one in secrets if one in answer]


def test_readiness_is_that_of_the_page(
    api: APIClient, alice: Person, account: SesAccount, mallory: Person
) -> None:
    path = "/api/v1/account/readiness"
    told = api.get(path).json()
    page = alice.client.get("/w/acme/readiness/")
    assert told["score"] == page.context["score"]
    assert [line["title"] for line in told["lines"]] == [
        row.line.asked.title for row in page.context["rows"]
    ]
    assert sum(line["weight"] for line in told["lines"]) == 100
    assert all(line["evidence"] for line in told["lines"])
    assert told["account"] == str(account.public_id)
    assert api.get(path, {"account": told["account"]}).json()["score"] == told["score"]
    for wrong in (str(uuid4()), "x", "\0"):
        assert error(api.get(path, {"account": wrong})) == (422, "invalid", "account")
    SesAccount.unscoped.all().delete()
    assert api.get(path).json()["account"] is None

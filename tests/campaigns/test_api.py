"""POST /api/v1/emails and what a program can ask afterwards."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from campaigns.models import IdempotencyKey
from campaigns.services.transactional import forget_idempotency_keys
from lists.models import Source, Suppression, SuppressionReason
from sending.models import (
    Batch,
    BatchState,
    EventKind,
    Message,
    MessageData,
    MessageEvent,
    Outcome,
    SesAccount,
    Status,
)
from tenants.models import Scope, Tenant
from tenants.services.api_keys import create_key
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

MAIL = {
    "from": "Acme Shop <shop@acme.example>",
    "to": "Ada Lovelace <ada@example.com>",
    "subject": "Order {{ order }}",
    "html": "<p>Order {{ order }} is on its way.</p>",
    "data": {"order": "1<2"},
}


def api(person: Person, *scopes: Scope) -> APIClient:
    made = create_key(
        tenant=person.tenant, actor=person.user, name="Test", scopes=list(scopes), expires_at=None
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")
    return client


@pytest.fixture
def shop(alice: Person, ses_account: SesAccount) -> APIClient:
    return api(alice, Scope.EMAILS_SEND, Scope.EMAILS_READ)


def post(client: Client, mail: dict[str, Any], key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/emails", mail, format="json", headers=headers)


def test_a_mail_is_queued_and_can_be_followed(shop: APIClient, acme: Tenant) -> None:
    answer = post(shop, MAIL)
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    email = MessageData.objects.for_tenant(acme).get(public_id=answer.json()["id"])
    assert email.message.email == "ada@example.com"
    assert email.message.batch.from_header == "Acme Shop <shop@acme.example>"
    assert email.data == {"order": "1<2"}
    MessageEvent.unscoped.create(
        tenant=acme,
        message=email.message,
        kind=EventKind.BOUNCE,
        subtype="Permanent/General",
        recipient="ada@example.com",
        diagnostic="smtp; 550 5.1.1",
        dedupe="1",
        at=email.created_at,
    )
    Message.unscoped.update(status=Status.SENT, outcome=Outcome.HARD_BOUNCED)
    shown = shop.get(f"/api/v1/emails/{email.public_id}").json()
    assert shown["status"] == "bounced"
    assert shown["subject"] == "Order {{ order }}"
    (event,) = shown["events"]
    assert (event["type"], event["diagnostic"]) == ("bounce", "smtp; 550 5.1.1")
    listed = shop.get("/api/v1/emails?limit=1").json()
    assert [each["id"] for each in listed["data"]] == [str(email.public_id)]
    assert listed["has_more"] is False


def test_the_same_key_sends_once_and_gets_the_first_answer(shop: APIClient) -> None:
    first, again = post(shop, MAIL, "order-1"), post(shop, MAIL, "order-1")
    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Message.unscoped.count() == 1
    other = post(shop, MAIL | {"subject": "Else"}, "order-1")
    assert other.status_code == 422
    assert other.json()["error"]["code"] == "idempotency_mismatch"
    assert Message.unscoped.count() == 1


def test_the_same_content_is_kept_once(shop: APIClient) -> None:
    post(shop, MAIL)
    post(shop, MAIL | {"to": "bea@example.com", "data": {"order": "2"}})
    assert Batch.unscoped.count() == 1
    Batch.unscoped.update(state=BatchState.CANCELLED)
    post(shop, MAIL)
    post(shop, MAIL | {"subject": "Else"})
    assert Batch.unscoped.count() == 3


def test_a_refused_request_leaves_its_key_free(shop: APIClient) -> None:
    refused = post(shop, MAIL | {"from": "shop@other.example"}, "order-2")
    assert refused.status_code == 422
    assert post(shop, MAIL, "order-2").status_code == 202


def test_keys_are_forgotten_after_a_day(shop: APIClient) -> None:
    post(shop, MAIL, "order-3")
    assert forget_idempotency_keys() == 0
    IdempotencyKey.unscoped.update(created_at="2020-01-01T00:00:00Z")
    assert forget_idempotency_keys() == 1


def test_a_suppressed_recipient_gets_nothing(shop: APIClient, acme: Tenant) -> None:
    Suppression.unscoped.create(
        tenant=acme,
        email_norm="ada@example.com",
        reason=SuppressionReason.COMPLAINT,
        source=Source.SES,
    )
    answer = post(shop, MAIL)
    assert answer.status_code == 202
    assert answer.json()["status"] == "skipped"
    assert answer.json()["reason"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"from": "shop@other.example"}, "from"),
        ({"from": "Acme\r\nBcc: x@y.example <shop@acme.example>"}, "from"),
        ({"to": "not an address"}, "to"),
        ({"to": "a@b.example\r\nBcc: c@d.example"}, "to"),
        ({"to": "jöhn@example.com"}, ""),
        ({"subject": ""}, "subject"),
        ({"html": ""}, "html"),
        ({"html": "{% if %}"}, "html"),
        ({"html": "{% include 'x' %}"}, "html"),
        ({"headers": {"X-SES-CONFIGURATION-SET": "other"}}, "headers"),
        ({"headers": {"Bcc": "x@y.example"}}, "headers"),
        ({"headers": {"X-A": "b\r\nBcc: x@y.example"}}, "headers"),
        ({"headers": {"X A": "b"}}, "headers"),
        ({"headers": {f"X-{n}": "b" for n in range(16)}}, "headers"),
        ({"cc": "x@y.example"}, "cc"),
        ({"data": [1]}, "data"),
    ],
)
def test_bad_input_names_its_field_and_sends_nothing(
    shop: APIClient, change: dict[str, Any], param: str
) -> None:
    answer = post(shop, MAIL | change)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["param"].startswith(param)
    assert error["message"]
    assert Message.unscoped.count() == 0


def test_scopes_and_tenants_hold(
    shop: APIClient, alice: Person, mallory: Person, ses_account: SesAccount
) -> None:
    made = post(shop, MAIL).json()["id"]
    reader = api(alice, Scope.EMAILS_READ)
    assert post(reader, MAIL).status_code == 403
    assert reader.get(f"/api/v1/emails/{made}").status_code == 200
    stranger = api(mallory, Scope.EMAILS_SEND, Scope.EMAILS_READ)
    assert stranger.get(f"/api/v1/emails/{made}").status_code == 404
    assert stranger.get("/api/v1/emails").json()["data"] == []
    assert post(stranger, MAIL).status_code == 422  # acme's domain is not evil's to send from
    assert APIClient().post("/api/v1/emails", MAIL, format="json").status_code == 401


def test_campaign_mail_is_not_listed(shop: APIClient, acme: Tenant, add_contact: Callable) -> None:
    assert shop.get("/api/v1/emails").json()["data"] == []

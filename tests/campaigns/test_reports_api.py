"""Campaigns, their recipients and events through the REST API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from campaigns.models import Campaign, CampaignStatus
from lists.models import Contact, List
from sending.models import (
    Batch,
    BatchState,
    BatchTally,
    EventKind,
    Lane,
    Message,
    MessageData,
    MessageEvent,
    Outcome,
    SesAccount,
    Status,
)
from tenants.models import Scope, Tenant
from tests.campaigns.test_api import api as client_of
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

V1 = "/api/v1"


@pytest.fixture
def api(alice: Person) -> APIClient:
    return client_of(alice, Scope.CAMPAIGNS_READ, Scope.EMAILS_READ)


def batch_of(acme: Tenant, account: SesAccount, lane: Lane = Lane.CAMPAIGN) -> Batch:
    made: Batch = Batch.unscoped.create(
        tenant=acme, lane=lane, ses_account=account, state=BatchState.RUNNING, subject="Hello",
        from_header="news@acme.example",
    )  # fmt: skip
    return made


@pytest.fixture
def sent(acme: Tenant, ses_account: SesAccount, news: List) -> Campaign:
    made: Campaign = Campaign.unscoped.create(
        tenant=acme, name="Spring", subject="Hello", status=CampaignStatus.LAUNCHED,
        ses_account=ses_account, batch=batch_of(acme, ses_account),
    )  # fmt: skip
    made.lists.add(news)
    return made


def mail(batch: Batch | None, email: str, contact: Contact | None = None, **values: Any) -> Message:
    assert batch is not None
    made: Message = Message.unscoped.create(
        tenant=batch.tenant, batch=batch, email=email, contact=contact, **values
    )
    return made


def event(message: Message, kind: EventKind, minutes: int = 0) -> MessageEvent:
    made: MessageEvent = MessageEvent.unscoped.create(
        tenant=message.tenant, message=message, kind=kind, recipient=message.email,
        dedupe=f"{kind}{minutes}", at=timezone.now() - timedelta(minutes=minutes),
    )  # fmt: skip
    return made


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["param"]


def test_a_campaign_is_told_with_its_report_and_recipients(
    api: APIClient, acme: Tenant, sent: Campaign, news: List, add_contact: Callable[..., Contact]
) -> None:
    draft = Campaign.unscoped.create(tenant=acme, name="Draft")
    listed = api.get(f"{V1}/campaigns").json()["data"]
    assert [(one["name"], one["state"]) for one in listed] == [
        ("Draft", "draft"), ("Spring", "running"),
    ]  # fmt: skip
    path = f"{V1}/campaigns/{sent.public_id}"
    assert api.get(path).json()["lists"] == [str(news.public_id)]
    ada, bea = add_contact("ada@x.com"), add_contact("bea@x.com")
    mail(sent.batch, "ada@x.com", ada, status=Status.SENT, outcome=Outcome.HARD_BOUNCED)
    mail(sent.batch, "bea@x.com", bea)
    assert sent.batch
    BatchTally.unscoped.create(tenant=acme, batch=sent.batch, shard=0, total=2, sent=1, bounced=1)
    report = api.get(f"{path}/report").json()
    assert (report["total"], report["queued"], report["sent"], report["bounced"]) == (2, 1, 1, 1)
    everybody = api.get(f"{path}/recipients").json()["data"]
    assert [(one["email"], one["filed"]) for one in everybody] == [
        ("bea@x.com", "waiting"), ("ada@x.com", "bounced"),
    ]  # fmt: skip
    assert everybody[1]["contact"] == str(ada.public_id)
    (bounced,) = api.get(f"{path}/recipients", {"filed": "bounced"}).json()["data"]
    assert bounced["email"] == "ada@x.com"
    (found,) = api.get(f"{path}/recipients", {"email": "bea"}).json()["data"]
    assert found["email"] == "bea@x.com"
    assert error(api.get(f"{path}/recipients", {"filed": "lost"})) == (422, "filed")
    before = f"{V1}/campaigns/{draft.public_id}"
    assert api.get(f"{before}/report").json()["total"] == 0
    assert api.get(f"{before}/recipients").json()["data"] == []


def test_recipients_are_paged_at_the_same_number_of_questions(
    api: APIClient, sent: Campaign, add_contact: Callable[..., Contact]
) -> None:
    for number in range(5):
        email = f"p{number}@x.com"
        mail(sent.batch, email, add_contact(email))
    path = f"{V1}/campaigns/{sent.public_id}/recipients"
    api.get(path)  # notes that the key is used
    with CaptureQueriesContext(connection) as few:
        first = api.get(path, {"limit": 2}).json()
    with CaptureQueriesContext(connection) as many:
        api.get(path, {"limit": 5})
    assert len(many) == len(few)
    second = api.get(path, {"limit": 3, "cursor": first["next_cursor"]}).json()
    seen = [one["email"] for one in first["data"] + second["data"]]
    assert (seen, second["has_more"]) == ([f"p{n}@x.com" for n in reversed(range(5))], False)


def test_events_are_found_by_mail_address_type_and_time(
    api: APIClient,
    acme: Tenant,
    sent: Campaign,
    ses_account: SesAccount,
    add_contact: Callable[..., Contact],
) -> None:
    ada = add_contact("ada@x.com")
    to_ada = mail(sent.batch, "Ada@x.com", ada)
    single = mail(batch_of(acme, ses_account, Lane.TRANSACTIONAL), "ADA@x.com")
    other = mail(sent.batch, "bea@x.com", add_contact("bea@x.com"))
    email = MessageData.unscoped.create(tenant=acme, message=single, data={})
    event(to_ada, EventKind.DELIVERY, 30)
    event(to_ada, EventKind.COMPLAINT, 20)
    event(single, EventKind.BOUNCE, 10)
    event(other, EventKind.BOUNCE, 5)

    def found(**asked: str) -> list[str]:
        answer = api.get(f"{V1}/events", asked)
        assert answer.status_code == 200, answer.content
        return [f"{one['type']} {one['recipient'].lower()[:3]}" for one in answer.json()["data"]]

    assert found(recipient="ada@X.com") == ["bounce ada", "complaint ada", "delivery ada"]
    assert found(recipient="ada@x.com", type="delivery") == ["delivery ada"]
    assert found(type="bounce") == ["bounce bea", "bounce ada"]
    assert found(email=str(email.public_id)) == ["bounce ada"]
    assert found(recipient="nobody@x.com") == []
    then = (timezone.now() - timedelta(minutes=15)).isoformat()
    assert found(recipient="ada@x.com", since=then) == ["bounce ada"]
    assert found(recipient="ada@x.com", until=then) == ["complaint ada", "delivery ada"]
    both = api.get(f"{V1}/events", {"type": "bounce"}).json()["data"]
    assert [one["campaign"] for one in both] == [str(sent.public_id), None]
    assert [one["email"] for one in both] == [None, str(email.public_id)]
    with CaptureQueriesContext(connection) as one:
        first = api.get(f"{V1}/events", {"type": "bounce", "limit": "1"}).json()
    with CaptureQueriesContext(connection) as two:
        api.get(f"{V1}/events", {"type": "bounce", "limit": "2"})
    assert len(one) == len(two)
    asked = {"type": "bounce", "cursor": first["next_cursor"]}
    assert [one["recipient"] for one in api.get(f"{V1}/events", asked).json()["data"]] == [
        "ADA@x.com"
    ]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "type"),
        ({"type": "delivery"}, "type"),
        ({"type": "explosion"}, "type"),
        ({"email": "1"}, "email"),
        ({"email": "\0"}, "email"),
        ({"recipient": "nobody"}, "email"),
        ({"recipient": "a\0@x.com"}, "email"),
        ({"type": "bounce", "since": "yesterday"}, "since"),
        ({"type": "bounce", "until": "9" * 5_000}, "until"),
        ({"type": "bounce", "since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"type": "bounce", "kind": "bounce"}, "kind"),
    ],
)
def test_what_cannot_be_asked_is_named(api: APIClient, asked: dict[str, str], param: str) -> None:
    answer = api.get(f"{V1}/events", asked)
    assert error(answer) == (422, param)


def test_strangers_see_nothing(
    acme: Tenant, sent: Campaign, mallory: Person, add_contact: Callable[..., Contact]
) -> None:
    event(mail(sent.batch, "ada@x.com", add_contact("ada@x.com")), EventKind.BOUNCE)
    stranger = client_of(mallory, Scope.CAMPAIGNS_READ, Scope.EMAILS_READ)
    for path in ("", "/report", "/recipients"):
        answer = stranger.get(f"{V1}/campaigns/{sent.public_id}{path}")
        assert answer.status_code == 404
    assert stranger.get(f"{V1}/campaigns").json()["data"] == []
    for asked in ({"type": "bounce"}, {"recipient": "ada@x.com"}):
        assert stranger.get(f"{V1}/events", asked).json()["data"] == []

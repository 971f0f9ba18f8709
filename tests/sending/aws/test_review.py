"""AWS's review of the request for production access: read with the quota, told once."""

from collections.abc import Iterator
from typing import Any

import pytest

from sending.connection import read_quota, store_answer
from sending.credentials import api_of
from sending.models import Review, SesAccount
from sending.ses.account_calls import AccountDetails
from sending.ses.errors import SesError
from sending.ses.explain import explain
from sending.signals import review_moved
from tests.cloud import REGION, TENANT, Cloud

DETAILS = AccountDetails("MARKETING", "https://acme.example", "News for those who asked for it.")


@pytest.fixture
def connected(cloud: Cloud, ses_account: SesAccount) -> SesAccount:
    ses_account.credentials = {"access_key_id": cloud.key_id, "secret_access_key": cloud.secret}
    ses_account.aws_account_id = TENANT
    ses_account.save()
    return ses_account


@pytest.fixture
def moves() -> Iterator[list[tuple[str, str]]]:
    """Every (before, now) that was told."""
    told: list[tuple[str, str]] = []

    def hear(account: SesAccount, before: str, **_: Any) -> None:
        told.append((before, account.review_status))

    review_moved.connect(hear)
    yield told
    review_moved.disconnect(hear)


def test_each_move_of_the_review_is_told_once(
    cloud: Cloud, connected: SesAccount, moves: list[tuple[str, str]]
) -> None:
    read_quota(connected)
    assert (connected.review_status, moves) == ("", [])
    api_of(connected).request_production_access(DETAILS)
    read_quota(connected)
    read_quota(SesAccount.unscoped.get())
    assert moves == [("", Review.PENDING)]
    assert connected.review_case.isdigit()
    cloud.sim.decide_review(TENANT, REGION, "DENIED")
    read_quota(connected)
    api_of(connected).request_production_access(DETAILS)
    cloud.sim.decide_review(TENANT, REGION, "GRANTED")
    read_quota(connected)
    assert moves[1:] == [("PENDING", "DENIED"), ("DENIED", "GRANTED")]
    assert connected.production_access


def test_the_first_answer_of_an_account_is_no_news(
    cloud: Cloud, connected: SesAccount, moves: list[tuple[str, str]]
) -> None:
    api_of(connected).request_production_access(DETAILS)
    read_quota(connected)
    assert connected.review_status == Review.PENDING
    assert moves == []


def test_an_older_answer_does_not_move_it_back(
    cloud: Cloud, connected: SesAccount, moves: list[tuple[str, str]]
) -> None:
    read_quota(connected)
    old = {"review_status": "", "review_case": "", "quota_read_at": connected.quota_read_at}
    api_of(connected).request_production_access(DETAILS)
    read_quota(connected)
    store_answer(connected, old)
    connected.refresh_from_db()
    assert connected.review_status == Review.PENDING
    assert len(moves) == 1


def test_it_is_known_since_when_aws_has_the_account_under_review(
    cloud: Cloud, connected: SesAccount
) -> None:
    read_quota(connected)
    healthy_since = connected.enforcement_since
    read_quota(connected)
    assert (connected.enforcement_status, connected.enforcement_since) == ("HEALTHY", healthy_since)
    cloud.sim.set_region(TENANT, REGION, enforcement="PROBATION")
    read_quota(connected)
    assert connected.enforcement_since == connected.quota_read_at
    read_quota(connected)
    connected.refresh_from_db()
    assert healthy_since < connected.enforcement_since < connected.quota_read_at  # type: ignore[operator]


def test_an_open_review_takes_no_second_request(cloud: Cloud, connected: SesAccount) -> None:
    api_of(connected).request_production_access(DETAILS)
    with pytest.raises(SesError) as refused:
        api_of(connected).request_production_access(DETAILS)
    assert "still has an earlier request" in str(explain(refused.value))


def test_what_is_asked_arrives_whole(cloud: Cloud, connected: SesAccount) -> None:
    contacts = ("postmaster@acme.example", "ceo@acme.example")
    asked = AccountDetails("TRANSACTIONAL", "https://acme.example", "Receipts.", "JA", contacts)
    api_of(connected).request_production_access(asked)
    assert cloud.region()["details"] == {
        "MailType": "TRANSACTIONAL",
        "WebsiteURL": "https://acme.example",
        "ContactLanguage": "JA",
        "UseCaseDescription": "Receipts.",
        "AdditionalContactEmailAddresses": list(contacts),
    }

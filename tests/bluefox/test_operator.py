"""The operator's page: for superusers, of everybody's queue."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from redis.exceptions import ConnectionError as ValkeyDown

from lists.models import List
from sending import queue, signs
from sending.models import QUOTA_REACHED, Lane, SesAccount
from sending.parking import park_aws
from tenants.models import User
from tests.conftest import Person
from tests.routes import OPERATOR
from tests.sending.factory import make_batch, make_contacts, make_messages
from tests.world import fingerprint

pytestmark = pytest.mark.usefixtures("redis")
KEY = "111122223333:eu-west-1"


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root@bluefox.example"))
    return client


@pytest.mark.parametrize("name", OPERATOR)
def test_nobody_else_learns_of_it(
    name: str, alice: Person, client: Client, operator: Client
) -> None:
    url = reverse(name)
    for ask in (client.get, client.post, alice.client.get):
        assert ask(url).status_code == 404
    before = fingerprint()
    assert operator.get(url).status_code == 200
    assert operator.post(url).status_code == 405
    assert fingerprint() == before
    assert "/operator/" not in alice.client.get("/w/acme/").content.decode()


def test_what_it_shows(operator: Client, ses_account: SesAccount, news: List) -> None:
    batch = make_batch(ses_account, [news])
    messages = make_messages(batch, make_contacts(news, 1234))
    queue.set_rate(KEY, 500)
    queue.push(KEY, Lane.CAMPAIGN, batch.pk, [one.pk for one in messages])
    park_aws(KEY, QUOTA_REACHED, until=None, from_lane=2)
    signs.heard(signs.WORKERS, "send@a.example")
    page = operator.get("/operator/").content.decode()
    assert KEY in page
    assert "Acme: Main" in page
    assert page.count("1,234") == 3  # in the lane, left of the row, left of all
    assert "Daily quota reached, from lane 2" in page
    assert "send@a.example" in page
    assert "No worker is heard of" not in page
    fragment = operator.get("/operator/now/").content.decode()
    assert KEY in fragment
    assert "<html" not in fragment


def test_an_empty_site_says_what_is_missing(operator: Client) -> None:
    page = operator.get("/operator/").content.decode()
    assert "No worker is heard of" in page
    assert "Nothing is queued, running or parked." in page


def test_without_valkey_it_says_so(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Callable[..., object]:
        raise ValkeyDown

    monkeypatch.setattr("sending.selectors.workers.pace_keys", away)
    page = operator.get("/operator/now/")
    assert page.status_code == 200
    assert "Valkey does not answer" in page.content.decode()


def test_an_operator_finds_it(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_superuser=True)
    assert 'href="/operator/"' in alice.client.get("/w/acme/").content.decode()

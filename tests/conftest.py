"""The cast: alice owns acme and bob works there; mallory owns evil and must see nothing of acme."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.conf import settings
from django.test import Client
from redis import Redis

from lists.models import Contact, List, Source, Subscription, SubscriptionStatus
from sending.models import SenderIdentity, SesAccount, SesAuth, SesState
from tenants.models import Membership, Role, Tenant, User


@dataclass(frozen=True)
class Person:
    user: User
    tenant: Tenant
    client: Client


def _person(email: str, tenant: Tenant, role: Role) -> Person:
    user = User.objects.create_user(email, name=email.partition("@")[0].title())
    Membership.unscoped.create(tenant=tenant, user=user, role=role)
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return Person(user, tenant, client)


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.create(
        slug="acme", name="Acme", postal_address="1 Acme Street, Springfield"
    )


@pytest.fixture
def evil(db: None) -> Tenant:
    return Tenant.objects.create(slug="evil", name="Evil")


@pytest.fixture
def alice(acme: Tenant) -> Person:
    return _person("alice@acme.example", acme, Role.OWNER)


@pytest.fixture
def bob(acme: Tenant) -> Person:
    return _person("bob@acme.example", acme, Role.MARKETER)


@pytest.fixture
def mallory(evil: Tenant) -> Person:
    return _person("mallory@evil.example", evil, Role.OWNER)


@pytest.fixture
def ses_account(acme: Tenant) -> SesAccount:
    """Acme's connected SES: production access, 500 a second, 1,000,000 a day."""
    account = SesAccount.unscoped.create(
        tenant=acme,
        name="Main",
        region="eu-west-1",
        auth=SesAuth.KEY,
        credentials={"access_key_id": "AKIAEXAMPLE", "secret_access_key": "example"},
        state=SesState.CONNECTED,
        aws_account_id="111122223333",
        max_send_rate=500,
        max_24_hour_send=1_000_000,
        production_access=True,
    )
    SenderIdentity.unscoped.create(
        tenant=acme, ses_account=account, name="acme.example", verified=True
    )
    return account


@pytest.fixture
def news(acme: Tenant) -> List:
    return List.unscoped.create(tenant=acme, name="News")


@pytest.fixture
def add_contact(acme: Tenant, news: List) -> Callable[..., Contact]:
    """Makes a contact of acme, an active member of `news` unless a status says otherwise."""

    def add(
        email: str, *, status: SubscriptionStatus = SubscriptionStatus.ACTIVE, **fields: object
    ) -> Contact:
        contact = Contact.unscoped.create(
            tenant=acme, email=email, email_norm=email.lower(), **fields
        )
        Subscription.unscoped.create(
            tenant=acme, contact=contact, list=news, status=status, source=Source.MEMBER
        )
        return contact

    return add


@pytest.fixture
def redis() -> Iterator[Redis]:
    """The run's own Valkey database, empty before and after."""
    client = Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()

"""A workspace goes whole; an account that has sent does not go alone."""

import pytest
from django.db.models import RestrictedError

from sending.models import Batch, Message, MessageEvent, SesAccount
from tenants.models import Tenant
from tests.conftest import Person
from tests.world import build, fingerprint

pytestmark = pytest.mark.usefixtures("redis")


def test_a_workspace_is_deleted_with_all_it_has(alice: Person, mallory: Person) -> None:
    build(alice.tenant, alice.user, "zanzibar")
    build(mallory.tenant, mallory.user, "mordor")
    before = fingerprint(mallory.tenant)
    acme = alice.tenant.pk
    Tenant.objects.get(pk=acme).delete()
    assert fingerprint(mallory.tenant) == before
    for model in (SesAccount, Batch, Message, MessageEvent):
        assert set(model.unscoped.values_list("tenant", flat=True)) == {mallory.tenant.pk}


def test_an_account_that_has_sent_stays(alice: Person) -> None:
    world = build(alice.tenant, alice.user, "zanzibar")
    with pytest.raises(RestrictedError):
        world.account.delete()
    assert SesAccount.unscoped.filter(pk=world.account.pk).exists()

"""Tenancy fails closed."""

import pytest
from django.db import connection

from lists.models import Contact
from sending.models import SesAccount
from tenants.errors import SecretUnreadable, UnscopedQuery
from tenants.models import Tenant


def test_a_query_that_names_no_tenant_raises(acme: Tenant) -> None:
    with pytest.raises(UnscopedQuery, match="for_tenant"):
        Contact.objects.filter(email="a@example.com")


def test_for_tenant_sees_its_own_rows_only(acme: Tenant, evil: Tenant) -> None:
    for tenant in (acme, evil):
        Contact.unscoped.create(tenant=tenant, email="a@example.com", email_norm="a@example.com")
    assert [c.tenant for c in Contact.objects.for_tenant(acme)] == [acme]
    assert Contact.unscoped.count() == 2


def test_a_secret_is_stored_encrypted_and_opens_only_in_its_column(ses_account: SesAccount) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM sending_sesaccount")
        (stored,) = cursor.fetchone()
        assert "example" not in stored
        cursor.execute("UPDATE sending_sesaccount SET webhook_token = credentials")
    ses_account.refresh_from_db(fields=["credentials"])
    assert ses_account.credentials["secret_access_key"] == "example"
    with pytest.raises(SecretUnreadable, match="holds a secret of"):
        ses_account.refresh_from_db(fields=["webhook_token"])
    # Who only lists rows is not stopped, and sees no ciphertext either.
    (listed,) = SesAccount.unscoped.all()
    assert listed.name == ses_account.name
    assert stored not in str(list(SesAccount.unscoped.values_list("webhook_token", flat=True)))
    with pytest.raises(SecretUnreadable):
        str(listed.webhook_token)

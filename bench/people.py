"""A workspace with an account at the simulator, an audience, and a mail of 20 KB to it."""

from django.apps import apps
from django.db import connection
from psycopg2 import sql

from lists.models import List
from lists.selectors.reach import Audience
from sending.models import Batch, Lane, SenderIdentity, SesAccount, SesAuth, SesState
from sending.queue import set_rate, valkey
from sending.services.batches import create_batch
from simulator.client import SimulatorClient
from tenants.models import Tenant
from tenants.scoping import TenantOwned

ACCOUNT, REGION = "111122223333", "eu-west-1"
FROM = "Acme <news@acme.example>"
SUBJECT = "News for {{ contact.first_name }}"

_MEMBERS = """
    WITH made AS (
        INSERT INTO lists_contact (tenant_id, public_id, email, email_norm, first_name, last_name,
                                   fields, created_at, updated_at)
        SELECT %(tenant)s, gen_random_uuid(), address, address, 'Given' || i, 'Family' || i,
               jsonb_build_object('city', 'City ' || i %% 1000), now(), now()
        FROM generate_series(1, %(count)s) AS i
        CROSS JOIN LATERAL (SELECT 'person' || i || '@list' || %(list)s || '.example') a (address)
        RETURNING tenant_id, id
    )
    INSERT INTO lists_subscription (tenant_id, contact_id, list_id, status, source, created_at)
    SELECT tenant_id, id, %(list)s, 'active', 'import', now() FROM made ORDER BY id
"""
_MESSAGES = """
    INSERT INTO sending_message (tenant_id, batch_id, contact_id, email, status)
    SELECT c.tenant_id, %(batch)s, c.id, c.email, 0
    FROM lists_contact c JOIN lists_subscription s ON s.contact_id = c.id
    WHERE s.list_id = ANY(%(lists)s) ORDER BY c.id
    RETURNING id
"""


def empty() -> None:
    """Forget everything that an earlier measurement wrote."""
    # By name: many a foreign key is none to the database, so CASCADE alone would leave rows.
    tables = {model._meta.db_table for model in apps.get_models() if issubclass(model, TenantOwned)}
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("TRUNCATE tenants_tenant, sending_sentminute, {} CASCADE").format(
                sql.SQL(", ").join(map(sql.Identifier, sorted(tables)))
            )
        )
    valkey().flushdb()


def make_world(simulator: SimulatorClient, *, rate: float) -> SesAccount:
    """Forgets everything, at the simulator too, and makes one workspace; see make_account()."""
    empty()
    simulator.reset()
    return make_account(simulator, rate=rate)


def make_account(
    simulator: SimulatorClient, *, rate: float, aws_account: str = ACCOUNT
) -> SesAccount:
    """A workspace whose SES takes `rate` recipients a second, without a limit for the day.

    The queue knows the rate already, as it does of an account that has sent before.
    """
    made = simulator.create_account(
        aws_account,
        keys=[{"user": "sender"}],
        regions={REGION: {"sandbox": False, "max_24_hour_send": -1, "max_send_rate": rate}},
        identities={REGION: ["acme.example"]},
    )
    key = next(iter(made["keys"].values()))
    tenant = Tenant.objects.create(
        slug=f"acme-{aws_account}", name="Acme", postal_address="1 Acme Street"
    )
    account = SesAccount.unscoped.create(
        tenant=tenant,
        name="Main",
        region=REGION,
        auth=SesAuth.KEY,
        credentials={"access_key_id": key["id"], "secret_access_key": key["secret"]},
        state=SesState.CONNECTED,
        aws_account_id=aws_account,
        max_send_rate=rate,
        max_24_hour_send=-1,
        production_access=True,
    )
    SenderIdentity.unscoped.create(
        tenant=tenant, ses_account=account, name="acme.example", verified=True
    )
    set_rate(account.pace_key, rate)
    return account


def make_audience(account: SesAccount, count: int) -> List:
    """A list with so many active members, who are on no other list."""
    made = List.unscoped.create(tenant=account.tenant, name=f"{count} people")
    given = {"tenant": account.tenant_id, "count": count, "list": made.pk}
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, given)
        cursor.execute("ANALYZE lists_contact, lists_subscription")
    return made


def make_campaign(account: SesAccount, count: int) -> Batch:
    """A campaign of 20 KB, ready to launch, to a list of its own with so many members."""
    return make_batch(account, make_audience(account, count))


def make_batch(account: SesAccount, audience: List) -> Batch:
    """A campaign of 20 KB, ready to launch, to a list."""
    return create_batch(
        tenant=account.tenant,
        lane=Lane.CAMPAIGN,
        ses_account=account,
        from_header=FROM,
        subject=SUBJECT,
        html=html(),
        text=TEXT,
        audience=Audience((audience.pk,)),
    )


def make_messages(batch: Batch) -> list[int]:
    """A queued row for everyone on the batch's lists, in no queue; their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES, {"batch": batch.pk, "lists": batch.list_ids})
        return [row[0] for row in cursor.fetchall()]


def html() -> str:
    """20 KB of HTML with 22 merge tags."""
    paragraph = (
        '<p style="margin:0 0 12px;font:16px/24px Helvetica,Arial,sans-serif;color:#222222">'
        "Hello {{ contact.first_name }}, a word about {{ contact.city | default: 'your city' }}: "
        + "the quick brown fox jumps over the lazy dog, and so it went on for a while.\n" * 22
        + '<a href="https://acme.example/read?chapter=next">Read on</a></p>'
    )
    return (
        f"<html><body>{paragraph * 10}<p>Acme, 1 Acme Street</p>"
        '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> '
        '<a href="{{ preferences_url }}">Preferences</a></p></body></html>'
    )


TEXT = (
    "Hello {{ contact.first_name }}\n\n" + "The quick brown fox.\n" * 60 + "{{ unsubscribe_url }}"
)

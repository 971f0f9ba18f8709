"""Counting segments of a million contacts with ten million events of their mails.

Each segment is counted several times after a first time that fills PostgreSQL's memory; the median
stands. Beside it the obvious way, without a row of last moments per contact: for each contact, is
there a message with such an event? Both must find the same number.
"""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from bench import people
from bench.stage import Figures, Run
from campaigns.models import Campaign, CampaignStatus
from lists.models import FieldKind, List
from lists.segments.reading import parse
from lists.selectors.segments import count
from lists.services import engagement
from lists.services.fields import create_field
from sending.engagement import fold
from sending.models import Batch, BatchState, SesAccount

_CONTACTS = 1_000_000
_CAMPAIGNS = 5
_TIMES = 5

# Everybody was sent each campaign and got it; of the opens and clicks each has its share.
_MESSAGES = """
    INSERT INTO sending_message
        (tenant_id, batch_id, contact_id, email, status, sent_at, outcome, outcome_at)
    SELECT tenant_id, %(batch)s, id, email, 2, %(at)s, 3, %(at)s
    FROM lists_contact WHERE tenant_id = %(tenant)s ORDER BY id
"""
_EVENTS = """
    INSERT INTO sending_messageevent
        (tenant_id, message_id, kind, subtype, recipient, diagnostic, dedupe, at, received_at,
         batch_id, contact_id)
    SELECT m.tenant_id, m.id, e.kind, e.subtype, m.email, '', e.kind || m.id, e.at, e.at,
           CASE WHEN e.subtype <> '' THEN m.batch_id END,
           CASE WHEN e.subtype <> '' THEN m.contact_id END
    FROM sending_message m
    CROSS JOIN LATERAL (VALUES
        ('delivery', '', %(at)s, TRUE),
        ('open', 'person', %(at)s + interval '1 hour', m.contact_id %% 10 >= %(number)s),
        ('click', 'person', %(at)s + interval '2 hours', m.contact_id %% 5 = %(number)s)
    ) AS e (kind, subtype, at, happened)
    WHERE m.batch_id = %(batch)s AND e.happened ORDER BY m.id
"""
_TOLD = """
    SELECT m.contact_id, m.tenant_id, NULL::timestamptz AS sent_at,
           NULL::timestamptz AS delivered_at,
           CASE WHEN v.kind = 'open' THEN v.at END AS opened_at,
           CASE WHEN v.kind = 'click' THEN v.at END AS clicked_at
    FROM sending_messageevent v JOIN sending_message m ON m.id = v.message_id
    WHERE v.kind IN ('open', 'click')
"""
_OBVIOUS = """
    SELECT count(*) FROM lists_contact c
    WHERE c.tenant_id = %(tenant)s AND lower(c.fields ->> 'city') LIKE 'city%%'
      AND EXISTS (SELECT 1 FROM lists_subscription s
                  WHERE s.contact_id = c.id AND s.list_id = %(list)s AND s.status = 'active')
      AND EXISTS (SELECT 1 FROM sending_message m
                  JOIN sending_messageevent v ON v.message_id = m.id
                  WHERE m.contact_id = c.id AND v.kind = 'open' AND v.subtype = 'person'
                    AND v.at >= %(since)s)
"""


def segments(run: Run) -> Figures:
    """Milliseconds of a count, for several segments and for the obvious way."""
    contacts = run.recipients or _CONTACTS
    account = people.make_world(run.simulator, rate=1)
    audience = people.make_audience(account, contacts)
    create_field(tenant=account.tenant, label="City", kind=FieldKind.STRING)
    campaigns = [_campaign(account, audience, number) for number in range(_CAMPAIGNS)]
    start = time.monotonic()
    fold(seconds=3600)
    folded = time.monotonic() - start
    engagement.note(_TOLD, {})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM sending_messageevent")
        (events,) = cursor.fetchone()
    figures: Figures = {
        "contacts": contacts,
        "events": events,
        "fold_mails_a_second": round(contacts * _CAMPAIGNS / folded),
    }
    for name, groups in _asked(audience, campaigns[1]).items():
        definition = parse({"groups": groups})
        found, took = _timed(lambda: count(account.tenant, definition))  # noqa: B023 (called here)
        figures |= {f"{name}_ms": took, f"{name}_found": found}
    found, took = _timed(lambda: _obvious(audience), times=1)
    if found != figures["three_broad_found"]:
        raise AssertionError(f"the obvious way finds {found}: {figures}")
    return figures | {
        "obvious_ms": took,
        "obvious_by_ours": round(took / float(figures["three_broad_ms"]), 1),
    }


def _campaign(account: SesAccount, audience: List, number: int) -> Campaign:
    at = timezone.now() - timedelta(days=10 + 30 * number)
    batch = people.make_batch(account, audience)
    given: dict[str, Any] = {
        "batch": batch.pk,
        "tenant": account.tenant_id,
        "at": at,
        "number": number,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES, given)
        cursor.execute(_EVENTS, given)
    Batch.unscoped.filter(pk=batch.pk).update(
        state=BatchState.DONE, launched_at=at, audience_at=at, finished_at=at
    )
    made: Campaign = Campaign.unscoped.create(
        tenant=account.tenant, name=f"{number}", status=CampaignStatus.LAUNCHED, batch=batch
    )
    return made


def _asked(audience: List, campaign: Campaign) -> dict[str, list[list[dict[str, Any]]]]:
    def one(what: str, op: str, *values: Any) -> dict[str, Any]:
        return {"what": what, "op": op, "values": list(values)}

    on = one("list", "on", str(audience.public_id))
    city, any_city = one("string:city", "is", "City 7"), one("string:city", "starts", "city")
    of_campaign = str(campaign.public_id)
    return {
        "three_narrow": [[on, city, one("opened", "within", 30)]],
        "three_broad": [[on, any_city, one("opened", "within", 30)]],
        "three_opposite": [[on, any_city, one("opened", "not_within", 60)]],
        "three_campaign": [[on, any_city, one("clicked", "campaign", of_campaign)]],
        "two_groups": [[on, one("clicked", "within", 30)], [on, city]],
    }


def _timed(counted: Callable[[], int], times: int = _TIMES) -> tuple[int, int]:
    """What it counts, and the median of how many milliseconds it takes once it is warm."""
    found, took = counted(), []
    for _ in range(times):
        start = time.perf_counter()
        counted()
        took.append(time.perf_counter() - start)
    return found, round(statistics.median(took) * 1000)


def _obvious(audience: List) -> int:
    since = timezone.now() - timedelta(days=30)
    given: dict[str, Any] = {"tenant": audience.tenant_id, "list": audience.pk, "since": since}
    with connection.cursor() as cursor:
        cursor.execute(_OBVIOUS, given)
        return int(cursor.fetchone()[0])

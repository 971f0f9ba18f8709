"""Finding contacts among a million: search, filters and deep pages, through the page itself.

Beside it the obvious build on the same rows: icontains over three columns, OFFSET, and a count of
everything for the pager. Both answer with the same page of 50 and its states.
"""

import time
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.test import Client

from bench import seen
from bench.people import empty
from bench.stage import Figures, Run
from lists import searching
from lists.models import Contact, List, Tag
from lists.selectors.contacts import add_states
from tenants.models import Membership, Role, Tenant, User

_CONTACTS = 1_000_000
_TIMES = 40  # of each page; its p99 is then its slowest
_OBVIOUS_TIMES = 5
_PAGE = 50

# Most are active; one in a thousand each is unconfirmed, paused, suppressed, or on no list; the
# oldest tenth has left. One in two hundred has the tag.
_PEOPLE = """
INSERT INTO lists_contact (tenant_id, public_id, email, email_norm, first_name, last_name, fields,
                           paused_until, created_at, updated_at)
SELECT %(tenant)s, gen_random_uuid(), address, address,
       (ARRAY['Anna','Ben','Chloe','David','Emma','Farid','Grace','Hugo'])[1 + i %% 8],
       'Family' || md5(i::text)::varchar(6), '{}',
       CASE WHEN i %% 1000 = 3 THEN now() + interval '30 days' END, now(), now()
FROM generate_series(1, %(count)s) AS i
CROSS JOIN LATERAL (
    SELECT 'p' || i || '.' || md5('a' || i)::varchar(8) || '@' ||
           (ARRAY['gmail.example','mail.example','acme.example'])[1 + i %% 3]
) a (address)
"""
_PLACES = """
INSERT INTO lists_subscription (tenant_id, contact_id, list_id, status, source, created_at)
SELECT tenant_id, id, %(list)s,
       CASE WHEN n <= %(count)s / 10 THEN 'unsubscribed' WHEN n %% 1000 = 1 THEN 'unconfirmed'
            ELSE 'active' END, 'import', now()
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM lists_contact
      WHERE tenant_id = %(tenant)s) c
WHERE n %% 1000 <> 4 ORDER BY id
"""
_SUPPRESSIONS = """
INSERT INTO lists_suppression (tenant_id, email_norm, reason, source, diagnostic, created_at)
SELECT tenant_id, email_norm, 'hard_bounce', 'ses', '', now() FROM lists_contact
WHERE tenant_id = %(tenant)s AND id %% 1000 = 2
"""
_TAGGED = """
INSERT INTO lists_contacttag (tenant_id, contact_id, tag_id, created_at)
SELECT tenant_id, id, %(tag)s, now() FROM lists_contact
WHERE tenant_id = %(tenant)s AND id %% 200 = 0 ORDER BY id
"""


def contacts(run: Run) -> Figures:
    """Milliseconds at p50 and p99 for each kind of page, ours and the obvious one's."""
    count = run.recipients or _CONTACTS
    empty()
    settings.ALLOWED_HOSTS = ["testserver"]
    tenant = Tenant.objects.create(slug="acme-contacts", name="Acme")
    list_, tag = _fill(tenant, count)
    started = time.perf_counter()
    buckets = searching.refresh(seconds=600)
    built = time.perf_counter() - started
    ask = _page_of(tenant)
    newest_first = Contact.objects.for_tenant(tenant).order_by("-id")
    ids = list(newest_first.values_list("pk", flat=True)[:: count // (_TIMES + 1)])[1:]
    rare = f"p{count // 2}."
    pages: dict[str, Sequence[str]] = {
        "search_rare": [f"q=p{number * count // _TIMES + 1}." for number in range(_TIMES)],
        "search_none": ["q=nobody-has-this"] * _TIMES,
        "search_frequent": ["q=gmail", "q=anna"] * (_TIMES // 2),
        # Two of which nobody has one or the other letter, or nobody both in a row.
        "search_two_letters": ["q=zz", "q=7f", "q=eg", "q=7f"] * (_TIMES // 4),
        "search_two_words": ["q=anna gmail", "q=hugo p77"] * (_TIMES // 2),
        "deep": [f"after={pk}" for pk in ids[:_TIMES]],
        "list_deep": [f"list={list_.public_id}&after={pk}" for pk in ids[:_TIMES]],
        "tag_deep": [f"tag={tag.public_id}&after={pk}" for pk in ids[:_TIMES]],
    }
    for state in ("active", "unconfirmed", "paused", "unsubscribed", "suppressed", "none"):
        pages[state] = [f"status={state}&after={pk}" for pk in ids[:_TIMES]]
    figures: Figures = {"contacts": count, "text_built_s": round(built, 1), "buckets": buckets}
    for name, queries in pages.items():
        figures |= _figures(name, _times(ask, queries))
    obvious: dict[str, Callable[[], object]] = {
        "obvious_search": lambda: _obvious(tenant, word=rare, offset=0),
        "obvious_deep": lambda: _obvious(tenant, word="", offset=count - 2 * _PAGE),
    }
    for name, build in obvious.items():
        figures |= _figures(name, [_timed(build) for _ in range(_OBVIOUS_TIMES)])
    ratio = float(figures["obvious_search_p50_ms"]) / float(figures["search_rare_p50_ms"])
    return figures | {"search_ratio": round(ratio, 1)}


def _fill(tenant: Tenant, count: int) -> tuple[List, Tag]:
    list_ = List.unscoped.create(tenant=tenant, name="News")
    tag = Tag.unscoped.create(tenant=tenant, name="VIP")
    values = {"tenant": tenant.pk, "count": count, "list": list_.pk, "tag": tag.pk}
    with connection.cursor() as cursor:
        for statement in (_PEOPLE, _PLACES, _SUPPRESSIONS, _TAGGED):
            cursor.execute(statement, values)
        cursor.execute(
            "VACUUM ANALYZE lists_contact, lists_subscription, lists_suppression, lists_contacttag"
        )
    return list_, tag


def _page_of(tenant: Tenant) -> Callable[[str], Any]:
    import_module("bluefox.wsgi")  # as in the web server, garbage collection passes over the code
    user = User.objects.create_user("reader@acme.example")
    Membership.unscoped.create(tenant=tenant, user=user, role=Role.OWNER)
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")

    def ask(query: str) -> None:
        response = client.get(f"/w/{tenant.slug}/contacts/?{query}")
        assert response.status_code == 200, query

    return ask


def _times(ask: Callable[[str], Any], queries: Sequence[str]) -> list[float]:
    ask(queries[0])  # reads the templates
    return [_timed(lambda query=query: ask(query)) for query in queries]  # type: ignore[misc]


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _figures(name: str, times: Sequence[float]) -> Figures:
    return {
        f"{name}_p50_ms": round(seen.percentile(times, 0.5), 1),
        f"{name}_p99_ms": round(seen.percentile(times, 0.99), 1),
    }


def _obvious(tenant: Tenant, *, word: str, offset: int) -> tuple[list[Contact], int]:
    rows = Contact.objects.for_tenant(tenant)
    if word:
        rows = rows.filter(
            Q(email__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        )
    page = list(rows.order_by("-id")[offset : offset + _PAGE])
    add_states(tenant, page)
    return page, rows.count()

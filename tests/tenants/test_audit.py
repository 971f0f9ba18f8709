"""The audit log's page: newest first, each event once."""

import re
from datetime import timedelta
from html import unescape

from django.utils import timezone

from tenants.models import AuditEvent
from tenants.services import audit
from tests.conftest import Person


def test_pages_go_back_and_forth_and_hold_each_event_once(alice: Person, mallory: Person) -> None:
    for number in range(120):
        audit.record(tenant=alice.tenant, action=f"event.{number}")
    audit.record(tenant=mallory.tenant, action="event.evil")
    # Written in one moment by the database's clock, as tests are; real ones are apart.
    for number, event in enumerate(AuditEvent.unscoped.order_by("pk")):
        at = timezone.now() + timedelta(microseconds=number)
        AuditEvent.unscoped.filter(pk=event.pk).update(at=at)

    def read(query: str) -> tuple[list[int], dict[str, str]]:
        page = alice.client.get(f"/w/acme/settings/audit/?{query}").content.decode()
        links = re.findall(r'rel="(next|prev)" href="[^"?]*\?([^"]+)"', page)
        numbers = [int(number) for number in re.findall(r">event\.(\d+)<", page)]
        return numbers, {name: unescape(query) for name, query in links}

    first, links = read("")
    second, links = read(links["next"])
    third, links = read(links["next"])
    assert first + second + third == list(range(119, -1, -1))
    assert list(links) == ["prev"]
    assert read(links["prev"])[0] == second


def test_a_cursor_that_is_none_is_404(alice: Person) -> None:
    for cursor in ("x", "", "2026-01-01", "2026-13-01T00:00:00+00:00"):
        response = alice.client.get("/w/acme/settings/audit/", {"after": cursor})
        assert response.status_code == 404


def test_only_admins_read_it(bob: Person) -> None:
    assert bob.client.get("/w/acme/settings/audit/").status_code == 403

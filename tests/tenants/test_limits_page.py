"""The page on which a workspace sets its limits."""

import pytest

from tenants.models import AuditEvent, Membership, Role, Tenant
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

PAGE, SAVE = "/w/acme/settings/limits/", "/w/acme/settings/limits/save/"
GOOD = {
    "bounce_limit": "3.5",
    "complaint_limit": "0.05",
    "retention_days": "90",
    "soft_bounce_days": "3",
    "soft_bounce_window": "10",
}


def test_limits_are_saved_and_the_log_keeps_what_was_before(alice: Person) -> None:
    page = alice.client.get(PAGE).content.decode()
    assert 'value="4.0"' in page and 'value="0.08"' in page and 'value="365"' in page
    assert alice.client.post(SAVE, GOOD).headers["Location"] == PAGE
    acme = Tenant.objects.get(pk=alice.tenant.pk)
    assert (acme.bounce_limit, acme.complaint_limit, acme.retention_days) == (3.5, 0.05, 90)
    assert (acme.soft_bounce_days, acme.soft_bounce_window) == (3, 10)
    assert acme.name == "Acme"
    event = AuditEvent.unscoped.get()
    assert (event.action, event.actor) == ("workspace.changed", alice.user)
    assert event.detail["retention_days"] == {"from": 365, "to": 90}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("bounce_limit", "", "from 0.5 to 10, such as 4"),
        ("bounce_limit", "0", "from 0.5 to 10"),
        ("bounce_limit", "11", "from 0.5 to 10"),
        ("bounce_limit", "nan", "from 0.5 to 10"),
        ("bounce_limit", "4 %", "from 0.5 to 10"),
        ("complaint_limit", "0.6", "from 0.01 to 0.5, such as 0.08"),
        ("complaint_limit", "-1", "from 0.01 to 0.5"),
        ("retention_days", "29", "from 30 to 3650, such as 365"),
        ("retention_days", "3651", "from 30 to 3650"),
        ("retention_days", "1.5", "from 30 to 3650"),
        ("soft_bounce_days", "1", "from 2 to 30, such as 4"),
        ("soft_bounce_window", "31", "from 2 to 30, such as 14"),
        ("soft_bounce_window", "2", "3 days do not fit into 2"),
    ],
)
def test_what_cannot_be_is_refused_and_kept_in_its_field(
    alice: Person, field: str, value: str, words: str
) -> None:
    answer = alice.client.post(SAVE, GOOD | {field: value})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert f'value="{value}"' in page or not value
    assert Tenant.objects.get(pk=alice.tenant.pk).bounce_limit == 4.0


def test_soft_bounces_may_be_left_alone(alice: Person) -> None:
    alice.client.post(SAVE, GOOD | {"soft_bounce_days": ""})
    assert Tenant.objects.get(pk=alice.tenant.pk).soft_bounce_days is None
    assert "Never" not in alice.client.get(PAGE).content.decode()
    Membership.unscoped.update(role=Role.VIEWER)
    assert "Never" in alice.client.get(PAGE).content.decode()


def test_others_see_the_limits_and_cannot_change_them(alice: Person) -> None:
    Membership.unscoped.update(role=Role.MARKETER)
    page = alice.client.get(PAGE).content.decode()
    assert "4.0 % of mails sent" in page
    assert "Owners and admins can change this" in page
    assert alice.client.post(SAVE, GOOD).status_code == 403

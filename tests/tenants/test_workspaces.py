"""Workspaces: made, opened, changed."""

from itertools import islice

import pytest
from django.test import Client

from tenants import slugs
from tenants.models import AuditEvent, Membership, Role, Tenant, User
from tenants.services.workspaces import Profile, create_workspace
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture
def newcomer(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("new@example.com"))
    return client


def test_the_first_page_leads_to_the_first_workspace(newcomer: Client, client: Client) -> None:
    assert client.get("/").headers["Location"].startswith("/accounts/login/")
    assert newcomer.get("/", follow=True).redirect_chain == [("/workspaces/new/", 302)]
    form = {"name": "Fox & Söhne", "timezone": "Europe/Berlin", "website": "fox.example"}
    response = newcomer.post("/workspaces/new/", form)
    assert response.headers["Location"] == "/w/fox-sohne/"
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.website) == ("Fox & Söhne", "https://fox.example")
    assert Membership.unscoped.get().role == Role.OWNER
    assert AuditEvent.unscoped.get().action == "workspace.created"
    assert newcomer.get("/").headers["Location"] == "/w/fox-sohne/"


def test_the_first_page_opens_the_workspace_that_was_open_last(alice: Person) -> None:
    create_workspace(owner=alice.user, profile=Profile("Zebra", "UTC"))
    assert alice.client.get("/").headers["Location"] == "/w/acme/"
    alice.client.get("/w/zebra/settings/")
    assert alice.client.get("/").headers["Location"] == "/w/zebra/"
    Membership.unscoped.filter(tenant__slug="zebra").delete()
    assert alice.client.get("/").headers["Location"] == "/w/acme/"


def test_a_taken_or_reserved_name_gets_a_tail(alice: Person) -> None:
    made = [
        create_workspace(owner=alice.user, profile=Profile(name, "UTC")).slug
        for name in ("Fox", "fox", "Admin", "狐", "a" * 120)
    ]
    assert made[0] == "fox"
    assert made[1].startswith("fox-")
    assert made[2].startswith("admin-")
    assert made[3].startswith("workspace-")
    assert made[4] == "a" * 50
    assert all(len(slug) <= 60 for slug in made)
    assert len(set(islice(slugs.candidates("Fox"), 50))) == 50


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "required"),
        ("timezone", "Mars/Base", "valid choice"),
        ("website", "javascript:alert(1)", "valid URL"),
        ("postal_address", "x" * 501, "500"),
    ],
)
def test_bad_input_is_named_and_nothing_is_made(
    newcomer: Client, field: str, value: str, words: str
) -> None:
    form = {"name": "Fox", "timezone": "UTC"} | {field: value}
    response = newcomer.post("/workspaces/new/", form)
    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    assert not Tenant.objects.exists()


def test_a_person_makes_ten_workspaces_a_day(newcomer: Client) -> None:
    form = {"name": "Fox", "timezone": "UTC"}
    codes = [newcomer.post("/workspaces/new/", form).status_code for _ in range(11)]
    assert codes == [302] * 10 + [422]
    assert Tenant.objects.count() == 10


def test_settings_are_saved_and_the_log_keeps_what_was_before(alice: Person) -> None:
    form = {"name": "Acme Ltd", "timezone": "Asia/Tokyo", "website": "",
            "postal_address": "1 Acme Street, Springfield",
            "monthly_report": "on"}  # fmt: skip
    response = alice.client.post("/w/acme/settings/save/", form)
    assert response.status_code == 302
    acme = Tenant.objects.get(pk=alice.tenant.pk)
    assert (acme.name, acme.timezone) == ("Acme Ltd", "Asia/Tokyo")
    event = AuditEvent.unscoped.get()
    assert (event.action, event.actor, event.ip) == ("workspace.changed", alice.user, "127.0.0.1")
    assert event.detail == {
        "name": {"from": "Acme", "to": "Acme Ltd"},
        "timezone": {"from": "UTC", "to": "Asia/Tokyo"},
    }
    alice.client.post("/w/acme/settings/save/", form)
    assert AuditEvent.unscoped.count() == 1


def test_a_name_with_a_script_in_it_is_text(alice: Person) -> None:
    form = {"name": "<script>alert(1)</script>", "timezone": "UTC"}
    alice.client.post("/w/acme/settings/save/", form)
    for path in ("", "settings/", "settings/members/", "settings/audit/"):
        page = alice.client.get(f"/w/acme/{path}").content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_times_are_shown_in_the_zone_of_the_workspace(alice: Person) -> None:
    Tenant.objects.update(timezone="Asia/Tokyo")
    create_workspace(owner=alice.user, profile=Profile("Other", "UTC"))
    alice.client.post("/w/acme/settings/save/", {"name": "A", "timezone": "Asia/Tokyo"})
    assert "JST" in alice.client.get("/w/acme/settings/audit/").content.decode()
    assert "JST" not in alice.client.get("/w/other/settings/audit/").content.decode()

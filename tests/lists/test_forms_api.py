"""Sign-up forms through the REST API."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from lists.models import Captcha, ContactField, FieldKind, FormDay, List, SignupForm, Tag
from tenants.models import AuditEvent, Scope, Tenant
from tenants.services.api_keys import create_key
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis")

FORMS = "/api/v1/forms"


@pytest.fixture
def api(alice: Person) -> APIClient:
    made = create_key(tenant=alice.tenant, actor=alice.user, name="Site", scopes=[Scope.FORMS])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made.text}")
    return client


@pytest.fixture
def body(acme: Tenant, news: List) -> dict[str, Any]:
    ContactField.unscoped.create(tenant=acme, key="city", label="City", kind=FieldKind.STRING)
    return {
        "name": "Footer",
        "title": "Our news",
        "lists": [str(news.public_id)],
        "consent_wording": "News, once a month",
        "from_email": "news@acme.example",
    }


def make(api: APIClient, body: dict[str, Any], **change: Any) -> Any:
    return api.post(FORMS, body | change, format="json")


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["param"]


def test_a_form_is_made_changed_closed_and_counted(
    api: APIClient, body: dict[str, Any], acme: Tenant, news: List, client: Client
) -> None:
    other = List.unscoped.create(tenant=acme, name="Other")
    asked: list[dict[str, Any]] = [
        {"key": "city", "label": "Your city", "required": True},
        {"key": "first_name", "label": "First name"},
    ]
    made = make(api, body, fields=asked, tags=["web"], allowed_origins=["https://acme.example/x"])
    assert made.status_code == 201, made.content
    told = made.json()
    assert told["fields"] == [asked[0], asked[1] | {"required": False}]
    assert (told["captcha"], told["button"], told["is_active"]) == ("altcha", "Sign up", True)
    assert (told["tags"], told["allowed_origins"]) == (["web"], ["https://acme.example"])
    public, path = f"{FORMS}/{told['id']}", f"{FORMS}/{told['id']}/settings"
    shown = client.get(public).json()
    assert (shown["title"], len(shown["questions"])) == ("Our news", 2)
    change = {
        "lists": [str(news.public_id), str(other.public_id)],
        "visitor_chooses": True,
        "ticked_lists": [str(other.public_id)],
    }
    changed = api.patch(path, change, format="json").json()
    assert changed["ticked_lists"] == [str(other.public_id)]
    assert (changed["fields"], changed["tags"]) == (told["fields"], ["web"])
    closed = api.patch(path, {"is_active": False}, format="json").json()
    assert (closed["is_active"], closed["title"]) == (False, "Our news")
    assert client.get(public).status_code == 404
    form = SignupForm.unscoped.get()
    FormDay.unscoped.create(
        tenant=acme, form=form, day=timezone.localdate(), views=9, submits=3, confirmed=2,
        refused_trap=4,
    )  # fmt: skip
    stats = api.get(f"{FORMS}/{told['id']}/stats", {"days": 7}).json()["days"]
    assert [day["views"] for day in stats] == [0, 0, 0, 0, 0, 0, 9]
    assert stats[-1]["refused"] == {"trap": 4}
    listed = api.get(FORMS).json()["data"]
    assert [(one["views"], one["submits"], one["confirmed"]) for one in listed] == [(9, 3, 2)]
    acts = AuditEvent.unscoped.filter(action__startswith="form.").order_by("id")
    assert [one.action for one in acts] == ["form.created", "form.changed", "form.switched_off"]
    assert all(str(one.api_key).startswith("Site") for one in acts)


def test_the_secret_of_a_captcha_goes_in_and_never_out(
    api: APIClient, body: dict[str, Any]
) -> None:
    assert error(make(api, body, captcha="turnstile")) == (422, "captcha_site_key")
    assert error(make(api, body, captcha="turnstile", captcha_site_key="k")) == (
        422, "captcha_secret",
    )  # fmt: skip
    made = make(
        api, body, captcha="turnstile", captcha_site_key="k", captcha_secret="very-secret-9"
    )
    assert made.json()["has_captcha_secret"] is True
    path = f"{FORMS}/{made.json()['id']}/settings"
    renamed = api.patch(path, {"name": "New"}, format="json")
    assert SignupForm.unscoped.get().captcha_secret == {"secret": "very-secret-9"}
    for answer in (made, renamed, api.get(path), api.get(FORMS)):
        assert "secret-9" not in answer.content.decode()
    assert "secret-9" not in str(list(AuditEvent.unscoped.values_list("detail")))
    other = api.patch(path, {"captcha": "hcaptcha"}, format="json")
    assert error(other) == (422, "captcha_secret")  # it would go to another service
    none = api.patch(path, {"captcha": "none"}, format="json").json()
    assert (none["captcha"], none["has_captcha_secret"]) == (Captcha.NONE, False)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"title": 5 * ["x"]}, "title"),
        ({"lists": []}, "lists"),
        ({"lists": [str(uuid4())]}, "lists.0"),
        ({"lists": "all"}, "lists"),
        ({"ticked_lists": [str(uuid4())]}, "ticked_lists.0"),
        ({"visitor_chooses": "perhaps"}, "visitor_chooses"),
        ({"from_email": "nobody"}, "from_email"),
        ({"success_url": "http://acme.example"}, "success_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"allowed_origins": ["http://acme.example"]}, "allowed_origins"),
        ({"allowed_origins": ["x" * 261]}, "allowed_origins.0"),
        ({"captcha": "magic"}, "captcha"),
        ({"fields": [{"key": "town", "label": "Town"}]}, "fields.0.key"),
        ({"fields": [{"key": "city", "label": "A"}, {"key": "city", "label": "B"}]},
         "fields.1.key"),
        ({"fields": [{"key": "city"}]}, "fields.0.label"),
        ({"fields": [{"key": "city", "label": "x", "kind": "number"}]}, "fields.0.kind"),
        ({"fields": {"key": "city"}}, "fields"),
        ({"tags": ["x" * 61]}, "tags.0"),
        ({"captcha_secret": {"secret": "x"}}, "captcha_secret"),
        ({"public_id": str(uuid4())}, "public_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: APIClient, body: dict[str, Any], change: dict[str, Any], param: str
) -> None:
    assert error(make(api, body, **change)) == (422, param)
    assert not SignupForm.unscoped.exists()
    assert not Tag.unscoped.exists()


def test_lists_of_others_are_no_lists(api: APIClient, body: dict[str, Any], evil: Tenant) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    assert error(make(api, body, lists=[str(theirs.public_id)])) == (422, "lists.0")
    path = f"{FORMS}/{make(api, body).json()['id']}/settings"
    change = {"ticked_lists": [str(theirs.public_id)], "visitor_chooses": True}
    assert error(api.patch(path, change, format="json")) == (422, "ticked_lists.0")


@pytest.mark.parametrize("days", ["0", "366", "x", "-1", "9" * 400, "٣"])
def test_so_many_days_and_no_more(api: APIClient, body: dict[str, Any], days: str) -> None:
    made = make(api, body).json()["id"]
    assert error(api.get(f"{FORMS}/{made}/stats", {"days": days})) == (422, "days")


def test_all_forms_cost_as_many_questions_as_one(api: APIClient, body: dict[str, Any]) -> None:
    make(api, body, tags=["web"])
    with CaptureQueriesContext(connection) as one:
        api.get(FORMS)
    for number in range(5):
        make(api, body, name=str(number), tags=[f"t{number}"])
    with CaptureQueriesContext(connection) as all_:
        assert len(api.get(FORMS).json()["data"]) == 6
    assert len(all_) == len(one)

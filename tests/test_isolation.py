"""Every route, asked by somebody who must not get there: no tenant sees or changes another's."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from redis import Redis

from tenants.models import ApiKey, Membership, Role, Scope, User
from tenants.permissions import PERMISSIONS
from tests.conftest import Person
from tests.routes import API, OPEN, OPERATOR, PERSONAL, WORKSPACE, Row, named_routes
from tests.world import World, build, crossings, fingerprint

pytestmark = pytest.mark.usefixtures("redis", "own_files")

workspace_routes = pytest.mark.parametrize(("name", "row"), WORKSPACE.items(), ids=list(WORKSPACE))
api_routes = pytest.mark.parametrize(("name", "row"), API.items(), ids=list(API))


@pytest.fixture
def own_files(settings: Settings, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path
    # A view that would call AWS gets a refused connection at once.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


@pytest.fixture
def acmes(alice: Person) -> World:
    return build(alice.tenant, alice.user, "zanzibar")


@pytest.fixture
def evils(mallory: Person) -> World:
    return build(mallory.tenant, mallory.user, "mordor")


def address(name: str, row: Row, world: World, *, slug: str = "") -> str:
    """The route through the workspace `slug`, with this world's ids."""
    return reverse(name, kwargs=row.ids(world) | ({"workspace": slug} if slug else {}))


def hostile_body(world: World) -> dict[str, Any]:
    """Every way to name another tenant's things in a form."""
    return {
        "tenant": world.tenant.pk, "tenant_id": world.tenant.pk, "workspace": world.tenant.slug,
        "list": world.list.pk, "lists": [world.list.pk, str(world.list.public_id)],
        "contact": world.contact.pk, "selected": [str(world.contact.public_id)],
        "email": world.contact.email, "address": f"gone@{world.mark}.example",
        "ses_account": world.account.pk, "account": str(world.account.public_id),
        "identity": world.identity.pk, "sender": world.identity.pk,
        "from_email": f"a@{world.mark}.example", "campaign": str(world.draft.public_id),
        "segments": [world.segment.pk], "excluded_segments": [world.segment.pk],
        "excluded_lists": [world.list.pk], "g0c0_what": "list", "g0c0_op": "on",
        "g0c0_v0": str(world.list.public_id), "g0c1_what": f"string:{world.field.key}",
        "g0c1_op": "is", "g0c1_v0": "x", "g0c2_what": "sent", "g0c2_op": "campaign",
        "g0c2_v0": str(world.sent.public_id),
        "import": str(world.uploaded.public_id), "form": str(world.form.public_id),
        "role": "owner", "name": "x", "subject": "x", "confirmation": "delete",
        "tag": world.tag.pk, "tags": world.mark, "kind": "add_to_list", "attested": "on",
    }  # fmt: skip


def test_every_route_has_a_row() -> None:
    rows = WORKSPACE | API | OPEN | PERSONAL | OPERATOR
    unnamed = {"public:None"}  # public:unsubscribe without its last slash, and links too long
    assert {name for name, _, _ in named_routes()} - unnamed == set(rows)
    for name, route, _ in named_routes():
        assert (name in WORKSPACE) == route.startswith("w/<slug:workspace>/")
        assert name not in API or route.startswith("api/v1/")


@workspace_routes
def test_a_stranger_gets_404_for_a_workspace_and_for_its_things(
    name: str, row: Row, acmes: World, evils: World, mallory: Person
) -> None:
    before = fingerprint(acmes.tenant)
    body = hostile_body(acmes)
    theirs = address(name, row, acmes, slug="acme")
    assert mallory.client.get(theirs).status_code == 404
    assert mallory.client.post(theirs, body).status_code == 404
    if row.ids(acmes):
        smuggled = address(name, row, acmes, slug="evil")
        assert mallory.client.get(smuggled).status_code == (405 if row.acts else 404)
        for data in (body, {}):
            assert mallory.client.post(smuggled, data).status_code in (404, 405)
    own = address(name, row, evils, slug="evil")
    page = mallory.client.get(own)
    assert page.status_code == 405 if row.acts else page.status_code != 404
    text = _text(page)
    assert acmes.mark not in text
    assert acmes.owner.user.email not in text
    if not row.calls_aws:
        mallory.client.post(own, body)
    assert fingerprint(acmes.tenant) == before
    assert crossings() == []


def _text(response: Any) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode() + str(response.headers)


@workspace_routes
def test_nobody_gets_in_without_logging_in(
    name: str, row: Row, acmes: World, client: Client
) -> None:
    before = fingerprint(acmes.tenant)
    for answer in (client.get, client.post):
        response = answer(address(name, row, acmes, slug="acme"))
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/accounts/login/?next=/w/acme/")
    assert fingerprint(acmes.tenant) == before


@workspace_routes
def test_get_changes_nothing_and_what_acts_refuses_it(
    name: str, row: Row, acmes: World, alice: Person
) -> None:
    url = address(name, row, acmes, slug="acme")
    alice.client.get("/w/acme/settings/")
    before = fingerprint()
    response = alice.client.get(url)
    if row.acts:
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    else:
        assert response.status_code in (200, 286), response.headers
    after = fingerprint()
    assert after == before
    if row.acts and not row.calls_aws:
        # So that a 404 for a stranger says something: the address is right.
        assert alice.client.post(url).status_code in (200, 302, 400, 409, 422)


def test_roles_open_what_the_table_says(acmes: World, db: None) -> None:
    views = {name: view for name, _, view in named_routes()}
    for name, row in WORKSPACE.items():
        assert getattr(views[name], "permission", None) == row.needs, name
    for role in Role:
        user = User.objects.create_user(f"{role}@acme.example")
        Membership.unscoped.create(tenant=acmes.tenant, user=user, role=role)
        client = Client()
        client.force_login(user)
        for name, row in WORKSPACE.items():
            status = client.get(address(name, row, acmes, slug="acme")).status_code
            assert (status == 403) == (role not in PERMISSIONS[row.needs]), (name, role)


def test_the_table_of_roles() -> None:
    marketing, technical, admin = {"marketer"}, {"developer"}, {"owner", "admin"}
    everybody = {"viewer"} | marketing | technical | admin
    assert {name: {role.value for role in roles} for name, roles in PERMISSIONS.items()} == {
        "view": everybody,
        "contacts.edit": admin | marketing,
        "forms.edit": admin | marketing,
        "campaigns.edit": admin | marketing,
        "campaigns.send": admin | marketing,
        "suppressions.edit": admin | marketing,
        "sending.edit": admin | technical,
        "developers.edit": admin | technical,
        "workspace.edit": admin,
        "members.edit": admin,
        "audit.view": admin,
        "access.request": {"owner"},
    }


def test_a_viewer_who_posts_changes_nothing_but_leaving(acmes: World) -> None:
    user = User.objects.create_user("viewer@acme.example")
    Membership.unscoped.create(tenant=acmes.tenant, user=user, role=Role.VIEWER)
    client = Client()
    client.force_login(user)
    before = fingerprint(acmes.tenant)
    for name, row in WORKSPACE.items():
        if name != "tenants:leave":
            client.post(address(name, row, acmes, slug="acme"), hostile_body(acmes))
    assert fingerprint(acmes.tenant) == before


def _by_key(world: World) -> Client:
    return Client(headers={"authorization": f"Bearer {world.key.text}"})


def _call(client: Client, row: Row, url: str, world: World) -> Any:
    """Asks an API route as it wants to be asked; what is posted is of this world."""
    body = {
        "lists": [str(world.list.public_id)], "consent_wording": "Yes",
        "contacts": [{"email": f"new@{world.mark}.example"}],
        "definition": {"groups": [[{"what": "email", "op": "contains", "values": ["@"]}]]},
    }  # fmt: skip
    wanted = {key: body[key] for key in row.body}
    if row.acts:
        return client.post(url, wanted, "application/json")
    return client.get(url, row.query)


@api_routes
def test_a_key_reaches_its_own_tenant_only(name: str, row: Row, acmes: World, evils: World) -> None:
    url = address(name, row, acmes)
    if not row.calls_aws:
        own = _call(_by_key(acmes), row, url, acmes)
        assert own.status_code == row.answers
        assert (acmes.mark in own.content.decode()) == row.says
    before = fingerprint(acmes.tenant)
    response = _call(_by_key(evils), row, url, acmes)
    assert response.status_code == (404 if row.ids(acmes) else row.answers)
    assert acmes.mark not in response.content.decode()
    assert fingerprint(acmes.tenant) == before


@api_routes
def test_the_api_wants_a_key_with_the_scope(name: str, row: Row, acmes: World) -> None:
    url = address(name, row, acmes)
    assert _call(Client(), row, url, acmes).status_code == 401
    for scope in acmes.key.row.scopes:
        may = row.needs in (scope, f"{scope}.read")
        if may and row.calls_aws:
            continue
        ApiKey.unscoped.update(scopes=[scope])
        answer = _call(_by_key(acmes), row, url, acmes)
        assert answer.status_code == (row.answers if may else 403), scope


@api_routes
def test_a_key_that_only_reads_changes_nothing(name: str, row: Row, acmes: World) -> None:
    url = address(name, row, acmes)
    ApiKey.unscoped.update(scopes=[one for one in Scope.values if one.endswith(".read")])
    client = _by_key(acmes)
    client.get("/api/v1/contacts")  # notes that the key is used
    before = fingerprint()
    for ask in (client.post, client.put, client.patch, client.delete):
        may_ask = ask == client.post and row.acts and row.needs.endswith(".read")
        assert ask(url, {}, "application/json").status_code in ((422,) if may_ask else (403, 405))
    assert fingerprint() == before


@api_routes
def test_the_api_refuses_parameters_that_it_does_not_know(
    name: str, row: Row, acmes: World
) -> None:
    if row.acts:
        return
    answer = _by_key(acmes).get(address(name, row, acmes), {"limt": "1"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "limt")


def test_the_session_of_a_member_is_no_key(acmes: World, alice: Person) -> None:
    for name, row in API.items():
        assert _call(alice.client, row, address(name, row, acmes), acmes).status_code == 401


@pytest.mark.parametrize(("name", "row"), OPEN.items(), ids=list(OPEN))
def test_opening_a_link_from_a_mail_changes_nothing(
    name: str, row: Row, acmes: World, client: Client
) -> None:
    url = address(name, row, acmes)
    before = fingerprint()
    for ask in (client.get, client.head):
        assert ask(url).status_code == (405 if row.acts else 302 if row.moves else 200)
    assert fingerprint() == before
    assert not client.cookies


def test_a_token_of_one_kind_opens_nothing_else(acmes: World, client: Client, redis: Redis) -> None:
    ids = {name: row.ids(acmes) for name, row in OPEN.items()}
    tokens = {name: found["token"] for name, found in ids.items() if "token" in found}
    before = fingerprint()
    for name, own in tokens.items():
        for other in set(tokens.values()) - {own}:
            url = reverse(name, kwargs={"token": other})
            for ask in (client.get, client.post):
                assert ask(url).status_code in (400, 403, 404, 405, 410), (name, url)
    assert fingerprint() == before

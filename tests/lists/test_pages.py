"""The pages, as alice who owns, bob who edits, a viewer who looks, and mallory who must not."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from lists import importing
from lists.models import (
    Contact,
    Import,
    ImportStatus,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from lists.services.suppression import Suppress, suppress
from lists.signals import contact_timeline
from lists.tasks import run_import, sweep_imports
from tenants.models import AuditEvent, Membership, Role, Tenant, User
from tests.conftest import Person

AddContact = Callable[..., Contact]


@pytest.fixture
def viewer(acme: Tenant) -> Client:
    user = User.objects.create_user("viewer@acme.example")
    Membership.unscoped.create(tenant=acme, user=user, role=Role.VIEWER)
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def import_(bob: Person) -> Import:
    """Uploaded by bob through the page, waiting for its columns."""
    response = _upload(bob.client, "email,First Name,Größe\nann@example.com,Ann,M\nbad,Bea,\n")
    assert response.status_code == 302
    return Import.unscoped.get()


def _upload(client: Client, content: str | bytes) -> Any:
    data = content if isinstance(content, bytes) else content.encode()
    file = SimpleUploadedFile("people.csv", data, content_type="text/csv")
    return client.post("/w/acme/contacts/imports/new/", {"file": file})


def _text(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_an_import_from_upload_to_report_through_the_pages(
    bob: Person,
    import_: Import,
    news: List,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    page = f"/w/acme/contacts/imports/{import_.public_id}/"
    mapping = _text(bob.client.get(page))
    assert "Step 2 of 3" in mapping and "New field grosse, text" in mapping and "News" in mapping
    choices = {"column-0": "email", "column-1": "first_name", "column-2": "", "act": "start"}
    choices |= {"policy": "overwrite", "state": "0"}
    refused = bob.client.post(f"{page}start/", choices | {"lists": [news.pk]})
    assert refused.status_code == 422 and "Without consent" in _text(refused)
    refused = bob.client.post(f"{page}start/", choices | {"attested": "on"})
    assert refused.status_code == 422 and "Choose a list" in _text(refused)
    twice = choices | {"column-1": "email", "lists": [news.pk], "attested": "on"}
    refused = bob.client.post(f"{page}start/", twice)
    assert refused.status_code == 422 and "the one column that holds" in _text(refused)
    monkeypatch.setattr(run_import, "delay", run_import)
    good = choices | {"lists": [news.pk], "new_list": "Offers", "attested": "on"}
    with django_capture_on_commit_callbacks(execute=True):
        assert bob.client.post(f"{page}start/", good).status_code == 302
    done = _text(bob.client.get(page))
    assert "Done" in done and "Step 3" not in done and "Download the rows to look at" in done
    assert Contact.objects.for_tenant(bob.tenant).get().first_name == "Ann"
    joined = Subscription.unscoped.values_list("list__name", flat=True)
    assert set(joined) == {"News", "Offers"}
    report = bob.client.get(f"{page}report/")
    assert report["Content-Disposition"].startswith("attachment")
    lines = b"".join(report).decode("utf-8-sig").splitlines()
    assert lines[1].startswith("3,email,bad,")
    assert AuditEvent.unscoped.filter(action="import.started", actor=bob.user).exists()
    for act in ("start", "confirm"):  # a second tab, or the way back
        again = bob.client.post(f"{page}{act}/", good, follow=True)
        assert again.redirect_chain == [(page, 302)]
        assert "started already" in _text(again) and "Done" in _text(again)


def test_progress_is_shown_until_it_ends(bob: Person, import_: Import) -> None:
    page = f"/w/acme/contacts/imports/{import_.public_id}/"
    Import.unscoped.update(
        status=ImportStatus.RUNNING, rows=50_000, rows_total=200_000, started_at=timezone.now()
    )
    assert "50,000 of 200,000 (25%)" in _text(bob.client.get(page))
    fragment = bob.client.get(f"{page}progress/")
    assert "50,000 of 200,000" in _text(fragment) and "<html" not in _text(fragment)
    assert bob.client.post(f"{page}cancel/").status_code == 302
    assert "Stopping" in _text(bob.client.get(page))
    Import.unscoped.update(status=ImportStatus.CANCELLED)
    assert bob.client.get(f"{page}progress/").headers["HX-Refresh"] == "true"
    assert "50,000 of 200,000 rows are in" in _text(bob.client.get(page))


def test_a_file_that_is_no_csv_is_refused_on_the_page(bob: Person) -> None:
    response = _upload(bob.client, b"%PDF-1.7" + bytes(50))
    assert response.status_code == 422 and "Save the table as CSV" in _text(response)
    response = _upload(bob.client, b"PK\x03\x04" + bytes(50))
    assert response.status_code == 422 and "This workbook is damaged" in _text(response)
    assert "Choose a file" in _text(bob.client.post("/w/acme/contacts/imports/new/", {}))
    assert "The file is empty" in _text(_upload(bob.client, b""))
    assert not Import.unscoped.exists()


def test_letters_that_look_wrong_are_read_again(bob: Person) -> None:
    _upload(bob.client, "email,name\na@example.com,Jiří\n".encode("cp1250"))
    page = f"/w/acme/contacts/imports/{Import.unscoped.get().public_id}/"
    bob.client.post(f"{page}read/", {"encoding": "cp1250", "delimiter": ","})
    assert "Jiří" in _text(bob.client.get(page))
    after = bob.client.post(f"{page}read/", {"encoding": "utf-8", "delimiter": ","}, follow=True)
    assert "is no text in utf-8" in _text(after)
    assert Import.unscoped.get().encoding == "cp1250"


@pytest.mark.parametrize(("encoding", "name"), [("gb18030", "张伟"), ("mac_roman", "José")])
def test_what_is_not_found_out_can_be_chosen(bob: Person, encoding: str, name: str) -> None:
    _upload(bob.client, f"email,name\na@example.com,{name}\n".encode(encoding))
    page = f"/w/acme/contacts/imports/{Import.unscoped.get().public_id}/"
    assert f'<option value="{encoding}"' in _text(bob.client.get(page))
    bob.client.post(f"{page}read/", {"encoding": encoding, "delimiter": ","})
    assert name in _text(bob.client.get(page))


def test_a_delimiter_that_the_file_names_itself_may_stay(bob: Person) -> None:
    _upload(bob.client, "sep=^\nemail^name\na@example.com^Jiří\n".encode("cp1250"))
    page = f"/w/acme/contacts/imports/{Import.unscoped.get().public_id}/"
    bob.client.post(f"{page}read/", {"encoding": "cp1250", "delimiter": "^"})
    assert "Jiří" in _text(bob.client.get(page))


def test_the_sweep_hands_stuck_imports_to_a_worker(
    import_: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[int] = []
    monkeypatch.setattr(run_import, "delay", handed.append)
    sweep_imports()
    assert handed == []
    Import.unscoped.update(
        status=ImportStatus.RUNNING, progressed_at=timezone.now() - importing.SILENCE * 2
    )
    sweep_imports()
    assert handed == [import_.pk]


def test_contacts_are_searched_filtered_and_paged(
    alice: Person, news: List, add_contact: AddContact
) -> None:
    for i in range(51):
        add_contact(f"p{i:02}@example.com")
    add_contact("<b>@example.com", first_name="<script>")
    first = _text(alice.client.get("/w/acme/contacts/"))
    assert "52 contacts" in first or "50 of 52 contacts" in first
    assert "<script>" not in first.split("<main")[1].split("</main")[0].replace('<script src="', "")
    assert "p00@example.com" not in first
    cursor = re.search(r"after=(\d+)", first)
    assert cursor and "p00@example.com" in _text(
        alice.client.get(f"/w/acme/contacts/?after={cursor[1]}")
    )
    narrowed = _text(
        alice.client.get(f"/w/acme/contacts/?q=p07&status=active&list={news.public_id}")
    )
    assert "p07@example.com" in narrowed and "p08@" not in narrowed
    assert "Nobody is like that" in _text(alice.client.get("/w/acme/contacts/?status=suppressed"))


def test_empty_pages_say_the_next_step(alice: Person, viewer: Client) -> None:
    assert "Import a CSV file" in _text(alice.client.get("/w/acme/contacts/"))
    assert "Make the first list" in _text(alice.client.get("/w/acme/lists/"))
    assert "Import a file" in _text(alice.client.get("/w/acme/contacts/imports/"))
    assert "come here by themselves" in _text(alice.client.get("/w/acme/suppressions/"))
    for at in ("contacts/", "lists/", "contacts/imports/", "suppressions/"):
        main = _text(viewer.get(f"/w/acme/{at}")).split("<main")[1].split("</main")[0]
        assert "btn-primary" not in main, at
    empty = List.unscoped.create(tenant=alice.tenant, name="Empty")
    page = f"/w/acme/lists/{empty.public_id}/"
    assert f"contacts/new/?list={empty.public_id}" in _text(alice.client.get(page))
    assert "Nobody is on this list yet" in _text(viewer.get(page))


def test_a_contact_is_added_edited_subscribed_and_unsubscribed(alice: Person, news: List) -> None:
    new = "/w/acme/contacts/new/"
    wrong = alice.client.post(new, {"email": "nobody"})
    assert wrong.status_code == 422 and "must have an @-sign" in _text(wrong)
    unattested = alice.client.post(new, {"email": "ann@example.com", "lists": [news.pk]})
    assert unattested.status_code == 422 and "Without consent" in _text(unattested)
    assert alice.client.post(new, {"email": "ann@example.com"}).status_code == 302
    contact = Contact.unscoped.get()
    page = f"/w/acme/contacts/{contact.public_id}/"
    assert alice.client.post(f"{page}edit/", {"first_name": "Ann"}).status_code == 302
    assert alice.client.post(f"{page}subscribe/", {"list": news.pk}).status_code == 422
    data = {"list": news.pk, "attested": "on"}
    assert alice.client.post(f"{page}subscribe/", data).status_code == 302
    shown = _text(alice.client.get(page))
    assert "Ann" in shown and "News" in shown and "This person has agreed" in shown
    assert "Became a contact" in shown
    alice.client.post(f"{page}unsubscribe/", {"list": str(news.public_id)})
    assert Subscription.unscoped.get().status == SubscriptionStatus.UNSUBSCRIBED
    alice.client.post(f"{page}unsubscribe/")
    assert "Only they can come back" in _text(alice.client.get(page))


def test_the_apps_above_add_to_the_timeline(alice: Person, add_contact: AddContact) -> None:
    contact = add_contact("ann@example.com")

    def sent(**_: Any) -> list[dict[str, Any]]:
        return [{"at": timezone.now(), "title": "Got the May issue"}]

    contact_timeline.connect(sent)
    try:
        page = _text(alice.client.get(f"/w/acme/contacts/{contact.public_id}/"))
    finally:
        contact_timeline.disconnect(sent)
    assert "Got the May issue" in page


def test_lists_are_made_changed_and_counted(alice: Person, add_contact: AddContact) -> None:
    add_contact("ann@example.com")
    add_contact("bob@example.com", status=SubscriptionStatus.UNCONFIRMED)
    taken = alice.client.post("/w/acme/lists/new/", {"name": "News"})
    assert taken.status_code == 422 and "a list named News already" in _text(taken)
    made = alice.client.post("/w/acme/lists/new/", {"name": "Offers", "is_public": "on"})
    offers = List.unscoped.get(name="Offers")
    assert made.headers["Location"].endswith(f"/lists/{offers.public_id}/")
    assert offers.is_public and not offers.double_opt_in
    alice.client.post(f"/w/acme/lists/{offers.public_id}/edit/", {"name": "Deals"})
    assert List.unscoped.get(pk=offers.pk).name == "Deals"
    news = List.unscoped.get(name="News")
    page = _text(alice.client.get(f"/w/acme/lists/{news.public_id}/"))
    assert "ann@example.com" in page and "Would get a mail now" in page
    overview = _text(alice.client.get("/w/acme/lists/"))
    assert re.search(
        r'<td class="num">1</td><td class="num">1</td><td class="num">0</td>', overview
    )


def test_suppressions_are_added_found_exported_and_removed(
    alice: Person, add_contact: AddContact
) -> None:
    contact = add_contact("ann@example.com")
    formula = "=cmd|' /C calc'!A0"
    suppress(
        tenant=alice.tenant,
        addresses=[Suppress("ann@example.com", SuppressionReason.HARD_BOUNCE, Source.SES, formula)],
    )
    wrong = alice.client.post("/w/acme/suppressions/new/", {"addresses": "a@example.com\nb"})
    assert wrong.status_code == 422 and "Line 2, b:" in _text(wrong)
    added = alice.client.post("/w/acme/suppressions/new/", {"addresses": "bea@example.com"})
    assert added.status_code == 302
    assert "bea@" not in _text(alice.client.get("/w/acme/suppressions/?reason=hard_bounce"))
    assert "bea@" in _text(alice.client.get("/w/acme/suppressions/?q=BEA"))
    assert formula.replace("'", "&#x27;") in _text(
        alice.client.get(f"/w/acme/contacts/{contact.public_id}/")
    )
    exported = alice.client.post("/w/acme/suppressions/export/?reason=hard_bounce")
    lines = b"".join(exported).decode("utf-8-sig").splitlines()
    assert lines[0] == "email,reason,source,diagnostic,suppressed_at"
    assert lines[1].startswith(f"ann@example.com,hard_bounce,ses,'{formula},")
    assert len(lines) == 2
    gone = alice.client.post("/w/acme/suppressions/remove/", {"address": "ann@example.com"})
    assert gone.status_code == 302
    assert not Suppression.unscoped.filter(email_norm="ann@example.com").exists()
    actions = AuditEvent.unscoped.values_list("action", flat=True)
    assert {"suppression.added", "suppression.removed", "suppressions.exported"} <= set(actions)


def _places(contact: Contact, list_: List, import_: Import) -> list[tuple[str, str]]:
    """Every page and act of this part: method and address below the workspace."""
    c, one = f"contacts/{contact.public_id}/", f"lists/{list_.public_id}/"
    i = f"contacts/imports/{import_.public_id}/"
    looks = ["contacts/", c, "lists/", one, "contacts/imports/", i, f"{i}progress/"]
    edits = ["contacts/new/", f"{c}edit/", "lists/new/", f"{one}edit/"]
    edits += ["contacts/imports/new/", "suppressions/new/"]
    acts = [
        f"{c}subscribe/",
        f"{c}unsubscribe/",
        f"{i}read/",
        f"{i}start/",
        f"{i}confirm/",
        f"{i}undo/",
        f"{i}cancel/",
    ]
    acts += ["suppressions/export/", "contacts/export/"]
    acts += ["suppressions/remove/", "contacts/new/", f"{c}edit/", "lists/new/", f"{one}edit/"]
    return (
        [("look", at) for at in [*looks, "suppressions/"]]
        + [("edit", at) for at in edits]
        + [("post", at) for at in acts]
    )


def test_a_viewer_looks_and_changes_nothing(
    viewer: Client, add_contact: AddContact, news: List, import_: Import
) -> None:
    contact = add_contact("ann@example.com")
    for kind, at in _places(contact, news, import_):
        method = viewer.post if kind == "post" else viewer.get
        expected = 200 if kind == "look" else 403
        assert method(f"/w/acme/{at}").status_code == expected, at
    page = _text(viewer.get(f"/w/acme/contacts/{contact.public_id}/"))
    assert "<form" not in page.split("<main")[1].split("</main")[0]


def test_mallory_finds_nothing_in_either_workspace(
    mallory: Person, add_contact: AddContact, news: List, import_: Import
) -> None:
    contact = add_contact("ann@example.com")
    suppress(
        tenant=contact.tenant,
        addresses=[Suppress("ann@example.com", SuppressionReason.MANUAL, Source.MEMBER)],
    )
    for kind, at in _places(contact, news, import_):
        method = mallory.client.post if kind == "post" else mallory.client.get
        assert method(f"/w/acme/{at}").status_code == 404, at
        if str(contact.public_id) in at or "-" in at:
            assert method(f"/w/evil/{at}").status_code == 404, at
    asks: list[tuple[Any, str]] = [
        (mallory.client.get, at) for at in ("contacts/", "lists/", "contacts/imports/")
    ]
    asks += [(mallory.client.get, "suppressions/"), (mallory.client.post, "suppressions/export/")]
    for ask, at in [*asks, (mallory.client.post, "contacts/export/")]:
        response = ask(f"/w/evil/{at}")
        body = b"".join(response) if response.streaming else response.content
        assert b"ann@example.com" not in body and b"people.csv" not in body
    mallory.client.post("/w/evil/suppressions/remove/", {"address": "ann@example.com"})
    mallory.client.post(
        "/w/evil/contacts/new/",
        {"email": "x@example.com", "lists": [news.pk], "attested": "on"},
    )
    assert Suppression.unscoped.count() == 1
    assert Subscription.unscoped.count() == 1


def test_looking_changes_nothing(
    alice: Person, add_contact: AddContact, news: List, import_: Import
) -> None:
    contact = add_contact("ann@example.com")
    for at in [at for kind, at in _places(contact, news, import_) if kind == "post"]:
        if not at.endswith(("new/", "edit/")):
            assert alice.client.get(f"/w/acme/{at}").status_code == 405, at
    assert alice.client.get(f"/w/acme/contacts/{uuid4()}/").status_code == 404

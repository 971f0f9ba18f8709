"""Suppressions: the page, files of addresses, and the API."""

import csv
import json
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from lists import suppression_importing
from lists.errors import FileRefused
from lists.models import (
    Source,
    Suppression,
    SuppressionImport,
    SuppressionImportStatus,
    SuppressionReason,
)
from lists.services import suppression_imports
from lists.services.suppression import Suppress, suppress
from lists.suppression_files import count_lines, read_lines
from tenants.models import AuditEvent, Scope
from tenants.services.api_keys import create_key
from tests.conftest import Person

pytestmark = pytest.mark.usefixtures("redis", "own_files")
PAGE = "/w/acme/suppressions/"
HARD, COMPLAINT = SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT
MANUAL = SuppressionReason.MANUAL


@pytest.fixture
def own_files(settings: Settings, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def add(
    person: Person, address: str, reason: SuppressionReason = HARD, source: Source = Source.SES
) -> None:
    entry = Suppress(address, reason, source, "550 5.1.1 no such user")
    suppress(tenant=person.tenant, addresses=[entry])


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def here(person: Person) -> dict[str, str]:
    rows = Suppression.objects.for_tenant(person.tenant)
    return dict(rows.values_list("email_norm", "reason"))


# --- the page -----------------------------------------------------------------------------------


def test_reason_and_source_narrow_the_page_and_the_export(alice: Person) -> None:
    add(alice, "a@example.com")
    add(alice, "b@example.com", COMPLAINT)
    add(alice, "c@example.com", COMPLAINT, Source.IMPORT)
    shown = alice.client.get(PAGE, {"reason": "complaint", "source": "import"}).content.decode()
    assert "c@example.com" in shown
    assert "a@example.com" not in shown and "b@example.com" not in shown
    answer = alice.client.post(f"{PAGE}export/?reason=complaint&source=ses")
    text = content_of(answer).decode()
    assert "b@example.com" in text and "c@example.com" not in text
    assert AuditEvent.unscoped.get().detail == {"reason": "complaint", "source": "ses"}


def test_pages_go_on_by_keyset(alice: Person) -> None:
    for number in range(60):
        add(alice, f"p{number}@example.com")
    first = alice.client.get(PAGE).context["page"]
    second = alice.client.get(PAGE, {"after": first.next}).context["page"]
    assert (len(first.rows), len(second.rows)) == (50, 10)


def test_an_export_computes_nothing_in_a_spreadsheet_and_comes_back_in(alice: Person) -> None:
    add(alice, "+plus@example.com")
    Suppression.unscoped.update(diagnostic="=cmd|' /C calc'!A0")
    answer = alice.client.post(f"{PAGE}export/")
    assert answer.streaming
    content = content_of(answer)
    (row,) = csv.DictReader(StringIO(content.decode("utf-8-sig")))
    assert row["email"] == "'+plus@example.com" and row["diagnostic"].startswith("'=")
    (line,) = read_lines(BytesIO(content))
    assert (line.email_norm, line.reason) == ("+plus@example.com", HARD)


def test_a_complaint_is_lifted_only_with_its_word(alice: Person) -> None:
    add(alice, "a@example.com", COMPLAINT)
    page = alice.client.get(PAGE).content.decode()
    assert "1 of 1,000 mails draws a complaint" in page
    for typed in ({}, {"confirmation": "yes"}):
        alice.client.post(f"{PAGE}remove/", {"address": "a@example.com"} | typed)
        assert here(alice) == {"a@example.com": "complaint"}
    typed = {"address": "a@example.com", "confirmation": "Complaint "}
    alice.client.post(f"{PAGE}remove/", typed)
    assert here(alice) == {}
    assert AuditEvent.unscoped.get().action == "suppression.removed"


# --- files --------------------------------------------------------------------------------------

SES_JSON = json.dumps(
    {
        "SuppressedDestinationSummaries": [
            {"EmailAddress": "A@x.com", "Reason": "COMPLAINT", "LastUpdateTime": "2026-11-01"},
            {"EmailAddress": "b@x.com", "Reason": "BOUNCE"},
            {"Reason": "BOUNCE"},
        ]
    },
    indent=2,
)
SES_LINES = '{"emailAddress":"a@x.com","reason":"COMPLAINT"}\n{"emailAddress":"b@x.com"}\n{nonsense'
FILES = [
    ("a@x.com", [(1, "a@x.com", None, "")]),
    ("a@x.com\r\n\r\nB@X.com\r\n", [(1, "a@x.com", None, ""), (3, "b@x.com", None, "")]),
    ("email\na@x.com\n", [(2, "a@x.com", None, "")]),
    ("a@x.com,BOUNCE\nb@x.com,COMPLAINT\n", [(1, "a@x.com", HARD, ""),
                                             (2, "b@x.com", COMPLAINT, "")]),
    ("Email address;Reason;Added\nb@x.com;Complaint;2026-11-01\n", [(2, "b@x.com", COMPLAINT, "")]),
    ("\ufeffAddress\tWhy\na@ä.de\tspam\n", [(2, "a@xn--4ca.de", COMPLAINT, "")]),
    ("nobody\na@x.com\njöhn@x.com\nb@@x.com\n", [(1, "", None, "no address"),
        (2, "a@x.com", None, ""), (3, "", None, "'ö'"), (4, "", None, "@-sign")]),
    (SES_JSON, [(1, "a@x.com", COMPLAINT, ""), (2, "b@x.com", HARD, ""),
                (3, "", None, "no address")]),
    (SES_LINES, [(1, "a@x.com", COMPLAINT, ""), (2, "b@x.com", None, ""),
                 (3, "", None, "no address")]),
    ('["a@x.com", 7]', [(1, "a@x.com", None, ""), (2, "", None, "no address")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), FILES)
def test_every_shape_is_read(text: str, lines: list[tuple[int, str, Any, str]]) -> None:
    file = BytesIO(text.encode())
    assert count_lines(file) >= len(lines)
    found = list(read_lines(file))
    assert [(line.number, line.email_norm, line.reason) for line in found] == [
        line[:3] for line in lines
    ]
    for line, (_, _, _, problem) in zip(found, lines, strict=True):
        assert problem in line.problem and bool(problem) == bool(line.problem)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04xx", b'{"a": ', b'"quotes\na@x.com', b"a\0b"])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        count_lines(BytesIO(content))


def start(person: Person, text: str, reason: SuppressionReason = MANUAL) -> SuppressionImport:
    return suppression_imports.start(
        tenant=person.tenant,
        file=SimpleUploadedFile("old.csv", text.encode()),
        reason=reason,
        note="From the shop of before",
        actor=person.user,
    )


def test_a_file_is_suppressed_with_a_report_of_what_was_left_out(alice: Person) -> None:
    add(alice, "known@x.com", COMPLAINT)
    form = {
        "file": SimpleUploadedFile(
            "old.csv", b"mail,why\na@x.com,bounce\nb@x.com,\nnobody,\nknown@x.com,\n"
        ),
        "reason": "manual",
        "note": "",
    }
    answer = alice.client.post(f"{PAGE}import/", form)
    made = SuppressionImport.unscoped.get()
    assert answer.headers["Location"] == f"{PAGE}import/{made.public_id}/"
    assert "Waiting to start" in alice.client.get(answer.headers["Location"]).content.decode()
    suppression_importing.run(made.pk)
    assert here(alice) == {
        "a@x.com": "hard_bounce",
        "b@x.com": "manual",
        "known@x.com": "complaint",
    }
    made.refresh_from_db()
    assert (made.status, made.rows, made.added, made.invalid) == ("done", 4, 2, 1)
    assert not made.file.storage.exists(made.file.name)
    page = alice.client.get(f"{PAGE}import/{made.public_id}/").content.decode()
    assert "Suppressed already" in page and "Lines left out" in page
    report = alice.client.get(f"{PAGE}import/{made.public_id}/report/")
    text = content_of(report).decode("utf-8-sig")
    assert text.splitlines() == [
        "line,value,reason",
        "4,nobody,There is no address in this line.",
    ]
    assert AuditEvent.unscoped.get().action == "suppressions.imported"


def test_a_run_goes_on_where_a_dead_one_stopped(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression_importing, "CHUNK", 10)
    made = start(alice, "\n".join(["nobody", *(f"p{n}@x.com" for n in range(50))]))
    real, calls = suppression_importing.add_suppressions, iter(range(100))

    def dies(*args: Any) -> int:
        if next(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as broken:
        broken.setattr(suppression_importing, "add_suppressions", dies)
        with pytest.raises(KeyboardInterrupt):
            suppression_importing.run(made.pk)
    made.refresh_from_db()
    assert (made.status, made.rows, len(here(alice))) == ("running", 30, 29)
    suppression_importing.run(made.pk)  # somebody else's, as far as anyone can tell
    assert len(here(alice)) == 29
    old = timezone.now() - 2 * suppression_importing.SILENCE
    SuppressionImport.unscoped.update(progressed_at=old)
    assert suppression_importing.stuck() == [made.pk]
    suppression_importing.run(made.pk)
    made.refresh_from_db()
    assert (made.status, made.rows, made.added, made.invalid) == ("done", 51, 50, 1)


def test_it_can_be_cancelled(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = start(alice, "a@x.com")
    alice.client.post(f"{PAGE}import/{waiting.public_id}/cancel/")
    suppression_importing.run(waiting.pk)
    running = start(alice, "b@x.com")
    SuppressionImport.unscoped.filter(pk=running.pk).update(cancel_requested=True)
    suppression_importing.run(running.pk)
    states = SuppressionImport.unscoped.values_list("status", flat=True)
    assert set(states) == {SuppressionImportStatus.CANCELLED}
    assert here(alice) == {}


def test_a_file_that_is_none_fails_in_words(alice: Person) -> None:
    made = start(alice, "PK\x03\x04")
    suppression_importing.run(made.pk)
    made.refresh_from_db()
    assert made.status == "failed" and "zip archive" in made.failure
    page = alice.client.get(f"{PAGE}import/{made.public_id}/").content.decode()
    assert "zip archive" in page


# --- the API ------------------------------------------------------------------------------------

API = "/api/v1/suppressions"


@pytest.fixture
def api(alice: Person) -> Client:
    key = create_key(tenant=alice.tenant, actor=alice.user, name="x", scopes=[Scope.SUPPRESSIONS])
    return Client(headers={"authorization": f"Bearer {key.text}"})


def test_an_address_is_suppressed_read_and_freed(alice: Person, api: Client) -> None:
    body = {"email": "Ada+x@Example.com", "reason": "hard_bounce", "note": "From our CRM"}
    made = api.post(API, body, "application/json")
    assert made.status_code == 201
    assert made.json() | {"created_at": ""} == {
        "email": "ada+x@example.com", "reason": "hard_bounce", "source": "api",
        "diagnostic": "From our CRM", "created_at": "",
    }  # fmt: skip
    assert api.get(f"{API}/ADA+x@example.com").json() == made.json()
    assert api.delete(f"{API}/ada+x@example.com").status_code == 204
    assert api.get(f"{API}/ada+x@example.com").status_code == 404
    assert api.delete(f"{API}/ada+x@example.com").status_code == 404
    log = AuditEvent.unscoped.exclude(api_key=None).order_by("pk")
    assert list(log.values_list("action", flat=True)) == [
        "suppression.added",
        "suppression.removed",
    ]


def test_a_complaint_is_freed_only_when_confirmed(alice: Person, api: Client) -> None:
    add(alice, "a@example.com", COMPLAINT)
    refused = api.delete(f"{API}/a@example.com")
    assert (refused.status_code, refused.json()["error"]["param"]) == (409, "confirm")
    assert "?confirm=complaint" in refused.json()["error"]["message"]
    assert api.delete(f"{API}/a@example.com?confirm=complaint").status_code == 204


def test_they_are_listed_by_cursor_reason_and_source(alice: Person, api: Client) -> None:
    for number in range(5):
        add(alice, f"p{number}@example.com", COMPLAINT if number % 2 else HARD)
    add(alice, "erased:00ff", SuppressionReason.ERASED)
    first = api.get(API, {"limit": 3}).json()
    second = api.get(API, {"limit": 3, "cursor": first["next_cursor"]}).json()
    emails = [one["email"] for page in (first, second) for one in page["data"]]
    assert emails == [f"p{number}@example.com" for number in (4, 3, 2, 1, 0)]
    found = api.get(API, {"reason": "complaint", "source": "ses"}).json()["data"]
    assert [one["email"] for one in found] == ["p3@example.com", "p1@example.com"]
    assert api.get(API, {"reason": "x"}).json()["error"]["param"] == "reason"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@x.com", "reason": "erased"}, "reason"),
        ({"email": "a@x.com", "x": 1}, "x"),
    ],
)
def test_what_cannot_be_suppressed_is_said(api: Client, body: dict[str, Any], param: str) -> None:
    answer = api.post(API, body, "application/json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)
    assert not Suppression.unscoped.exists()

"""Excel workbooks as people have them, and as people make them to do harm."""

import io
import zipfile
from datetime import date
from tempfile import TemporaryFile

import pytest

from lists import workbooks
from lists.errors import FileRefused
from lists.models import Contact, Import, ImportStatus, List
from lists.services import imports
from tests.conftest import Person
from tests.lists.importing import choices, counts, report, run, uploaded
from tests.lists.workbook import Cell, formula, workbook

_PEOPLE: list[list[Cell]] = [
    ["email", "first name", "born", "shoes", "vip", "score"],
    ["a@example.com", "Ann\nMarie", date(1990, 4, 12), 41, True, 2.5],
    [],
    ["bad", "Bo", None, 1234567890123, False, formula("=1+1", "2")],
    ["c@example.com", "Søren", date(2026, 3, 31), None, None, "3"],
]


def _imported(person: Person, content: bytes, lists: list[List]) -> Import:
    import_ = uploaded(person, content, "people.xlsx")
    return run(imports.start(import_=import_, choices=choices(import_, lists), actor=person.user))


def test_values_arrive_as_people_see_them_and_errors_name_the_row(
    alice: Person, news: List
) -> None:
    done = _imported(alice, workbook({"People": _PEOPLE}), [news])
    assert (done.status, done.failure) == (ImportStatus.DONE, "")
    assert counts(done) == {"rows": 3, "created": 2, "invalid": 1}
    assert report(done)[0][:3] == ["4", "email", "bad"]
    ann = Contact.unscoped.get(email_norm="a@example.com")
    assert (ann.first_name, ann.fields) == (
        "Ann Marie",
        {"born": "1990-04-12", "shoes": 41, "vip": True, "score": 2.5},
    )
    assert Contact.unscoped.get(email_norm="c@example.com").fields == {
        "born": "2026-03-31",
        "score": 3,
    }
    for file in (done.file, done.workbook):
        assert not file.storage.exists(file.name)


def test_the_sheet_can_be_chosen(alice: Person, news: List) -> None:
    content = workbook(
        {
            "Empty": [],
            "People": _PEOPLE,
            "Secret": [["email"], ["s@example.com"]],
            "Others": [["Mail"], ["o@example.com"]],
        },
        hidden="Secret",
    )
    import_ = uploaded(alice, content, "people.xlsx")
    assert (import_.sheets, import_.sheet) == (["Empty", "People", "Others"], "People")
    page = f"/w/acme/contacts/imports/{import_.public_id}/"
    text = alice.client.get(page).content.decode()
    assert '<option value="People" selected>' in text and "Secret" not in text
    first = import_.file.name
    alice.client.post(f"{page}read/", {"sheet": "Others"})
    import_.refresh_from_db()
    assert (import_.sheet, import_.columns) == ("Others", ["Mail"])
    assert not import_.file.storage.exists(first)
    for sheet in ("Secret", "Empty", "Nothing"):
        with pytest.raises(FileRefused):
            imports.read_again(import_=import_, sheet=sheet)
    import_.refresh_from_db()
    done = run(imports.start(import_=import_, choices=choices(import_, [news]), actor=alice.user))
    assert counts(done) == {"rows": 1, "created": 1}


def _patched(name: str, old: bytes, new: bytes) -> bytes:
    data = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook({"A": [["email"], ["a@x.example"]]}))) as before,
        zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for entry in before.namelist():
            content = before.read(entry)
            after.writestr(entry, content.replace(old, new) if entry == name else content)
    return data.getvalue()


def _zip(name: str, content: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return data.getvalue()


def _encrypted() -> bytes:
    data = bytearray(_zip("xl/workbook.xml", b"x"))
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    return bytes(data)


_SHEET, _END = "xl/worksheets/sheet1.xml", b"</sheetData>"
_FAR = b'<row r="%d"><c r="%s%d"><v>1</v></c></row></sheetData>'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04 and no more", "damaged and cannot be opened"),
        (workbook({"A": _PEOPLE})[:300], "damaged and cannot be opened"),
        (_zip("people.csv", b"email\na@x.example\n"), "zip archive, not a workbook"),
        (_encrypted(), "encrypted"),
        (_zip("xl/workbook.xml", b"<workbook/>"), "damaged|cannot be read"),
        (workbook({"A": [], "B": [[]]}), "holds no rows"),
        (workbook({"A": [["email"]]}), "no rows below"),
        (workbook({"A": [["name"], ["Ann"]]}), "No column holds email addresses"),
        (_patched(_SHEET, _END, b"<row"), "damaged and cannot be read"),
        (_patched(_SHEET, _END, _FAR % (150_000, b"XFD", 150_000)), "damaged or too large"),
        (_patched(_SHEET, _END, _FAR % (1_048_576, b"A", 1_048_576)), "1,048,576 rows"),
        (_patched(_SHEET, b"a@x.example", b"&b;"), "damaged and cannot be read"),
    ],
    ids=[
        "no zip", "cut", "other zip", "encrypted", "no sheets", "empty", "names only",
        "no addresses", "broken xml", "far corner", "too long", "entities",
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_words(alice: Person, content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        uploaded(alice, content, "people.xlsx")
    assert not Import.unscoped.exists()


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = _zip("xl/workbook.xml", bytes(20 * 1024 * 1024))
    assert len(bomb) < 100_000
    monkeypatch.setattr(workbooks, "MAX_UNPACKED", 10 * 1024 * 1024)
    with pytest.raises(FileRefused, match="Unpacked, this workbook has 20 MB; 10 MB"):
        workbooks.to_csv(io.BytesIO(bomb), io.BytesIO())


def test_a_parser_that_wants_more_memory_than_it_may_have_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = workbook({"A": [["email"], *[["p@x.example", "x" * 500]] * 3000]})
    monkeypatch.setattr(workbooks, "_MAX_MEMORY", 1024 * 1024)
    with TemporaryFile() as out, pytest.raises(FileRefused, match="cannot be read"):
        workbooks.to_csv(io.BytesIO(content), out)


def test_a_workbook_that_is_too_large_is_refused_before_it_is_opened(alice: Person) -> None:
    content = workbook({"A": _PEOPLE})
    file_size = workbooks.MAX_BYTES
    try:
        workbooks.MAX_BYTES = len(content) - 1
        with pytest.raises(FileRefused, match="MB can be imported at once"):
            uploaded(alice, content, "people.xlsx")
    finally:
        workbooks.MAX_BYTES = file_size

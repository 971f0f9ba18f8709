"""Files that are refused: in words, and with nothing half done."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from lists import csvfile
from lists.csvfile import CsvFormat, inspect, read_records, survey
from lists.errors import FileRefused
from lists.models import Contact, Import, ImportStatus, List
from lists.services import imports
from tests.conftest import Person
from tests.lists.importing import imported, uploaded


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"\xef\xbb\xbf", "no rows"),
        (b"email,name\n", "no rows below"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old Excel workbook .*or one with a password"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (bytes(range(256)) * 20, "binary file"),
        (b"name,city\nAnn,Oslo\n", "No column holds email addresses"),
        (b"a@example.com,Ann\nb@example.com,Bob\n", "first line holds an address"),
        (b",".join(b"c%d" % i for i in range(201)) + b"\nx\n", "201 columns"),
        (b"x" * 500 + b"\na@example.com\n", "500 characters"),
        (b'email,name\na@example.com,"Ann\n', "From line 2 on, the quotes"),
        (b'email,name\na@example.com,Ann\nb@example.com,"B"ob\n', "From line 3 on, the quotes"),
        (b"\xef\xbb\xbfemail,name\na@example.com,A\0\n", "Line 2 holds a NUL"),
        ("email,na\0me\na@example.com,A\n".encode("utf-16"), "Line 1 holds a NUL"),
        ("email,name\na@example.com,A\n".encode("utf-32"), "Line 1 holds a NUL"),
    ],
)
def test_what_is_no_csv_is_refused_at_the_door(alice: Person, content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        uploaded(alice, content)
    assert not Import.unscoped.exists()


def test_a_file_that_is_too_large_is_refused_before_it_is_read(alice: Person) -> None:
    file = SimpleUploadedFile("people.csv", b"email\na@example.com\n")
    file.size = csvfile.MAX_BYTES + 1
    with pytest.raises(FileRefused, match="200 MB can be imported"):
        imports.upload(tenant=alice.tenant, file=file, actor=alice.user)


_GOOD = b"email,name\n" + b"".join(b"p%d@example.com,P\n" % i for i in range(5000))


@pytest.mark.parametrize(
    ("tail", "why"),
    [
        (b"x@example.com,a\0b\n", "Line 5,002 holds a NUL"),
        (b'x@example.com,"no end\n' + b"more\n" * 30_000, "From line 5,002 on, the quotes"),
        (b"x@example.com," + b"x" * 1_100_000, "Line 5,002 is longer"),
        (b"x@example.com,cut \xc3", "Line 5,002 holds a byte .0xc3."),
    ],
)
def test_what_is_found_further_down_refuses_the_whole_file_by_line(
    alice: Person, news: List, tail: bytes, why: str
) -> None:
    done = imported(alice, _GOOD + tail, [news])
    assert done.status == ImportStatus.FAILED
    with pytest.raises(FileRefused, match=why):
        raise FileRefused(done.failure)
    assert not Contact.objects.for_tenant(alice.tenant).exists()


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvfile, "MAX_ROWS", 2)
    file = io.BytesIO(b"email\n" + b"a@example.com\n" * 3)
    with pytest.raises(FileRefused, match="3 rows; 2 can be imported"):
        survey(file, inspect(file).format)


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    file = io.BytesIO(content)
    try:
        head = inspect(file)
        assert len(set(head.columns)) == len(head.columns)
        assert survey(file, head.format) == len(head.sample)
    except FileRefused as refused:
        assert refused.message


@given(st.text('a,;"\r\n ', max_size=30), st.integers(0, 2), st.integers(1, 9), st.booleans())
def test_rows_are_counted_as_they_are_read(
    text: str, names_line: int, block: int, by_record: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csvfile, "_BLOCK", block)
        patch.setattr(csvfile, "MAX_VALUE", 12)
        limit = csv.field_size_limit(12)
        file = io.BytesIO(b"sep=,\n" * (names_line == 2) + b"email\n" + text.encode())
        fmt = CsvFormat("utf-8", ",", names_line, by_record=by_record)
        try:
            rows = len(list(read_records(file, fmt))) - 1
        except FileRefused:
            with pytest.raises(FileRefused):
                survey(file, fmt)
        else:
            assert survey(file, fmt) == rows
        finally:
            csv.field_size_limit(limit)

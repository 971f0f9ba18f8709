"""Two chunks written at a time: each counts once, in its place, whatever stands in their way."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from psycopg2.errorcodes import DEADLOCK_DETECTED

from lists import importing
from lists.csvfile import CsvFormat
from lists.models import Contact, Import, ImportStatus, List, Subscription, Suppression
from lists.models import SubscriptionStatus as Status
from lists.reading import Sizes, read_chunks
from lists.rows import Chunk, RowReader
from lists.services import imports
from lists.services.lists import delete_list
from lists.staging import Target, Written, write_chunk
from lists.turns import Turn
from tests.conftest import Person
from tests.lists.importing import (
    checked,
    counts,
    imported,
    report,
    run,
    started,
    wait_until,
    waits,
)

pytestmark = pytest.mark.django_db(transaction=True)

AddContact = Callable[..., Contact]

_ROWS = 12  # in four chunks
_PEOPLE = "email,first_name\n" + "".join(f"p{i}@example.com,P{i}\n" for i in range(_ROWS))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 3)
    monkeypatch.setattr(importing, "SMALL_ROWS", 3)


@pytest.fixture(autouse=True)
def no_chunk_overtakes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is done before the chunk before it has begun could not wait for its lock."""
    begin, come = Turn.begin, Turn.come
    begun: set[int] = set()

    def beginning(turn: Turn) -> None:
        begin(turn)
        begun.add(turn.first)

    def coming(turn: Turn) -> bool:
        if turn.before:
            wait_until(lambda: turn.first_before in begun)
        return come(turn)

    monkeypatch.setattr(Turn, "begin", beginning)
    monkeypatch.setattr(Turn, "come", coming)


@contextmanager
def _running(import_: Import) -> Iterator[None]:
    """The import runs beside the block, and to its end behind it."""

    def run_it() -> None:
        try:
            importing.run(import_.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as worker:
        running = worker.submit(run_it)
        yield
    running.result()
    import_.refresh_from_db()


def _sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def _hold(contact: Contact) -> None:
    Contact.unscoped.select_for_update().get(pk=contact.pk)


def _called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Which chunk each thread writes, attempt by attempt."""
    called: list[tuple[int, int]] = []

    def write(import_: Import, target: Target, chunk: Chunk, *, fresh: bool) -> Written:
        called.append((chunk.first, threading.get_ident()))
        return write_chunk(import_, target, chunk, fresh=fresh)

    monkeypatch.setattr(importing, "write_chunk", write)
    return called


def test_two_threads_write_and_leave_no_connection_behind(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _sessions()
    called = _called(monkeypatch)
    done = imported(alice, _PEOPLE, [news])
    assert counts(done) == {"rows": _ROWS, "created": _ROWS}
    assert sorted(first for first, _ in called) == [0, 3, 6, 9]
    assert len({thread for _, thread in called}) == 2
    wait_until(lambda: _sessions() == before)


def test_a_small_file_needs_no_thread(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "SMALL_ROWS", _ROWS)
    called = _called(monkeypatch)
    assert counts(imported(alice, _PEOPLE, [news]))["created"] == _ROWS
    assert {thread for _, thread in called} == {threading.get_ident()}


def test_a_ring_of_somebody_else_and_both_chunks_is_broken(
    alice: Person, news: List, add_contact: AddContact
) -> None:
    """They hold what one chunk wants, and want what the next one holds until the first ends."""
    held, wanted = add_contact("p1@example.com"), add_contact("p4@example.com")
    import_ = started(alice, _PEOPLE, [news])
    with ExitStack() as running:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # So the chunks look for the ring first, unless this machine is very slow.
                cursor.execute("SET LOCAL deadlock_timeout = '10s'")
                _hold(held)
                running.enter_context(_running(import_))
                wait_until(waits)
                _hold(wanted)
        except OperationalError as error:
            assert getattr(error.__cause__, "pgcode", "") == DEADLOCK_DETECTED
    assert import_.status == ImportStatus.DONE
    assert counts(import_) == {"rows": _ROWS, "created": _ROWS - 2, "updated": 2}
    assert Contact.unscoped.count() == Subscription.unscoped.count() == _ROWS


def test_a_chunk_that_is_tried_again_keeps_the_next_one_behind_it(
    alice: Person, news: List, add_contact: AddContact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hope that all are new fails while the next chunk waits for its turn already."""
    called = _called(monkeypatch)
    import_ = started(alice, _PEOPLE, [news])
    with ExitStack() as running, transaction.atomic():
        add_contact("p1@example.com")
        running.enter_context(_running(import_))
        wait_until(waits)
    assert import_.status == ImportStatus.DONE
    assert counts(import_) == {"rows": _ROWS, "created": _ROWS - 1, "updated": 1}
    assert [first for first, _ in called].count(0) == 2
    assert Contact.unscoped.count() == Subscription.unscoped.count() == _ROWS


@pytest.mark.parametrize("chunk", [3, 6])
def test_a_chunk_that_fails_takes_the_next_one_with_it(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    import_ = started(alice, _PEOPLE, [news])

    def write(import_: Import, target: Target, rows: Chunk, *, fresh: bool) -> Written:
        written = write_chunk(import_, target, rows, fresh=fresh)
        if rows.first == chunk:
            raise ZeroDivisionError
        return written

    monkeypatch.setattr(importing, "write_chunk", write)
    with pytest.raises(ZeroDivisionError):
        importing.run(import_.pk)
    import_.refresh_from_db()
    assert (import_.status, import_.rows) == (ImportStatus.FAILED, chunk)
    assert import_.created == Contact.unscoped.count() == Subscription.unscoped.count() == chunk


def test_a_lost_connection_leaves_the_import_to_the_next_run(
    alice: Person, news: List, add_contact: AddContact
) -> None:
    """One chunk's server process ends while it waits for a contact, and the next for its turn."""
    add_contact("p0@example.com")  # so nobody hopes that all of the next chunk are new
    held = add_contact("p4@example.com")
    import_ = started(alice, _PEOPLE, [news])
    with pytest.raises(OperationalError), ExitStack() as running, transaction.atomic():
        _hold(held)
        running.enter_context(_running(import_))
        wait_until(lambda: waits() and waits("transactionid"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(unnest(%s))", [waits("transactionid")])
    import_.refresh_from_db()
    assert (import_.status, import_.rows) == (ImportStatus.RUNNING, 3)
    Import.unscoped.update(progressed_at=import_.created_at - importing.SILENCE)
    assert counts(run(import_)) == {"rows": _ROWS, "created": _ROWS - 2, "updated": 2}
    assert Contact.unscoped.count() == Subscription.unscoped.count() == _ROWS


@pytest.mark.parametrize("dry_run", [False, True])
def test_cancelling_keeps_what_is_committed_and_nothing_of_the_chunks_under_way(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    import_ = started(alice, _PEOPLE, [news])
    if dry_run:
        Import.unscoped.update(dry_run=True)
    come, reached, cancelled = Turn.come, threading.Event(), threading.Event()

    def coming(turn: Turn) -> bool:
        if turn.first == 6:
            reached.set()
        elif turn.first == 3:
            cancelled.wait()
        return come(turn)

    monkeypatch.setattr(Turn, "come", coming)
    with _running(import_):
        reached.wait()
        imports.cancel(import_=import_)
        cancelled.set()
    assert import_.status == (ImportStatus.UPLOADED if dry_run else ImportStatus.CANCELLED)
    assert import_.rows == import_.created == 3
    there = 0 if dry_run else 3
    assert Contact.unscoped.count() == Subscription.unscoped.count() == there


def test_a_list_deleted_while_chunks_are_under_way_takes_nobody_more(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = List.unscoped.create(tenant=alice.tenant, name="Offers")
    import_ = started(alice, _PEOPLE, [news, offers])
    come = Turn.come

    def deleted(turn: Turn) -> bool:
        if turn.first == 3 and List.unscoped.filter(pk=offers.pk).exists():
            turn.wait()
            delete_list(list_=offers, actor=alice.user)
        return come(turn)

    monkeypatch.setattr(Turn, "come", deleted)
    assert counts(run(import_)) == {"rows": _ROWS, "created": _ROWS}
    assert Contact.unscoped.count() == Subscription.unscoped.count() == _ROWS
    assert not Subscription.unscoped.filter(list_id=offers.pk).exists()


def test_a_later_chunk_stops_the_mail_of_those_who_came_with_an_earlier_one(
    alice: Person, news: List
) -> None:
    content = (
        "email,status\n"
        "a@example.com,active\nb@example.com,active\nc@example.com,active\n"
        "a@example.com,unsubscribed\nb@example.com,bounced\nd@example.com,active\n"
        "b@example.com,complained\ne@example.com,active\nf@example.com,active\n"
    )
    assert counts(imported(alice, content, [news])) == {"rows": 9, "created": 6, "duplicates": 3}
    left = Subscription.unscoped.filter(status=Status.UNSUBSCRIBED)
    assert set(left.values_list("contact__email_norm", flat=True)) == {
        "a@example.com",
        "b@example.com",
    }
    assert list(Suppression.unscoped.values_list("email_norm", "reason")) == [
        ("b@example.com", "complaint")
    ]


def test_hostile_rows_are_reported_by_line_and_as_the_check_said(alice: Person, news: List) -> None:
    rows = [
        f"p{i % 17}@example.com" if i % 3 else ("bad", '"=cmd|x"', "j\\.@x", "a@b")[i % 4]
        for i in range(60)
    ]
    content = "email\n" + "\n".join(rows) + "\n"
    expected = checked(alice, content, [news])
    done = imported(alice, content, [news])
    lines = [int(row[0]) for row in report(done)]
    assert lines == sorted(lines) and len(lines) == 60 - 17
    assert report(done) == report(expected)
    assert counts(done) == counts(expected)
    assert counts(done)["created"] == Contact.unscoped.count() == 17


def test_a_run_goes_on_where_another_ended_whatever_the_size_of_its_chunks(
    tmp_path: Any,
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"p{i}@example.com\n" for i in range(11)))
    with path.open("rb") as file:
        reader = RowReader(["email"], {"email": "email"}, {})
        chunks = read_chunks(file, CsvFormat("utf-8", ","), reader, Sizes(11, 4, border=6))
        assert [(one.first, one.rows) for one in chunks] == [(0, 4), (4, 2), (6, 4), (10, 1)]

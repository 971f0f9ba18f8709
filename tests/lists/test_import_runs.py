"""Runs that are cancelled, die, or meet each other; and what they cost in memory."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg2.errors import DeadlockDetected

from lists import importing, staging
from lists.models import Contact, Import, ImportStatus, List, Source, Subscription
from lists.models import SubscriptionStatus as Status
from lists.rows import Chunk
from lists.services import imports
from lists.staging import Target, Written, write_chunk
from lists.turns import Turn
from tests.conftest import Person
from tests.lists.importing import (
    counts,
    report,
    run,
    started,
    uploaded,
    wait_until,
    waits,
)

_PEOPLE = "email,first_name\n" + "".join(
    f"{'bad' if i % 5 == 4 else f'p{i % 7}@example.com'},P{i}\n" for i in range(11)
)  # 6 people, 3 repeats across chunks, 2 invalid rows


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 3)


def _dies_at(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is gone in the middle of its n-th chunk, after the writes and before commit."""

    def write(import_: Import, target: Target, rows: Chunk, *, fresh: bool) -> Written:
        written = write_chunk(import_, target, rows, fresh=fresh)
        if rows.first == chunk * 3:
            raise KeyboardInterrupt
        return written

    monkeypatch.setattr(importing, "write_chunk", write)


def _before_chunk(first: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Somebody else acts just before the transaction of the chunk that begins at this row."""
    take = importing._Writer.take

    def taken(writer: importing._Writer, chunk: Chunk, turn: Turn) -> Written:
        if chunk.first == first:
            monkeypatch.setattr(importing._Writer, "take", take)
            act()
        return take(writer, chunk, turn)

    monkeypatch.setattr(importing._Writer, "take", taken)


def _silent(import_: Import) -> None:
    long_ago = timezone.now() - importing.SILENCE - timedelta(seconds=1)
    Import.unscoped.filter(pk=import_.pk).update(progressed_at=long_ago)


def test_a_run_that_died_is_found_and_gone_on_with_as_if_nothing_had_been(
    alice: Person,
    news: List,
    add_contact: Callable[..., Contact],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_contact("p1@example.com", status=Status.UNSUBSCRIBED)
    import_ = started(alice, _PEOPLE, [news])
    with monkeypatch.context() as patch:
        _dies_at(2, patch)
        with pytest.raises(KeyboardInterrupt):
            importing.run(import_.pk)
    import_.refresh_from_db()
    assert (import_.status, import_.rows) == (ImportStatus.RUNNING, 6)
    assert importing.stuck() == []
    assert run(import_).rows == 6  # another worker does not take what may still be alive
    _silent(import_)
    assert importing.stuck() == [import_.pk]
    done = run(import_)
    assert done.status == ImportStatus.DONE
    assert counts(done) == {
        "rows": 11,
        "created": 5,
        "updated": 1,
        "duplicates": 3,
        "invalid": 2,
        "unsubscribed": 1,
    }
    assert [row[0] for row in report(done)] == ["3", "6", "9", "10", "11", "12"]
    assert Contact.unscoped.count() == Subscription.unscoped.count() == 6


def test_a_queued_import_that_no_worker_got_is_found(alice: Person, news: List) -> None:
    import_ = started(alice, _PEOPLE, [news])
    assert importing.stuck() == []
    Import.unscoped.update(created_at=timezone.now() - importing.SILENCE * 2)
    assert importing.stuck() == [import_.pk]


def test_cancelling_stops_between_two_chunks_and_keeps_what_is_in(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_ = started(alice, _PEOPLE, [news])
    _before_chunk(3, monkeypatch, lambda: imports.cancel(import_=import_))
    done = run(import_)
    assert (done.status, done.rows) == (ImportStatus.CANCELLED, 3)
    assert Contact.unscoped.count() == 3
    assert run(done).rows == 3  # a late message of the queue starts nothing


def test_cancelling_before_the_start_imports_nothing(alice: Person, news: List) -> None:
    done = run(imports.cancel(import_=started(alice, _PEOPLE, [news])))
    assert done.status == ImportStatus.CANCELLED
    assert not Contact.unscoped.exists()


def test_of_two_workers_on_one_import_the_slower_writes_nothing(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_ = started(alice, _PEOPLE, [news])

    def another() -> None:
        _silent(import_)
        importing.run(import_.pk)

    _before_chunk(3, monkeypatch, another)
    done = run(import_)
    assert done.status == ImportStatus.DONE
    assert counts(done)["rows"] == 11
    assert counts(done)["created"] == Contact.unscoped.count() == 6


def test_a_failure_of_ours_is_said_and_the_rows_before_it_stay(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_ = started(alice, _PEOPLE, [news])

    def write(import_: Import, target: Target, rows: Chunk, *, fresh: bool) -> Written:
        if rows.first == 3:
            raise ZeroDivisionError
        return write_chunk(import_, target, rows, fresh=fresh)

    monkeypatch.setattr(importing, "write_chunk", write)
    with pytest.raises(ZeroDivisionError):
        importing.run(import_.pk)
    import_.refresh_from_db()
    assert (import_.status, import_.rows) == (ImportStatus.FAILED, 3)
    assert "not your file" in import_.failure


def test_the_uploaded_file_is_deleted_when_nothing_needs_it_any_more(
    alice: Person, news: List, django_capture_on_commit_callbacks: Any
) -> None:
    done = run(started(alice, _PEOPLE, [news]))
    waiting = uploaded(alice, _PEOPLE)
    given_up = uploaded(alice, _PEOPLE)
    with django_capture_on_commit_callbacks(execute=True):
        imports.cancel(import_=given_up)
    assert importing.forget_abandoned() == 0
    there = [one.file.storage.exists(one.file.name) for one in (done, waiting, given_up)]
    assert there == [False, True, False]
    assert done.error_file.storage.exists(done.error_file.name)
    Import.unscoped.update(created_at=timezone.now() - importing.PATIENCE * 2)
    assert importing.forget_abandoned() == 1
    assert not waiting.file.storage.exists(waiting.file.name)


def test_two_who_want_the_same_rows_wait_for_each_other_and_try_again(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_ = started(alice, _PEOPLE, [news])
    chosen: list[int] = []

    def write(import_: Import, target: Target, rows: Chunk, *, fresh: bool) -> Written:
        if not chosen:
            chosen.append(rows.first)
            raise OperationalError from DeadlockDetected()
        return write_chunk(import_, target, rows, fresh=fresh)

    monkeypatch.setattr(importing, "write_chunk", write)
    monkeypatch.setattr(importing, "_TRY_AGAIN", {None})  # the code only a server sets
    assert counts(run(import_))["rows"] == 11
    assert chosen == [0]


@pytest.mark.django_db(transaction=True)
def test_a_chunk_does_not_read_what_another_one_has_not_committed(
    alice: Person, news: List
) -> None:
    written, known = threading.Event(), threading.Event()

    def write() -> None:
        with closing(connection), transaction.atomic():
            Contact.unscoped.bulk_create(
                Contact(tenant=alice.tenant, email=f"x{i}@a.example", email_norm=f"x{i}@a.example")
                for i in range(500)
            )
            written.set()
            known.wait(60)
            transaction.set_rollback(True)

    values = staging._values(uploaded(alice, "email\na@a.example\n"), Target([news.pk], []))
    with ThreadPoolExecutor(1) as other:
        other.submit(write)
        assert written.wait(60)
        with transaction.atomic(), connection.cursor() as cursor:
            staging._stage(cursor, Chunk(first=0))
            cursor.execute(
                "INSERT INTO import_rows (email_norm) "
                "SELECT 'a' || i || '@a.example' FROM generate_series(1, 50) i"
            )
            cursor.execute(staging._BY_ADDRESS)
            cursor.execute(staging._KNOW.format(changed="false", tags="0"), values)
            cursor.execute("SELECT pg_stat_get_xact_tuples_returned('contact_address'::regclass)")
            read = cursor.fetchone()[0]
        known.set()
    assert read == 0


# VmHWM and not getrusage: on Linux ru_maxrss begins with what the parent had at the fork.
_RUN = """
import re, resource, sys
from pathlib import Path
import django
django.setup()
from lists import importing
importing.run(int(sys.argv[1]))
status = Path("/proc/self/status")
if status.exists():
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
else:  # macOS counts in bytes
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def _worker(import_: Import, media: Path) -> subprocess.Popen[str]:
    """A process of its own, on the database of the tests."""
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    env = os.environ | {
        "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}",
        "MEDIA_ROOT": str(media),
    }
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, str(import_.pk)], env=env, stdout=subprocess.PIPE, text=True
    )


def _many(rows: int) -> str:
    return "email,first_name,city\n" + "".join(
        f"user{i}@mail{i % 500}.example,First{i % 1000},City{i % 100}\n" for i in range(rows)
    )


@pytest.mark.django_db(transaction=True)
def test_memory_stays_bounded_and_a_worker_killed_with_two_chunks_under_way_loses_nothing(
    alice: Person, news: List, add_contact: Callable[..., Contact], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.undo()  # chunks as they are
    add_contact("user0@mail0.example")  # so nobody hopes that all of the next chunk are new
    known = add_contact("user25000@mail0.example")
    import_ = started(alice, _many(200_000), [news])
    with transaction.atomic():
        Contact.unscoped.select_for_update().get(pk=known.pk)
        first = _worker(import_, tmp_path)
        wait_until(waits)  # the third chunk, while the second waits for the contact
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    wait_until(lambda: not waits())
    import_.refresh_from_db()
    assert import_.rows == importing.CHUNK_ROWS == Contact.unscoped.count() - 1
    places = Subscription.unscoped.filter(source=Source.IMPORT)
    assert places.count() == importing.CHUNK_ROWS - 1

    _silent(import_)
    second = _worker(import_, tmp_path)
    out, _ = second.communicate(timeout=300)
    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE
    assert counts(import_) == {"rows": 200_000, "created": 199_998, "updated": 2}
    assert Contact.unscoped.count() == 200_000
    assert places.filter(imported=import_).count() == 199_998
    assert int(out) < 250 * 1024  # kilobytes

"""The import engine: a file becomes contacts, a chunk at a time, each chunk whole or not at all.

A run reads the whole file first (csvfile.survey), so that a file which cannot be read to its end
changes nothing. Then each chunk of rows is one transaction, which also moves Import.rows on: that
number is the fence and the place to go on from. A run that follows a dead one reads the earlier
chunks again for the report and for duplicates, and writes only what is missing. Of a large file two
chunks are written at a time (turns.py) while the next is read; they are committed one after the
other. A dry run goes the same way and only compares.
"""

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Any

from django.core.files import File
from django.db import OperationalError, transaction
from django.db.models import F, Manager, Q, QuerySet
from django.utils import timezone
from psycopg2.errorcodes import DEADLOCK_DETECTED, UNIQUE_VIOLATION

from lists.csvfile import CsvFormat, survey
from lists.errors import FileRefused
from lists.mapping import State
from lists.models import Contact, ContactField, Import, ImportStatus, Source
from lists.reading import Sizes, read_chunks
from lists.recognising import PRODUCTS
from lists.reporting import Report
from lists.retrying import TryAgain, try_again
from lists.rows import Chunk, RowReader
from lists.staging import Target, Written, compare_chunk, hold_target, stop_mail, write_chunk
from lists.turns import Turn, in_turn

CHUNK_ROWS = 20_000
# What is worth the threads and connections of two writers; this is written in half a second.
SMALL_ROWS = 40_000
# Longer than any chunk takes; a run that says nothing for so long is dead.
SILENCE = timedelta(minutes=3)
# Somebody else changed the same contacts in another order and PostgreSQL chose us, or added one of
# them meanwhile: now it is there.
_TRY_AGAIN = {DEADLOCK_DETECTED, UNIQUE_VIOLATION}
# A file waits so long for somebody to say what its columns are; then it is deleted.
PATIENCE = timedelta(days=7)

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """The import was cancelled, or another worker has taken it over."""


def stuck() -> list[int]:
    """Ids of imports that nobody works on: never begun, or their worker is gone."""
    silent = timezone.now() - SILENCE
    return list(
        Import.unscoped.filter(
            Q(status=ImportStatus.RUNNING, progressed_at__lt=silent)
            | Q(status=ImportStatus.QUEUED, created_at__lt=silent)
        ).values_list("pk", flat=True)
    )


def forget_abandoned() -> int:
    """Ends imports that nobody has started for PATIENCE, with their files; how many."""
    waiting = Import.unscoped.filter(
        status__in=[ImportStatus.UPLOADED, ImportStatus.CHECKED],
        created_at__lt=timezone.now() - PATIENCE,
    )
    forgotten = 0
    for import_ in waiting:
        ended = waiting.filter(pk=import_.pk).update(
            status=ImportStatus.CANCELLED, rows=0, finished_at=timezone.now()
        )
        if ended:
            delete_files(import_)
        forgotten += ended
    return forgotten


def delete_files(import_: Import) -> None:
    """Deletes what was uploaded: people's data that nothing needs any more."""
    for file in (import_.file, import_.workbook):
        if file:
            file.storage.delete(file.name)


def run(import_id: int) -> None:
    """Runs an import to its end, from wherever it is. Returns at once if another worker runs it.

    Refused files and our own failures end as status FAILED with a sentence; a lost database
    raises OperationalError and leaves the import to the next run.
    """
    import_ = _claim(import_id)
    if import_ is None:
        return
    logger.info("import %d runs from row %d", import_.pk, import_.rows)
    try:
        with import_.file.storage.open(import_.file.name, "rb") as stored:
            _run(import_, stored.file)
    except FileRefused as refused:
        _end(import_, ImportStatus.FAILED, failure=refused.message[:500])
    except _Stopped:
        _end(import_, ImportStatus.CANCELLED)
    except OperationalError:
        raise
    except Exception:
        _end(
            import_,
            ImportStatus.FAILED,
            failure="Bluefox failed here, not your file. The rows counted below are in; import "
            "the file again to go on: rows that are in already change nothing.",
        )
        raise


def _claim(import_id: int) -> Import | None:
    now = timezone.now()
    claimed = Import.unscoped.filter(
        Q(status=ImportStatus.QUEUED)
        | Q(status=ImportStatus.RUNNING, progressed_at__lt=now - SILENCE),
        pk=import_id,
    ).update(status=ImportStatus.RUNNING, progressed_at=now)
    if not claimed:
        return None
    Import.unscoped.filter(pk=import_id, started_at=None).update(started_at=now)
    return Import.unscoped.get(pk=import_id)


def _run(import_: Import, file: IO[bytes]) -> None:
    fmt = CsvFormat(
        import_.encoding, import_.delimiter, import_.names_line, by_record=import_.by_record
    )
    rows_total = survey(file, fmt)
    _open(import_).update(rows_total=rows_total, progressed_at=timezone.now())
    writer = _Writer(
        import_,
        Target(_ids(import_.lists), _ids(import_.tags)),
        # Where all contacts of one chunk were new, the next ones are, too, more often than not.
        fresh=not Contact.unscoped.filter(tenant_id=import_.tenant_id).exists(),
    )
    chunks = read_chunks(
        file, fmt, _reader(import_), Sizes(rows_total, CHUNK_ROWS, border=import_.rows)
    )
    writers = 2 if rows_total > SMALL_ROWS else 0
    with TemporaryFile() as raw:
        report = Report(raw, of_records=import_.source == Source.API)
        with closing(in_turn(import_.pk, chunks, writer.take, writers)) as done:
            for chunk, written in done:
                report.add(chunk, written)
        report.close()
        if report.rows:
            import_.error_file.save(f"{import_.public_id}-report.csv", File(raw), save=False)
    _end(import_, ImportStatus.CHECKED if import_.dry_run else ImportStatus.DONE)


def _reader(import_: Import) -> RowReader:
    kinds = ContactField.unscoped.filter(tenant_id=import_.tenant_id).values_list("key", "kind")
    product = PRODUCTS.get(import_.product)
    return RowReader(
        import_.columns,
        import_.mapping,
        import_.kinds | dict(kinds),
        State(import_.state),
        product.words if product else None,
    )


def _ids(chosen: Manager[Any]) -> list[int]:
    return list(chosen.order_by("pk").values_list("pk", flat=True))


def _open(import_: Import) -> QuerySet[Import]:
    """The import, if it still runs: what is no longer ours is not updated."""
    return Import.unscoped.filter(pk=import_.pk, status=ImportStatus.RUNNING)


@dataclass
class _Writer:
    """Writes chunks of an import, perhaps several at a time, each in a thread of its own."""

    import_: Import  # as it was claimed: `rows` is where this run begins to write
    target: Target
    fresh: bool  # the hope that all rows of the next chunk are new

    def take(self, chunk: Chunk, turn: Turn) -> Written:
        """Writes a chunk and commits it with its counts, in its turn; compares one that was written
        by an earlier run. Raises _Stopped, with nothing of it written.
        """
        if chunk.first + chunk.rows <= self.import_.rows:
            return self._reread(chunk)

        def write(tried: int) -> Written:
            if tried:
                turn.wait()
            return self._write(chunk, turn, fresh=self.fresh and not tried)

        written = try_again(write, on=_TRY_AGAIN)
        self.fresh = written.created == chunk.kept
        return written

    def _reread(self, chunk: Chunk) -> Written:
        with transaction.atomic():
            compared = compare_chunk(self.import_, self.target, chunk)
            if not _open(self.import_).update(progressed_at=timezone.now()):
                raise _Stopped
            return compared

    def _write(self, chunk: Chunk, turn: Turn, *, fresh: bool) -> Written:
        """One attempt. What other chunks of the file have to do with comes after the turn."""
        import_, target = self.import_, self.target
        turn.begin()
        if import_.dry_run:
            written = compare_chunk(import_, target, chunk)
            is_ours = turn.come()
        else:
            written = write_chunk(import_, target, chunk, fresh=fresh)
            is_ours = turn.come()
            there = hold_target(import_, target)
            if there != target:
                self.target = there
                raise TryAgain
            stop_mail(import_, target, chunk)
        if not self._move(chunk, written):
            raise _Stopped if is_ours else TryAgain
        return written

    def _move(self, chunk: Chunk, written: Written) -> int:
        """Moves the fence and counts; 0 where we may not."""
        unchanged = chunk.kept - written.created - written.updated
        return (
            _open(self.import_)
            .filter(rows=max(chunk.first, self.import_.rows), cancel_requested=False)
            .update(
                rows=chunk.first + chunk.rows,
                created=F("created") + written.created,
                updated=F("updated") + written.updated,
                unchanged=F("unchanged") + unchanged,
                duplicates=F("duplicates") + len(chunk.duplicates),
                invalid=F("invalid") + len(chunk.invalid),
                suppressed=F("suppressed") + len(written.suppressed),
                unsubscribed=F("unsubscribed") + len(written.unsubscribed),
                role=F("role") + len(chunk.role),
                disposable=F("disposable") + len(chunk.disposable),
                stopped=F("stopped") + chunk.stopped,
                unconfirmed=F("unconfirmed") + chunk.unconfirmed,
                progressed_at=timezone.now(),
            )
        )


def _end(import_: Import, status: ImportStatus, failure: str = "") -> None:
    open_ = _open(import_)
    if status == ImportStatus.CANCELLED:
        # Not cancelled but taken over by another worker: then it is theirs to end.
        open_ = open_.filter(cancel_requested=True)
        if import_.dry_run:
            status = ImportStatus.UPLOADED  # as before the check
    ended = open_.update(
        status=status,
        failure=failure,
        error_file=import_.error_file.name or "",
        finished_at=timezone.now(),
    )
    if ended:
        logger.info("import %d ends as %s", import_.pk, status)
        if status not in (ImportStatus.UPLOADED, ImportStatus.CHECKED):
            delete_files(import_)

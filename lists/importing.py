"""The import engine: a file becomes contacts, a chunk at a time, each chunk whole or not at all.

A run reads the whole file first (csvfile.survey), so that a file which cannot be read to its end
changes nothing. Then each chunk of rows is one transaction, which also moves Import.rows on: that
number is the fence and the place to go on from. A run that follows a dead one reads the earlier
chunks again for the report and for duplicates, and writes only what is missing. While PostgreSQL
takes one chunk, a thread reads the next.
"""

import csv
import logging
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import IO

from django.core.files import File
from django.db import OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from psycopg2.errorcodes import DEADLOCK_DETECTED

from lists.csvexport import safe_cell
from lists.csvfile import CsvFormat, read_records, survey
from lists.errors import FileRefused
from lists.mapping import Chunk, RowReader, RowRefused, State
from lists.models import ContactField, Import, ImportStatus
from lists.seen import Seen
from lists.staging import Written, reread_chunk, write_chunk

CHUNK_ROWS = 50_000
# Longer than any chunk takes; a run that says nothing for so long is dead.
SILENCE = timedelta(minutes=3)
_DEADLOCK_ATTEMPTS = 3
# A file waits so long for somebody to say what its columns are; then it is deleted.
PATIENCE = timedelta(days=7)

_Chunks = Generator[Chunk, None, None]

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
    """Ends imports whose columns nobody has named for PATIENCE, with their files; how many."""
    waiting = Import.unscoped.filter(
        status=ImportStatus.UPLOADED, created_at__lt=timezone.now() - PATIENCE
    )
    forgotten = 0
    for import_ in waiting:
        ended = Import.unscoped.filter(pk=import_.pk, status=ImportStatus.UPLOADED).update(
            status=ImportStatus.CANCELLED, finished_at=timezone.now()
        )
        if ended:
            import_.file.storage.delete(import_.file.name)
        forgotten += ended
    return forgotten


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
    fmt = CsvFormat(import_.encoding, import_.delimiter, import_.names_line)
    rows_total = survey(file, fmt)
    _open(import_).update(rows_total=rows_total, progressed_at=timezone.now())
    list_ids = list(import_.lists.order_by("pk").values_list("pk", flat=True))
    kinds = ContactField.unscoped.filter(tenant_id=import_.tenant_id).values_list("key", "kind")
    reader = RowReader(import_.columns, import_.mapping, dict(kinds))
    with TemporaryFile() as raw:
        text = TextIOWrapper(raw, encoding="utf-8-sig", newline="", write_through=True)
        report = _Report(text)
        with closing(_ahead(read_chunks(file, fmt, reader, rows_total))) as chunks:
            for chunk in chunks:
                if chunk.first + chunk.rows <= import_.rows:
                    written = _reread(import_, list_ids, chunk)
                else:
                    written = _write(import_, list_ids, chunk)
                report.add(chunk, written)
        if report.rows:
            text.seek(0)
            import_.error_file.save(f"{import_.public_id}-report.csv", File(raw), save=False)
        text.detach()
    _end(import_, ImportStatus.DONE)


def read_chunks(file: IO[bytes], fmt: CsvFormat, reader: RowReader, rows_total: int) -> _Chunks:
    """The rows of the file in chunks of CHUNK_ROWS, checked; the same ones at each reading."""
    seen = Seen(rows_total)
    records = read_records(file, fmt)
    next(records)  # the names of the columns
    chunk = Chunk(first=0)
    for line, values in records:
        chunk.rows += 1
        try:
            email_norm, state, copied = reader.read(line, values)
        except RowRefused as refused:
            chunk.invalid.append((line, refused.column, refused.value, refused.reason))
        else:
            if state >= State.UNSUBSCRIBED:
                chunk.stops[email_norm] = max(state, chunk.stops.get(email_norm, state))
            if earlier := seen.add(email_norm, line):
                chunk.duplicates.append((line, email_norm, earlier))
            else:
                chunk.lines.append(copied)
        if chunk.rows == CHUNK_ROWS:
            yield chunk
            chunk = Chunk(first=chunk.first + CHUNK_ROWS)
    if chunk.rows:
        yield chunk


def _ahead(chunks: _Chunks) -> _Chunks:
    """The same chunks, the next one read in a thread while the caller works on this one."""
    with (
        closing(chunks),
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as thread,
    ):
        waiting = thread.submit(next, chunks, None)
        while (chunk := waiting.result()) is not None:
            waiting = thread.submit(next, chunks, None)
            yield chunk


def _open(import_: Import) -> QuerySet[Import]:
    """The import, if it still runs: what is no longer ours is not updated."""
    return Import.unscoped.filter(pk=import_.pk, status=ImportStatus.RUNNING)


def _reread(import_: Import, list_ids: list[int], chunk: Chunk) -> Written:
    with transaction.atomic():
        if not _open(import_).update(progressed_at=timezone.now()):
            raise _Stopped
        return reread_chunk(import_, list_ids, chunk)


def _write(import_: Import, list_ids: list[int], chunk: Chunk) -> Written:
    """One chunk, committed with its counts. Raises _Stopped, with nothing of it written."""
    attempts = _DEADLOCK_ATTEMPTS
    while True:
        try:
            with transaction.atomic():
                written = _write_once(import_, list_ids, chunk)
        except OperationalError as error:
            # Somebody else changed the same contacts in another order; PostgreSQL chose us.
            attempts -= 1
            if not attempts or getattr(error.__cause__, "pgcode", "") != DEADLOCK_DETECTED:
                raise
        else:
            import_.rows = chunk.first + chunk.rows
            return written


def _write_once(import_: Import, list_ids: list[int], chunk: Chunk) -> Written:
    written = write_chunk(import_, list_ids, chunk)
    unchanged = len(chunk.lines) - written.created - written.updated
    moved = (
        _open(import_)
        .filter(rows=import_.rows, cancel_requested=False)
        .update(
            rows=chunk.first + chunk.rows,
            created=F("created") + written.created,
            updated=F("updated") + written.updated,
            unchanged=F("unchanged") + unchanged,
            duplicates=F("duplicates") + len(chunk.duplicates),
            invalid=F("invalid") + len(chunk.invalid),
            suppressed=F("suppressed") + len(written.suppressed),
            unsubscribed=F("unsubscribed") + len(written.unsubscribed),
            progressed_at=timezone.now(),
        )
    )
    if not moved:
        raise _Stopped
    return written


def _end(import_: Import, status: ImportStatus, failure: str = "") -> None:
    open_ = _open(import_)
    if status == ImportStatus.CANCELLED:
        # Not cancelled but taken over by another worker: then it is theirs to end.
        open_ = open_.filter(cancel_requested=True)
    ended = open_.update(
        status=status,
        failure=failure,
        error_file=import_.error_file.name or "",
        finished_at=timezone.now(),
    )
    if ended:
        import_.file.storage.delete(import_.file.name)  # people's data; nothing needs it now
        logger.info("import %d ends as %s", import_.pk, status)


class _Report:
    """The file that names each row which did not come in as it stood, and why."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._writer = csv.writer(file)
        self.rows = 0

    def add(self, chunk: Chunk, written: Written) -> None:
        rows = [(line, column, value, why) for line, column, value, why in chunk.invalid]
        rows += [
            (line, "", email, f"Left out: line {earlier:,} has the same address.")
            for line, email, earlier in chunk.duplicates
        ]
        rows += [
            (line, "", email, "Stays unsubscribed: an import never subscribes anyone again.")
            for line, email in written.unsubscribed
        ]
        rows += [
            (line, "", email, f"Stays suppressed ({reason}): nothing is sent to this address.")
            for line, email, reason in written.suppressed
        ]
        if rows and not self.rows:
            self._writer.writerow(["line", "column", "value", "reason"])
        for row in sorted(rows):
            self._writer.writerow([safe_cell(value) for value in row])
        self.rows += len(rows)

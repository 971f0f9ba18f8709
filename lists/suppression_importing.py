"""A file of addresses becomes suppressions, a chunk at a time; as lists.importing, but simpler: a
suppression only ever grows, so what is done twice changes nothing.
"""

import csv
import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from io import TextIOWrapper
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any

from django.core.files import File
from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from lists.csvexport import safe_cell
from lists.errors import FileRefused
from lists.models import (
    Source,
    SuppressionImport,
    SuppressionImportStatus,
    SuppressionReason,
)
from lists.suppressing import Suppress, add_suppressions
from lists.suppression_files import Line, count_lines, read_lines

CHUNK = 10_000
SILENCE = timedelta(minutes=3)  # a run that says nothing for so long is dead
_RUNNING = SuppressionImportStatus.RUNNING

log = logging.getLogger(__name__)


def stuck() -> list[int]:
    """Ids of imports that nobody works on."""
    silent = timezone.now() - SILENCE
    waiting = Q(status=SuppressionImportStatus.QUEUED, created_at__lt=silent)
    dead = Q(status=_RUNNING, progressed_at__lt=silent)
    return list(SuppressionImport.unscoped.filter(waiting | dead).values_list("pk", flat=True))


def run(import_id: int) -> None:
    """Runs an import to its end, from where it is. Returns at once if another worker runs it."""
    now = timezone.now()
    free = Q(status=SuppressionImportStatus.QUEUED) | Q(
        status=_RUNNING, progressed_at__lt=now - SILENCE
    )
    rows = SuppressionImport.unscoped.filter(pk=import_id)
    if not rows.filter(free).update(status=_RUNNING, progressed_at=now):
        return
    rows.filter(started_at=None).update(started_at=now)
    import_ = rows.get()
    try:
        with import_.file.open("rb") as stored:
            _run(import_, stored.file)
    except FileRefused as refused:
        _end(import_, SuppressionImportStatus.FAILED, failure=refused.message[:500])
    except OperationalError:
        raise
    except Exception:
        words = "Bluefox failed here, not your file. Import it again: what is in stays in."
        _end(import_, SuppressionImportStatus.FAILED, failure=words)
        raise


def _run(import_: SuppressionImport, file: IO[bytes]) -> None:
    total = count_lines(file)
    SuppressionImport.unscoped.filter(pk=import_.pk).update(rows_total=total)
    with TemporaryFile() as raw, closing(read_lines(file)) as lines:
        text = TextIOWrapper(raw, encoding="utf-8-sig", newline="", write_through=True)
        bad = csv.writer(text)
        done = invalid = 0
        while chunk := list(islice(lines, CHUNK)):
            if _is_cancelled(import_):
                _end(import_, SuppressionImportStatus.CANCELLED)
                return
            for line in (one for one in chunk if one.problem):
                if not invalid:
                    bad.writerow(["line", "value", "reason"])
                bad.writerow(map(safe_cell, (line.number, line.value, line.problem)))
                invalid += 1
            done += len(chunk)
            _write(import_, chunk, done, invalid)
        text.seek(0)
        text.detach()
        if invalid:
            import_.error_file.save(f"{import_.public_id}-errors.csv", File(raw), save=False)
    _end(import_, SuppressionImportStatus.DONE, error_file=import_.error_file.name or "")


def _write(import_: SuppressionImport, chunk: list[Line], done: int, invalid: int) -> None:
    """One chunk and how far we are, together; what a run before this one has written stays."""
    with transaction.atomic():
        added = add_suppressions(import_.tenant_id, _suppressions(import_, chunk))
        import_.added += added
        import_.rows, import_.invalid = max(done, import_.rows), max(invalid, import_.invalid)
        import_.progressed_at = timezone.now()
        import_.save(update_fields=["added", "rows", "invalid", "progressed_at"])


def _suppressions(import_: SuppressionImport, chunk: list[Line]) -> Iterator[Suppress]:
    usual = SuppressionReason(import_.reason)
    for line in chunk:
        if not line.problem:
            yield Suppress(line.email_norm, line.reason or usual, Source.IMPORT, import_.note)


def _is_cancelled(import_: SuppressionImport) -> bool:
    return SuppressionImport.unscoped.filter(pk=import_.pk, cancel_requested=True).exists()


def _end(import_: SuppressionImport, status: SuppressionImportStatus, **columns: Any) -> None:
    SuppressionImport.unscoped.filter(pk=import_.pk).update(
        status=status, finished_at=timezone.now(), **columns
    )
    import_.file.storage.delete(import_.file.name)

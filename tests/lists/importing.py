"""What the import tests share: a file on its way, run without a broker."""

import csv
import io
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from lists import importing, undoing
from lists.mapping import State
from lists.models import Import, List
from lists.services import imports
from lists.services.imports import Choices
from tenants.models import User
from tests.conftest import Person


def uploaded(person: Person, content: bytes | str, name: str = "people.csv") -> Import:
    data = content if isinstance(content, bytes) else content.encode()
    return imports.upload(
        tenant=person.tenant, file=SimpleUploadedFile(name, data), actor=person.user
    )


def choices(import_: Import, lists: Sequence[List], **others: Any) -> Choices:
    """What the wizard proposes for the file, with these lists; `others` as Choices names them."""
    given: dict[str, Any] = {"state": State(import_.state), "mapping": import_.mapping}
    return Choices(lists=lists, **given | others)


def started(person: Person, content: bytes | str, lists: Sequence[List], **mapping: str) -> Import:
    """A queued import; nothing runs until run() is called."""
    import_ = uploaded(person, content)
    chosen = choices(import_, lists, mapping=import_.mapping | mapping)
    return imports.start(import_=import_, choices=chosen, actor=person.user)


def checked(person: Person, content: bytes | str, lists: Sequence[List], **others: Any) -> Import:
    """An import whose dry run has ended."""
    import_ = uploaded(person, content)
    return run(imports.check(import_=import_, choices=choices(import_, lists, **others)))


def undone(import_: Import, actor: User) -> Import:
    """The import, taken back to its end."""
    imports.undo(import_=import_, actor=actor)
    undoing.undo(import_.pk)
    import_.refresh_from_db()
    return import_


def run(import_: Import) -> Import:
    importing.run(import_.pk)
    import_.refresh_from_db()
    return import_


def imported(person: Person, content: bytes | str, lists: Sequence[List], **mapping: str) -> Import:
    return run(started(person, content, lists, **mapping))


def report(import_: Import) -> list[list[str]]:
    """Line, column, value and reason of each row of the error file; empty where there is none."""
    if not import_.error_file:
        return []
    with import_.error_file.open("rb") as file:
        rows = list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))[1:]
    return [row[:4] for row in rows]


def counts(import_: Import) -> dict[str, int]:
    """The counters that are not zero."""
    names = """rows created updated unchanged duplicates invalid suppressed unsubscribed role
        disposable""".split()
    return {name: value for name in names if (value := getattr(import_, name))}


def waits(locktype: str = "advisory") -> list[int]:
    """Server processes that wait for a lock of this type: "advisory" is a chunk's turn."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT w.pid FROM pg_locks w JOIN pg_locks ours USING (pid) "
            "JOIN pg_database d ON d.oid = ours.database AND datname = current_database() "
            "WHERE NOT w.granted AND w.locktype = %s",
            [locktype],
        )
        return [row[0] for row in cursor.fetchall()]


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)

"""What the import tests share: a file on its way, run without a broker."""

import csv
import io
from collections.abc import Sequence

from django.core.files.uploadedfile import SimpleUploadedFile

from lists import importing
from lists.models import Import, List
from lists.services import imports
from tests.conftest import Person


def uploaded(person: Person, content: bytes | str, name: str = "people.csv") -> Import:
    data = content if isinstance(content, bytes) else content.encode()
    return imports.upload(
        tenant=person.tenant, file=SimpleUploadedFile(name, data), actor=person.user
    )


def started(person: Person, content: bytes | str, lists: Sequence[List], **mapping: str) -> Import:
    """A queued import; nothing runs until run() is called."""
    import_ = uploaded(person, content)
    return imports.start(
        import_=import_,
        mapping=import_.mapping | mapping,
        lists=lists,
        actor=person.user,
    )


def run(import_: Import) -> Import:
    importing.run(import_.pk)
    import_.refresh_from_db()
    return import_


def imported(person: Person, content: bytes | str, lists: Sequence[List], **mapping: str) -> Import:
    return run(started(person, content, lists, **mapping))


def report(import_: Import) -> list[list[str]]:
    """The rows of the error file, without its head; empty where there is none."""
    if not import_.error_file:
        return []
    with import_.error_file.open("rb") as file:
        return list(csv.reader(io.StringIO(file.read().decode("utf-8-sig"))))[1:]


def counts(import_: Import) -> dict[str, int]:
    """The counters that are not zero."""
    names = "rows created updated unchanged duplicates invalid suppressed unsubscribed".split()
    return {name: value for name in names if (value := getattr(import_, name))}

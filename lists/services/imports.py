"""An import, from the file that somebody chose to the moment a worker takes it, and back again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from lists import workbooks
from lists.charsets import ENCODINGS
from lists.consent_columns import status_columns
from lists.csvfile import DELIMITERS, MAX_BYTES, CsvHead, inspect
from lists.errors import FileRefused, ImportRefused, ImportStarted
from lists.importing import delete_files
from lists.mapping import FIELD_PREFIX, State, split_kind, suggest
from lists.models import FieldKind, Import, ImportStatus, List, Tag, UpdatePolicy
from lists.recognising import SENDY_COLUMNS, recognise, sendy_state
from lists.services.fields import ensure_fields
from lists.services.lists import save_list
from lists.services.tags import ensure_tags, tag_name
from lists.tasks import run_import, undo_import
from lists.undoing import OFFERED
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit

CONSENT_WORDING = (
    "I have the consent of each of these people to be mailed about this, or another lawful "
    "ground, and can prove it. The list was not bought, rented or collected from websites."
)
_OPEN = (ImportStatus.UPLOADED, ImportStatus.CHECKED)
_ENDED = (ImportStatus.DONE, ImportStatus.CANCELLED, ImportStatus.FAILED)
_COUNTS = """rows rows_total created updated unchanged duplicates invalid suppressed unsubscribed
    role disposable stopped unconfirmed""".split()


@dataclass(frozen=True)
class Choices:
    """What a member decides about a file: a target for each column ("" skips it), and where the
    contacts go. `new_list` and `new_tags` are made when the import starts.
    """

    mapping: Mapping[str, str]
    lists: Sequence[List] = ()
    new_list: str = ""
    tags: Sequence[Tag] = ()
    new_tags: Sequence[str] = ()
    policy: UpdatePolicy = UpdatePolicy.OVERWRITE
    state: State = State.ACTIVE


def upload(
    *, tenant: Tenant, file: UploadedFile, actor: User, lists: Sequence[List] = ()
) -> Import:
    """Keeps a file that can be imported, with its columns guessed; `lists` are proposed for it.

    Raises FileRefused.
    """
    import_ = Import(tenant=tenant, created_by=actor, filename=str(file.name)[:255])
    import_.bytes_total = file.size or 0
    is_workbook = file.read(len(workbooks.MAGIC)) == workbooks.MAGIC
    most = workbooks.MAX_BYTES if is_workbook else MAX_BYTES
    if import_.bytes_total > most:
        raise FileRefused(
            f"The file has {import_.bytes_total / 1024 / 1024:,.0f} MB; {most // 1024 // 1024} MB "
            "can be imported at once. Split it and import the parts one after the other."
        )
    if is_workbook:
        _keep_sheet(import_, file)
        import_.workbook.save(f"{import_.public_id}.xlsx", file, save=False)
    else:
        _describe(import_, file)
        import_.file.save(f"{import_.public_id}.csv", file, save=False)
    with transaction.atomic():
        import_.save()
        import_.lists.set(lists)
    return import_


def read_again(
    *, import_: Import, encoding: str = "", delimiter: str = "", sheet: str = ""
) -> Import:
    """Reads the columns again: in an encoding of charsets.ENCODINGS, parted by a delimiter of
    csvfile.DELIMITERS or the file's own, or of another sheet of the workbook. Raises FileRefused.
    """
    if import_.workbook:
        if sheet not in import_.sheets:
            raise FileRefused("Choose one of the sheets in the list.")
        before = import_.file.name
        with import_.workbook.open("rb") as workbook:
            _keep_sheet(import_, workbook, sheet)
        import_.file.storage.delete(before)
    elif encoding not in ENCODINGS or delimiter not in {*DELIMITERS, import_.delimiter}:
        raise FileRefused("Choose one of the encodings and delimiters in the lists.")
    else:
        with import_.file.open("rb") as file:
            _describe(import_, file, encoding, delimiter)
    import_.kinds = {}
    import_.save()
    return import_


def _keep_sheet(import_: Import, workbook: IO[bytes], sheet: str = "") -> None:
    with TemporaryFile() as csv:
        sheets = workbooks.to_csv(workbook, csv, sheet)
        import_.sheets, import_.sheet = sheets.names, sheets.read
        _describe(import_, csv)
        import_.file.save(f"{import_.public_id}.csv", File(csv), save=False)


def _describe(import_: Import, file: IO[bytes], encoding: str = "", delimiter: str = "") -> None:
    """Columns, first rows and guesses; a sheet is in our own CSV already."""
    if import_.sheet:
        head = inspect(file, "utf-8", ",", by_record=True)
    else:
        head = inspect(file, encoding, delimiter)
        if sendy_state(import_.filename) is not None and "@" in "".join(head.columns[1:2]):
            head = inspect(file, encoding, delimiter, names=SENDY_COLUMNS)
    import_.encoding = head.format.encoding
    import_.delimiter = head.format.delimiter
    import_.names_line = head.format.names_line
    import_.columns = head.columns
    import_.sample = _first_rows(head)
    import_.mapping = suggest(head.columns, head.sample)
    import_.product, import_.state = "", State.ACTIVE
    if found := recognise(head.columns, import_.mapping, import_.filename):
        import_.product, import_.mapping = found.product, found.mapping
        import_.state = found.state
    else:
        import_.mapping = status_columns(head.columns, head.sample, import_.mapping)


def _first_rows(head: CsvHead) -> list[list[str]]:
    """A few, those with letters beyond ASCII first: they show whether the encoding is right."""
    rows = sorted(head.sample, key=lambda row: all(value.isascii() for value in row))
    return [[value[:200] for value in row] for row in rows[:5]]


@transaction.atomic
def check(*, import_: Import, choices: Choices) -> Import:
    """Hands a mapped import to a worker that counts what it would do, and writes no contact.

    The choices are kept for the start. Raises ImportRefused where it is not waiting for this, or
    has no address column, and TagRefused.
    """
    import_ = _held(import_)
    _keep(import_, choices)
    _queue(import_, dry_run=True)
    return import_


@transaction.atomic
def start(
    *,
    import_: Import,
    actor: User,
    choices: Choices | None = None,
    request: HasMeta | None = None,
) -> Import:
    """Hands an import to a worker, with the choices that were checked or with others.

    Whoever calls has the member's attestation. It is kept once, with the import, and every place
    on a list that comes of it points there. Fields, list and tags that are not there yet are made.
    Raises ImportRefused where it is not waiting for this or has no address column, ListNameTaken,
    TagRefused.
    """
    import_ = _held(import_)
    if choices:
        _keep(import_, choices)
    elif import_.status != ImportStatus.CHECKED:
        raise ImportRefused("Say first what its columns are.")
    _make_fields(import_)
    if import_.new_list:
        made = save_list(tenant=import_.tenant, name=import_.new_list, actor=actor, request=request)
        import_.lists.add(made)
    import_.tags.add(*ensure_tags(tenant=import_.tenant, names=import_.new_tags))
    import_.new_list, import_.new_tags = "", []
    import_.consent_attested = True
    import_.consent_wording = CONSENT_WORDING
    audit.record(
        tenant=import_.tenant,
        actor=actor,
        action="import.started",
        target=import_.filename,
        detail={
            "import": str(import_.public_id),
            "lists": [one.name for one in import_.lists.order_by("name")],
            "tags": [one.name for one in import_.tags.order_by("name")],
            "policy": import_.policy,
        },
        request=request,
    )
    _queue(import_, dry_run=False)
    return import_


def reopen(*, import_: Import) -> Import:
    """Back from the counts of a check to the columns."""
    Import.unscoped.filter(pk=import_.pk, status=ImportStatus.CHECKED).update(
        status=ImportStatus.UPLOADED
    )
    import_.refresh_from_db()
    return import_


def cancel(*, import_: Import) -> Import:
    """Asks a running import to stop after its chunk; one that has not begun ends at once.

    A check that is cancelled goes back to its columns.
    """
    with transaction.atomic():
        held = Import.unscoped.select_for_update().get(pk=import_.pk)
        if held.status == ImportStatus.QUEUED and held.dry_run:
            held.status = ImportStatus.UPLOADED
        elif held.status in (*_OPEN, ImportStatus.QUEUED):
            held.status = ImportStatus.CANCELLED
            held.rows = 0
            held.finished_at = timezone.now()
            transaction.on_commit(lambda: delete_files(held))
        elif held.status == ImportStatus.RUNNING:
            held.cancel_requested = True
        held.save(update_fields=["cancel_requested", "status", "rows", "finished_at"])
    return held


def can_be_undone(import_: Import) -> bool:
    """Whether anything came of it, not too long ago, and it has not been undone."""
    return (
        import_.status in _ENDED
        and not import_.dry_run
        and import_.rows > 0
        and import_.finished_at is not None
        and import_.finished_at > timezone.now() - OFFERED
    )


@transaction.atomic
def undo(*, import_: Import, actor: User, request: HasMeta | None = None) -> Import:
    """Hands an import to a worker that takes it back; lists.undoing says what stays.

    Raises ImportRefused where there is nothing to take back, or no longer.
    """
    held = Import.unscoped.select_for_update().get(pk=import_.pk)
    if not can_be_undone(held):
        raise ImportRefused(f"An import can be undone for {OFFERED.days} days, and once.")
    held.status = ImportStatus.UNDOING
    held.progressed_at = None
    held.save(update_fields=["status", "progressed_at"])
    audit.record(
        tenant=held.tenant,
        actor=actor,
        action="import.undone",
        target=held.filename,
        detail={"import": str(held.public_id), "rows": held.rows},
        request=request,
    )
    transaction.on_commit(lambda: undo_import.delay(held.pk))
    return held


def _held(import_: Import) -> Import:
    held = Import.unscoped.select_for_update().get(pk=import_.pk)
    if held.status not in _OPEN:
        raise ImportStarted
    return held


def _keep(import_: Import, choices: Choices) -> None:
    chosen = {column: split_kind(target) for column, target in choices.mapping.items() if target}
    targets = [target for target, _ in chosen.values()]
    if targets.count("email") != 1:
        raise ImportRefused("Choose the one column that holds the email address.")
    once = [target for target in targets if target != "status"]
    if len(once) != len(set(once)):
        raise ImportRefused("Two columns go to the same place. Skip one of them.")
    import_.mapping = {column: target for column, (target, _) in chosen.items()}
    import_.kinds = {
        target.removeprefix(FIELD_PREFIX): str(kind)
        for target, kind in chosen.values()
        if target.startswith(FIELD_PREFIX)
    }
    import_.policy, import_.state = choices.policy, choices.state
    import_.new_list = choices.new_list.strip()
    import_.new_tags = [tag_name(name) for name in choices.new_tags]
    import_.lists.set(choices.lists)
    import_.tags.set(choices.tags)


def _make_fields(import_: Import) -> None:
    labels = {target: column for column, target in import_.mapping.items()}
    ensure_fields(
        tenant=import_.tenant,
        wanted=[
            (key, labels[FIELD_PREFIX + key], FieldKind(kind))
            for key, kind in import_.kinds.items()
        ],
    )


def _queue(import_: Import, *, dry_run: bool) -> None:
    import_.dry_run = dry_run
    import_.status = ImportStatus.QUEUED
    import_.cancel_requested = False
    import_.started_at = import_.finished_at = None
    if import_.error_file:
        old = import_.error_file.name
        transaction.on_commit(lambda: import_.error_file.storage.delete(old))
        import_.error_file = ""
    for name in _COUNTS:
        setattr(import_, name, 0)
    import_.save()
    transaction.on_commit(lambda: run_import.delay(import_.pk))

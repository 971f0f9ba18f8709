"""An import, from the file that somebody chose to the moment a worker takes it."""

from collections.abc import Mapping, Sequence

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from lists.charsets import ENCODINGS
from lists.csvfile import MAX_BYTES, CsvHead, inspect
from lists.errors import FileRefused, ImportRefused
from lists.mapping import FIELD_PREFIX, split_kind, suggest
from lists.models import Import, ImportStatus, List
from lists.services.fields import ensure_fields
from lists.services.lists import save_list
from lists.tasks import run_import
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit

CONSENT_WORDING = (
    "I have the consent of each of these people to be mailed about this, or another lawful "
    "ground, and can prove it. The list was not bought, rented or collected from websites."
)


def upload(
    *, tenant: Tenant, file: UploadedFile, actor: User, lists: Sequence[List] = ()
) -> Import:
    """Keeps a file that can be imported, with its columns guessed; `lists` are proposed for it.

    Raises FileRefused.
    """
    size = file.size or 0
    if size > MAX_BYTES:
        raise FileRefused(
            f"The file has {size / 1024 / 1024:,.0f} MB; {MAX_BYTES // 1024 // 1024} MB can be "
            "imported at once. Split it and import the parts one after the other."
        )
    head = inspect(file)
    mapping = suggest(head.columns, head.sample)
    import_ = Import(tenant=tenant, created_by=actor, filename=str(file.name)[:255])
    _describe(import_, head)
    import_.mapping = mapping
    import_.bytes_total = size
    import_.file.save(f"{import_.public_id}.csv", file, save=False)
    with transaction.atomic():
        import_.save()
        import_.lists.set(lists)
    return import_


def read_again(*, import_: Import, encoding: str) -> Import:
    """Reads the columns again in an encoding of charsets.ENCODINGS. Raises FileRefused."""
    if encoding not in ENCODINGS:
        raise FileRefused("Choose one of the encodings in the list.")
    with import_.file.open("rb") as file:
        head = inspect(file, encoding)
    _describe(import_, head)
    import_.mapping = suggest(head.columns, head.sample)
    import_.save(
        update_fields=["encoding", "delimiter", "names_line", "columns", "sample", "mapping"]
    )
    return import_


def start(
    *,
    import_: Import,
    mapping: Mapping[str, str],
    lists: Sequence[List],
    actor: User,
    new_list: str = "",
    request: HasMeta | None = None,
) -> Import:
    """Hands a mapped import to a worker; whoever calls has the member's attestation.

    The attestation is kept once, with the import, and every place on a list that comes of it
    points there. Fields that are not there yet are made, and so is the list that `new_list` names.
    Raises ImportRefused where it is not waiting for this or has no address column, ListNameTaken.
    """
    chosen = {column: split_kind(target) for column, target in mapping.items() if target}
    targets = [target for target, _ in chosen.values()]
    if targets.count("email") != 1:
        raise ImportRefused("Choose the one column that holds the email address.")
    if len(targets) != len(set(targets)):
        raise ImportRefused("Two columns go to the same place. Skip one of them.")
    with transaction.atomic():
        import_ = Import.unscoped.select_for_update().get(pk=import_.pk)
        if import_.status != ImportStatus.UPLOADED:
            raise ImportRefused("This import has been started already.")
        import_.mapping = {column: target for column, (target, _) in chosen.items()}
        ensure_fields(
            tenant=import_.tenant,
            wanted=[
                (target.removeprefix(FIELD_PREFIX), column, kind)
                for column, (target, kind) in chosen.items()
                if target.startswith(FIELD_PREFIX)
            ],
        )
        import_.consent_attested = True
        import_.consent_wording = CONSENT_WORDING
        import_.status = ImportStatus.QUEUED
        import_.save()
        if new_list.strip():
            made = save_list(tenant=import_.tenant, name=new_list, actor=actor, request=request)
            lists = [*lists, made]
        import_.lists.set(lists)
        audit.record(
            tenant=import_.tenant,
            actor=actor,
            action="import.started",
            target=import_.filename,
            detail={"import": str(import_.public_id), "lists": [one.name for one in lists]},
            request=request,
        )
        transaction.on_commit(lambda: run_import.delay(import_.pk))
    return import_


def cancel(*, import_: Import) -> Import:
    """Asks a running import to stop after its chunk; one that has not begun ends at once."""
    with transaction.atomic():
        held = Import.unscoped.select_for_update().get(pk=import_.pk)
        held.cancel_requested = True
        if held.status in (ImportStatus.UPLOADED, ImportStatus.QUEUED):
            held.status = ImportStatus.CANCELLED
            held.finished_at = timezone.now()
            transaction.on_commit(lambda: held.file.storage.delete(held.file.name))
        held.save(update_fields=["cancel_requested", "status", "finished_at"])
    return held


def _describe(import_: Import, head: CsvHead) -> None:
    import_.encoding = head.format.encoding
    import_.delimiter = head.format.delimiter
    import_.names_line = head.format.names_line
    import_.columns = head.columns
    # Rows with letters beyond ASCII first: they show whether the encoding is right.
    rows = sorted(head.sample, key=lambda row: all(value.isascii() for value in row))
    import_.sample = [[value[:200] for value in row] for row in rows[:5]]

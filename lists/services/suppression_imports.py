"""A file of addresses on its way to the suppressions."""

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from lists.csvfile import MAX_BYTES
from lists.errors import FileRefused
from lists.models import SuppressionImport, SuppressionImportStatus, SuppressionReason
from lists.tasks import run_suppression_import
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit


def start(
    *,
    tenant: Tenant,
    file: UploadedFile,
    reason: SuppressionReason,
    note: str,
    actor: User,
    request: HasMeta | None = None,
) -> SuppressionImport:
    """Keeps the file and has a worker read it. `reason` is that of lines that name none.

    Raises FileRefused for one that is too large; what else is wrong with it, the worker finds.
    """
    if (file.size or 0) > MAX_BYTES:
        raise FileRefused(
            f"{MAX_BYTES // 1024 // 1024} MB can be imported at once. Split the file and import "
            "the parts one after the other."
        )
    made = SuppressionImport(
        tenant=tenant, filename=str(file.name)[:255], reason=reason, note=note, created_by=actor
    )
    made.file.save(f"{made.public_id}.txt", file, save=False)
    with transaction.atomic():
        made.save()
        audit.record(
            tenant=tenant,
            actor=actor,
            action="suppressions.imported",
            target=made.filename,
            detail={"reason": reason, "note": note},
            request=request,
        )
        transaction.on_commit(lambda: run_suppression_import.delay(made.pk))
    return made


def cancel(*, import_: SuppressionImport) -> None:
    """Asks a running import to stop after its chunk; one that has not begun ends at once."""
    same = SuppressionImport.unscoped.filter(pk=import_.pk)
    waiting = same.filter(status=SuppressionImportStatus.QUEUED)
    if waiting.update(status=SuppressionImportStatus.CANCELLED, finished_at=timezone.now()):
        import_.file.storage.delete(import_.file.name)
    else:
        same.filter(status=SuppressionImportStatus.RUNNING).update(cancel_requested=True)

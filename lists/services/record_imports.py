"""Contacts that a program hands over by the thousand: the import engine takes them as a file."""

from collections.abc import Sequence
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction

from lists.errors import TooManyImports
from lists.models import Import, ImportStatus, List, Source, UpdatePolicy
from lists.records import to_table
from lists.selectors.fields import fields_of
from lists.services.tags import ensure_tags, tag_name
from lists.tasks import run_import
from tenants.models import ApiKey, Tenant
from tenants.services import audit

MOST_WAITING = 50


def take_records(
    *,
    tenant: Tenant,
    records: Sequence[Any],
    lists: Sequence[List],
    tags: Sequence[str],
    consent_wording: str,
    policy: UpdatePolicy,
    api_key: ApiKey,
) -> Import:
    """A queued import of these records (lists.records), as JSON has them.

    All become active members of `lists`, of this tenant, and get the tags, made where they are not
    there yet; what keeps an import from reviving anybody holds here. `consent_wording` is kept as
    the proof. Raises RecordsRefused, TagRefused and TooManyImports; then nothing is done.
    """
    columns, table = to_table(records, dict(fields_of(tenant).values_list("key", "kind")))
    names = [tag_name(name) for name in tags]
    waiting = Import.objects.for_tenant(tenant).filter(
        source=Source.API, status__in=[ImportStatus.QUEUED, ImportStatus.RUNNING]
    )
    if waiting.count() >= MOST_WAITING:
        raise TooManyImports(
            f"{MOST_WAITING} imports of this workspace wait already. Go on when some have ended."
        )
    import_ = Import(
        tenant=tenant,
        source=Source.API,
        filename=f"API key {api_key.name}",
        encoding="utf-8",
        delimiter=",",
        columns=list(columns),
        mapping=columns,
        policy=policy,
        consent_attested=bool(lists),
        consent_wording=consent_wording if lists else "",
        status=ImportStatus.QUEUED,
        bytes_total=len(table),
        rows_total=len(records),
    )
    import_.file.save(f"{import_.public_id}.csv", ContentFile(table), save=False)
    with transaction.atomic():
        import_.save()
        import_.lists.set(lists)
        import_.tags.set(ensure_tags(tenant=tenant, names=names))
        audit.record(
            tenant=tenant,
            api_key=api_key,
            action="import.started",
            target=import_.filename,
            detail={
                "import": str(import_.public_id),
                "contacts": len(records),
                "lists": [one.name for one in lists],
                "tags": sorted(names),
                "policy": str(policy),
            },
        )
        transaction.on_commit(lambda: run_import.delay(import_.pk))
    return import_

"""Which list, and which import, form or API, brought the bounces: as last counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, QuerySet, Sum
from django.utils import timezone

from lists.models import Import, List, SignupForm, Source
from reputation.models import BatchSource, SourceCount
from reputation.selectors.rates import BOUNCES, COMPLAINTS, Rate
from sending.brakes import MIN_BOUNCES, MIN_COMPLAINTS
from tenants.models import Tenant


@dataclass(frozen=True)
class Origin:
    """What a list, an import or a form brought, or another source; `share` of all bounces of
    these campaigns."""

    name: str
    mailed: int
    bounces: Rate
    complaints: Rate
    share: float
    list: List | None = None
    imported: Import | None = None
    form: SignupForm | None = None


@dataclass(frozen=True)
class Origins:
    """Lists and sources of the campaigns of some days, the worst first; None: never counted."""

    lists: list[Origin]
    sources: list[Origin]
    counted_at: datetime | None


def origins(tenant: Tenant, *, days: int, account_ids: Iterable[int]) -> Origins:
    """Of the campaigns that were launched in these days through these accounts."""
    since = timezone.now() - timedelta(days=days)
    mine = {"batch__launched_at__gte": since, "batch__ses_account__in": list(account_ids)}
    counts = SourceCount.objects.for_tenant(tenant).filter(**mine)
    total = counts.aggregate(bounced=Sum("bounced", default=0), at=Max("counted_at"))
    rows = BatchSource.objects.for_tenant(tenant).filter(**mine)
    return Origins(
        _by_list(tenant, rows, total["bounced"]),
        _by_source(tenant, rows, total["bounced"]),
        total["at"],
    )


def _by_list(tenant: Tenant, rows: QuerySet[Any], total: int) -> list[Origin]:
    found = _summed(rows, "list")
    lists = List.objects.for_tenant(tenant).in_bulk(_ids(found, "list"))
    return [
        _origin(row, total, list_=lists.get(row["list"]), name="On none of these lists any more")
        for row in found
    ]


def _by_source(tenant: Tenant, rows: QuerySet[Any], total: int) -> list[Origin]:
    found = _summed(rows, "source", "imported", "form")
    imports = Import.objects.for_tenant(tenant).in_bulk(_ids(found, "imported"))
    forms = SignupForm.objects.for_tenant(tenant).in_bulk(_ids(found, "form"))
    names: dict[str, str] = dict(Source.choices)
    return [
        _origin(
            row,
            total,
            imported=imports.get(row["imported"]),
            form=forms.get(row["form"]),
            name=names.get(row["source"], "Not known any more"),
        )
        for row in found
    ]


def _ids(found: list[dict[str, Any]], name: str) -> list[int]:
    return [row[name] for row in found if row[name]]


def _summed(rows: QuerySet[Any], *by: str) -> list[dict[str, Any]]:
    """The most bounces first."""
    sums = {f"all_{name}": Sum(name) for name in ("mailed", "bounced", "complained")}
    order = ("-all_bounced", "-all_complained", "-all_mailed")
    return list(rows.values(*by).annotate(**sums).order_by(*order))


def _origin(
    row: dict[str, Any],
    total: int,
    *,
    name: str,
    list_: List | None = None,
    imported: Import | None = None,
    form: SignupForm | None = None,
) -> Origin:
    mailed, bounced = row["all_mailed"], row["all_bounced"]
    if list_ is not None:
        name = list_.name
    elif imported is not None:
        name = f"{name}: {imported.filename}"
    elif form is not None:
        name = f"{name}: {form.name}"
    return Origin(
        name,
        mailed,
        Rate(bounced, mailed, MIN_BOUNCES, BOUNCES),
        Rate(row["all_complained"], mailed, MIN_COMPLAINTS, COMPLAINTS),
        bounced / total if total else 0.0,
        list_,
        imported,
        form,
    )

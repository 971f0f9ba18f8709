"""Reads of an account's request for production access."""

from django.db.models import QuerySet

from readiness.models import AccessDraft, ReviewStep
from sending.models import SesAccount


def saved_draft(account: SesAccount) -> AccessDraft | None:
    """What people have typed for this account, if anything."""
    return (
        AccessDraft.objects.for_tenant(account.tenant)
        .filter(ses_account=account)
        .select_related("saved_by")
        .first()
    )


def steps_of(account: SesAccount) -> QuerySet[ReviewStep]:
    """The steps of its requests, newest first."""
    rows: QuerySet[ReviewStep] = ReviewStep.objects.for_tenant(account.tenant)
    return rows.filter(ses_account=account).select_related("by").order_by("-id")

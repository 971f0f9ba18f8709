"""Writing the request for production access and filing it with AWS."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from django.db import transaction

from readiness.drafting import Draft
from readiness.errors import RequestRefused
from readiness.lines import Line, states
from readiness.models import AccessDraft, ReviewStep, StepKind
from sending.connection import read_quota, refused
from sending.credentials import api_of
from sending.models import SesAccount, SesState
from sending.ses.account_calls import USE_CASE_LENGTH, AccountDetails
from sending.ses.errors import SesError
from tenants.clients import HasMeta
from tenants.models import User
from tenants.services.audit import record


@dataclass(frozen=True)
class Typed:
    """What a person typed: the answers, and the sections that differ from what is drafted."""

    website: str
    mail_type: str
    about: str
    monthly_mails: int
    language: str
    contacts: Sequence[str] = ()
    edits: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def save_draft(
    *, account: SesAccount, typed: Typed, actor: User, request: HasMeta | None = None
) -> AccessDraft:
    """Keeps what was typed for the account's request."""
    draft, _ = AccessDraft.unscoped.update_or_create(
        ses_account=account,
        defaults={**asdict(typed), "tenant": account.tenant, "saved_by": actor},
    )
    _audit(account, actor, "access_request.saved", request)
    return draft


@transaction.atomic
def draft_anew(*, account: SesAccount, actor: User, request: HasMeta | None = None) -> None:
    """Drops the sections that somebody has rewritten; the answers stay."""
    if AccessDraft.unscoped.filter(ses_account=account).update(edits={}):
        _audit(account, actor, "access_request.drafted_anew", request)


def file_request(
    *,
    account: SesAccount,
    saved: AccessDraft | None,
    draft: Draft,
    lines: Sequence[Line],
    actor: User,
    request: HasMeta | None = None,
) -> ReviewStep:
    """Asks AWS for production access with this text. Only a person's press may lead here.

    Raises RequestRefused for what cannot be filed, AwsRefused for what AWS does not take; nothing
    is kept then. When AWS's answer is lost, the next reading of the quota tells whether it came.
    """
    if saved is None:
        raise RequestRefused("Fill in the request and save it first.")
    if account.state != SesState.CONNECTED:
        raise RequestRefused("Connect Amazon SES first.")
    if account.production_access:
        raise RequestRefused("This account has production access already.")
    text = draft.whole
    if len(text) > USE_CASE_LENGTH:
        raise RequestRefused(
            f"The text has {len(text):,} characters; AWS takes {USE_CASE_LENGTH:,}. Shorten it."
        )
    details = AccountDetails(
        mail_type=saved.mail_type,
        website=saved.website,
        use_case=text,
        language=saved.language,
        contacts=saved.contacts,
    )
    try:
        api_of(account).request_production_access(details)
    except SesError as error:
        raise refused(error) from error
    with transaction.atomic():
        step = ReviewStep.unscoped.create(
            tenant=account.tenant,
            ses_account=account,
            kind=StepKind.FILED,
            text=text,
            lines=states(lines),
            by=actor,
        )
        _audit(account, actor, "access_request.filed", request)
    ask_again(account=account)
    return step


def ask_again(*, account: SesAccount) -> None:
    """Reads the state of the review now, if AWS answers; else the clock does."""
    with suppress(SesError):
        read_quota(account)


def _audit(account: SesAccount, actor: User, action: str, request: HasMeta | None) -> None:
    record(tenant=account.tenant, actor=actor, action=action, target=account.name, request=request)

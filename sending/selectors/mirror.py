"""How our suppressions and the lists of SES stand to each other, for a page."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from sending.models import SesAccount, SesState, SuppressionChange, SuppressionMirror
from sending.ses.explain import Explanation, explain_words
from tenants.models import Tenant

_NAMED = 20


@dataclass(frozen=True)
class Standing:
    """One account's list; `read` counts the addresses of the reading under way, of whose number SES
    says nothing."""

    account: SesAccount
    state: str  # "reading", "waiting" (for its turn), "refused", "done"
    read: int
    next_at: datetime | None
    refusal: Explanation | None
    removals: int
    puts: int
    refused: list[SuppressionChange]
    is_shared: bool

    @property
    def is_going(self) -> bool:
        return self.state in ("reading", "waiting")

    @property
    def hours(self) -> float:
        """How long what is to be put there takes, at one address every two seconds."""
        return self.puts * 2 / 3600


def standings(tenant: Tenant) -> list[Standing]:
    """The connected accounts of the tenant, oldest first."""
    accounts = SesAccount.objects.for_tenant(tenant).filter(state=SesState.CONNECTED)
    return [_standing(account) for account in accounts.order_by("id")]


def _standing(account: SesAccount) -> Standing:
    mirror = SuppressionMirror.unscoped.filter(ses_account=account).first()
    waiting = SuppressionChange.unscoped.filter(ses_account=account)
    others = SesAccount.unscoped.exclude(tenant=account.tenant_id).filter(
        aws_account_id=account.aws_account_id, region=account.region, state=SesState.CONNECTED
    )
    error = account.suppression_error
    return Standing(
        account,
        _state(account, mirror),
        mirror.read if mirror else 0,
        mirror.next_read_at if mirror else None,
        explain_words(error) if error else None,
        waiting.filter(reason="").count(),
        waiting.exclude(reason="").count(),
        list(waiting.exclude(error="").order_by(F("retry_at").asc(nulls_last=True))[:_NAMED]),
        others.exists(),
    )


def _state(account: SesAccount, mirror: SuppressionMirror | None) -> str:
    if mirror is not None and mirror.started_at is not None:
        return "reading"
    if mirror is None or mirror.next_read_at <= timezone.now():
        return "waiting"
    return "refused" if account.suppression_error else "done"

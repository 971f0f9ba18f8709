"""What sending tells: AWS's review has moved."""

from typing import Any

from django.dispatch import receiver

from readiness.lines import judge, states
from readiness.models import ReviewStep
from readiness.selectors.facts import facts_of
from sending.models import SesAccount
from sending.signals import review_moved


@receiver(review_moved)
def note(account: SesAccount, **_: Any) -> None:
    """A step of the timeline; the clock mails the members where it is a decision."""
    ReviewStep.unscoped.create(
        tenant=account.tenant,
        ses_account=account,
        kind=account.review_status,
        case_id=account.review_case,
        lines=states(judge(facts_of(account.tenant, account))),
    )

"""What one press on a line's button does."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction

from lists.models import Captcha, List, SignupForm
from lists.services.lists import save_list
from readiness.errors import CannotMend
from sending.errors import SelfTestRefused
from sending.models import SesAccount
from sending.services import accounts, feedback
from sending.services.domains import check_domain
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services.audit import record

_AT_ONCE = 3


@dataclass(frozen=True)
class Press:
    """Who presses, where. `account` is the SES account of the page."""

    tenant: Tenant
    account: SesAccount | None
    actor: User
    request: HasMeta | None = None

    @property
    def connected(self) -> SesAccount:
        """The account. Raises CannotMend where there is none."""
        if self.account is None:
            raise CannotMend("Connect Amazon SES first.")
        return self.account


def test_connection(press: Press) -> str:
    accounts.test_connection(account=press.connected, actor=press.actor, request=press.request)
    return "AWS lets us in; quota and state are as of now."


def set_up_feedback(press: Press) -> str:
    feedback.set_up_feedback(account=press.connected, actor=press.actor, request=press.request)
    with suppress(SelfTestRefused):  # the line of the domain asks for one
        run_self_test(press)
    return "Set up at AWS. SNS confirms our webhook within seconds."


def run_self_test(press: Press) -> str:
    feedback.start_self_test(account=press.connected, actor=press.actor, request=press.request)
    return "Three mails go to the mailbox simulator of SES. What comes back shows within a minute."


def look_at_domains(press: Press) -> str:
    """Asks SES and the DNS about the account's domains, a few at a time: a page waits for it."""
    domains = press.connected.identities.exclude(name__contains="@")
    found = list(domains.order_by("verified", "dns_checked_at")[:_AT_ONCE])
    if not found:
        raise CannotMend("There is no domain to look for. Add yours first.")
    for identity in found:
        check_domain(identity=identity)
    return "Looked again."


@transaction.atomic
def turn_on_double_opt_in(press: Press) -> str:
    """For every list that has it off; who is on them already stays."""
    lists = List.objects.for_tenant(press.tenant).filter(double_opt_in=False)
    names = []
    for one in lists.select_for_update().order_by("name"):
        save_list(
            tenant=press.tenant,
            list_=one,
            name=one.name,
            description=one.description,
            is_public=one.is_public,
            double_opt_in=True,
            actor=press.actor,
            request=press.request,
        )
        names.append(one.name)
    return f"New sign-ups confirm by mail: {', '.join(names)}." if names else "It is on already."


@transaction.atomic
def protect_forms(press: Press) -> str:
    """Gives ALTCHA to every open form without a captcha: it needs no keys and no third party."""
    forms = SignupForm.objects.for_tenant(press.tenant).filter(captcha=Captcha.NONE, is_active=True)
    names = []
    for form in forms.select_for_update().order_by("name"):
        form.captcha = Captcha.ALTCHA
        form.save(update_fields=["captcha"])
        record(
            tenant=press.tenant,
            actor=press.actor,
            action="form.changed",
            target=form.name,
            detail={"captcha": form.captcha},
            request=press.request,
        )
        names.append(form.name)
    return f"Protected: {', '.join(names)}." if names else "Every form is protected already."


Mend = Callable[[Press], str]
# By the `mend` of an Action, what acts at AWS. Each says what it did; raises AwsRefused or
# CannotMend.
AT_AWS: dict[str, Mend] = {
    "connection": test_connection,
    "domain": look_at_domains,
    "feedback": set_up_feedback,
    "selftest": run_self_test,
}

"""A suppressed address gets nothing: not in any lane, not by any way into the queue."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from campaigns.models import Campaign
from campaigns.services import campaigns, transactional
from lists.models import (
    Contact,
    List,
    Segment,
    SignupForm,
    Source,
    Subscription,
    SubscriptionStatus,
    SuppressionReason,
)
from lists.selectors.reach import Audience
from lists.services.optin import request_subscription
from lists.services.suppression import Suppress, suppress
from preferences.services import mailing
from sending.content import Content
from sending.feed import feed_again
from sending.launching import launch
from sending.models import Batch, Lane, Message, SesAccount, Status
from sending.services.batches import create_batch, launch_batch, send_one
from tests.conftest import Person
from tests.sending.conftest import Ses, drain, ses, simulator_process

__all__ = ["drain", "ses", "simulator_process"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

FROM = "news@acme.example"
HTML = "<p>Hello {{ unsubscribe_url }} Acme, 1 Acme Street, Springfield</p>"


@dataclass
class Stage:
    """Who sends, and what a way needs."""

    person: Person
    account: SesAccount
    form: SignupForm

    def list_of(self, addresses: list[str]) -> List:
        """A list that all of them are active members of."""
        made = List.unscoped.create(tenant=self.person.tenant, name=addresses[0])
        for address in addresses:
            contact = Contact.unscoped.create(
                tenant=made.tenant, email=address, email_norm=address.lower()
            )
            Subscription.unscoped.create(
                tenant=made.tenant, contact=contact, list=made, source=Source.IMPORT,
                status=SubscriptionStatus.ACTIVE,
            )  # fmt: skip
        return made

    def campaign(self, addresses: list[str], segment: bool = False) -> Campaign:
        """A draft to these addresses."""
        made = campaigns.create_campaign(
            tenant=self.person.tenant, actor=self.person.user, name=addresses[0]
        )
        list_ = self.list_of(addresses)
        chosen = [self._segment(list_)] if segment else []
        return campaigns.save_draft(
            campaign=made, lists=[] if segment else [list_], segments=chosen, name=made.name,
            from_name="Acme", from_email=FROM, reply_to="", subject="Hello", preheader="",
            html=HTML,
        )  # fmt: skip

    def _segment(self, list_: List) -> Segment:
        on_it = {"what": "list", "op": "on", "values": [str(list_.public_id)]}
        return Segment.unscoped.create(
            tenant=list_.tenant, name=list_.name, definition={"groups": [[on_it]]}
        )


def by_api(stage: Stage, addresses: list[str]) -> None:
    for address in addresses:
        content = Content("Receipt", html="<p>Thank you</p>")
        email = transactional.Email("Acme", FROM, "", address, content)
        transactional.send_email(tenant=stage.person.tenant, email=email)


def confirmation(stage: Stage, addresses: list[str]) -> None:
    sender = mailing.sender_of(stage.form)
    assert sender is not None
    for address in addresses:
        asked = request_subscription(
            form=stage.form, email=address, lists=list(stage.form.lists.all()), values={}, ip="",
            user_agent="",
        )  # fmt: skip
        if asked is not None:
            mailing.send_confirmation(confirmation=asked, sender=sender)


def confirmation_test(stage: Stage, addresses: list[str]) -> None:
    sender = mailing.sender_of(stage.form)
    assert sender is not None
    for address in addresses:
        mailing.send_test(list_=stage.form.lists.get(), sender=sender, to=address)


def campaign_test(stage: Stage, addresses: list[str]) -> None:
    draft = stage.campaign(["test@example.net"])
    for address in addresses:
        campaigns.send_test(campaign=draft, actor=stage.person.user, addresses=[address])


def _launched(sent: Campaign) -> Batch:
    assert sent.batch is not None
    launch(sent.batch.pk)
    return sent.batch


def campaign_to_list(stage: Stage, addresses: list[str]) -> None:
    draft = stage.campaign(addresses)
    _launched(campaigns.send_campaign(campaign=draft, actor=stage.person.user))


def campaign_to_segment(stage: Stage, addresses: list[str]) -> None:
    draft = stage.campaign(addresses, segment=True)
    _launched(campaigns.send_campaign(campaign=draft, actor=stage.person.user))


def unknown_again(stage: Stage, addresses: list[str]) -> None:
    """What SES may not have got was sent before its address was suppressed."""
    draft = stage.campaign(addresses)
    sent = campaigns.send_campaign(campaign=draft, actor=stage.person.user)
    batch = _launched(sent)
    Message.unscoped.filter(batch=batch).update(status=Status.UNKNOWN, reason="")
    campaigns.resend_unknown_of(campaign=sent, actor=stage.person.user)


def automation(stage: Stage, addresses: list[str]) -> None:
    batch = create_batch(
        tenant=stage.person.tenant, lane=Lane.AUTOMATION, ses_account=stage.account,
        audience=Audience(lists=(stage.list_of(addresses).pk,)), from_header=FROM, subject="Hi",
        html=HTML,
    )  # fmt: skip
    launch_batch(batch=batch)
    launch(batch.pk)


def automation_one_by_one(stage: Stage, addresses: list[str]) -> None:
    batch = create_batch(
        tenant=stage.person.tenant, lane=Lane.AUTOMATION, ses_account=stage.account,
        from_header=FROM, subject="Hi", html=HTML,
    )  # fmt: skip
    for address in addresses:
        send_one(batch=batch, email=address)


# The lane that each way uses, and the function of the product that makes it.
WAYS: dict[Callable[[Stage, list[str]], None], tuple[Lane, str]] = {
    by_api: (Lane.TRANSACTIONAL, "campaigns.services.transactional.send_email"),
    confirmation: (Lane.SYSTEM, "preferences.services.mailing._send"),
    confirmation_test: (Lane.SYSTEM, "preferences.services.mailing._send"),
    campaign_test: (Lane.SYSTEM, "campaigns.services.campaigns.send_test"),
    automation: (Lane.AUTOMATION, ""),
    automation_one_by_one: (Lane.AUTOMATION, ""),
    campaign_to_list: (Lane.CAMPAIGN, "campaigns.services.campaigns.launch_locked"),
    campaign_to_segment: (Lane.CAMPAIGN, "campaigns.services.campaigns.launch_locked"),
    unknown_again: (Lane.CAMPAIGN, "campaigns.services.campaigns.resend_unknown_of"),
}


@pytest.fixture
def stage(alice: Person, ses_account: SesAccount, news: List) -> Stage:
    form = SignupForm.unscoped.create(
        tenant=alice.tenant, name="x", title="x", consent_wording="Yes", from_email=FROM
    )
    form.lists.add(news)
    return Stage(alice, ses_account, form)


def test_every_lane_has_a_way() -> None:
    assert {lane for lane, _ in WAYS.values()} == set(Lane)


def test_nothing_is_handed_to_ses_for_a_suppressed_address(
    stage: Stage, ses: Ses, drain: Callable[..., None]
) -> None:
    """Suppressed before it is asked for, and between the queue and the claim; by every reason."""
    free: list[str] = []
    between: list[tuple[str, str]] = []
    for number, way in enumerate(WAYS):
        mine = {
            (reason, early): f"W{number}-{reason}-{'A' if early else 'B'}@Example.NET"
            for reason, early in product(SuppressionReason.values, (True, False))
        }
        free.append(f"W{number}-Free@Example.NET")
        early_ones = {address: reason for (reason, early), address in mine.items() if early}
        late_ones = {address: reason for (reason, early), address in mine.items() if not early}
        _suppress(stage, early_ones)
        way(stage, [*early_ones, free[-1], *late_ones])
        between += late_ones.items()
    waiting = set(Message.unscoped.filter(status=Status.QUEUED).values_list("email", flat=True))
    late = {address for address, _ in between}
    assert {one.lower() for one in waiting} >= {one.lower() for one in late | set(free)}
    _suppress(stage, dict(between))
    for batch in Batch.unscoped.filter(messages__status=Status.QUEUED).distinct():
        feed_again(batch)
    drain()
    assert {one.lower() for one in ses.arrived()} == {one.lower() for one in free}
    skipped = Message.unscoped.filter(status=Status.SKIPPED)
    assert {one.lower() for one in skipped.values_list("email", flat=True)} >= {
        one.lower() for one in late
    }
    assert set(skipped.values_list("reason", flat=True)) == {"Suppressed"}


def _suppress(stage: Stage, reasons: dict[str, str]) -> None:
    entries = [
        Suppress(address.lower(), SuppressionReason(reason), Source.SES)
        for address, reason in reasons.items()
    ]
    suppress(tenant=stage.person.tenant, addresses=entries)


# --- that no way is forgotten -------------------------------------------------------------------

# What sending offers to the apps above, and what each of them calls in turn.
_ENTRANCES = {"send_one", "send_alone", "launch_batch", "resend_unknown"}
_INNER = {"_write", "requeue_unknown"}
_WRITES = re.compile(r"INSERT INTO sending_message[\s(]|\bMessage\.unscoped\.(bulk_)?create\(")
_APPS = ("tenants", "lists", "sending", "campaigns", "webhooks", "preferences", "bluefox")


def _sources() -> Iterator[tuple[str, str]]:
    """(module, source) of the product."""
    root = Path(__file__).parent.parent
    for app in _APPS:
        for path in (root / app).rglob("*.py"):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(root).with_suffix("").parts)
                yield name, path.read_text()


def _callers(wanted: set[str]) -> set[str]:
    """module.function of whoever calls one of these."""
    found = set()
    for module, source in _sources():
        for function in ast.walk(ast.parse(source)):
            if isinstance(function, ast.FunctionDef):
                calls = [one.func for one in ast.walk(function) if isinstance(one, ast.Call)]
                names = {one.id for one in calls if isinstance(one, ast.Name)}
                names |= {one.attr for one in calls if isinstance(one, ast.Attribute)}
                if names & wanted:
                    found.add(f"{module}.{function.name}")
    return found


def test_whoever_puts_mail_into_the_queue_is_among_the_ways() -> None:
    services = "sending.services.batches."
    inner = {name.removeprefix(services) for name in _callers(_INNER) if name.startswith(services)}
    assert inner == _ENTRANCES - {"launch_batch"}
    assert _callers(_ENTRANCES) == {name for _, name in WAYS.values() if name}
    # Past the queue, and to the mailbox simulator of SES only.
    past = {module for module, source in _sources() if ".send_text(" in source}
    assert past == {"sending.selftest", "sending.ses.permissions"}
    assert {module for module, source in _sources() if _WRITES.search(source)} == {
        "sending.launching",
        "sending.services.batches",
    }

"""The double opt-in mail, through the workspace's own SES like everything a recipient gets."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from campaigns.selectors.senders import account_for
from lists.models import Confirmation, SignupForm
from lists.services.optin import VALID_FOR
from lists.tokens import Kind, make
from sending.models import Batch, Lane, SesAccount
from sending.services.batches import send_one, standing_batch
from sending.skeleton import mailbox
from tenants.models import Accent

# The same for every form: what differs comes in as values, which are escaped. So one batch
# serves a workspace and sender for years.
_FOLDER = Path(__file__).resolve().parent.parent / "mail"
SUBJECT = "Please confirm your subscription to {{ workspace.name }}"
HTML = (_FOLDER / "confirmation.html").read_text()
TEXT = (_FOLDER / "confirmation.txt").read_text()

# The accents of the style sheet for mail programs, which do not know oklch. White text on them
# has a contrast of at least 5 to 1.
COLOURS = {
    Accent.BLUE: "#006dc9",
    Accent.SKY: "#0072a3",
    Accent.TEAL: "#00736f",
    Accent.GREEN: "#137738",
    Accent.LIME: "#4c701a",
    Accent.AMBER: "#915c08",
    Accent.ORANGE: "#af4803",
    Accent.RED: "#c51d28",
    Accent.ROSE: "#c31851",
    Accent.PINK: "#b8217c",
    Accent.VIOLET: "#703dc6",
    Accent.SLATE: "#444e5e",
}


@dataclass(frozen=True)
class Sender:
    """Through which account, and as whom, a form's confirmations leave."""

    account: SesAccount
    from_header: str


def sender_of(form: SignupForm) -> Sender | None:
    """The form's sender, or None when no connected account may send from its address."""
    account = account_for(form.tenant, form.from_email)
    return Sender(account, mailbox(form.tenant.name, form.from_email)) if account else None


def send_confirmation(*, confirmation: Confirmation, sender: Sender) -> None:
    """Puts the mail into the queue; it goes when the caller's transaction commits.

    It holds nothing that the visitor typed, so that nobody can send their own words through it.
    The contact is not named to the queue: this mail goes to somebody who is on no list yet, or
    has left all of them, and a batch mails each contact only once.
    """
    form = confirmation.form
    tenant = confirmation.tenant
    path = reverse(
        "public:confirm", args=[make(Kind.CONFIRM, confirmation.pk, confirmation.contact_id)]
    )
    send_one(
        batch=_batch(confirmation, sender),
        email=confirmation.contact.email,
        data={
            "confirm_url": f"{settings.SITE_URL}{path}",
            "title": form.title if form else "",
            "wording": confirmation.wording,
            "lists": [one.name for one in confirmation.lists.order_by("name")],
            "days": VALID_FOR.days,
            "colour": COLOURS[Accent(tenant.accent)],
        },
    )


def _batch(confirmation: Confirmation, sender: Sender) -> Batch:
    return standing_batch(
        tenant=confirmation.tenant,
        lane=Lane.SYSTEM,
        ses_account=sender.account,
        from_header=sender.from_header,
        subject=SUBJECT,
        html=HTML,
        text=TEXT,
        headers={"Auto-Submitted": "auto-generated"},
    )

"""The double opt-in mail, through the workspace's own SES like everything a recipient gets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from campaigns.selectors.senders import account_for
from lists.models import Confirmation, List, SignupForm
from lists.services.optin import VALID_FOR
from lists.tokens import Kind, make
from preferences.languages import OFFERED
from preferences.mails import finished
from sending.content import Content
from sending.models import Lane, SesAccount
from sending.services.batches import send_alone
from sending.skeleton import mailbox
from tenants.models import Accent, Tenant

# The same for every form and language: what differs comes in as values, which are escaped. So one
# batch serves a workspace and sender for years; a list's own mail has a batch of its own.
_FOLDER = Path(__file__).resolve().parent.parent / "mail"
OURS = Content(
    subject="{{ words.subject }}",
    html=(_FOLDER / "confirmation.html").read_text(),
    text=(_FOLDER / "confirmation.txt").read_text(),
)

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


def mail_of(lists: Iterable[List]) -> Content:
    """What asks to confirm a sign-up to these lists: the mail of the first by name that has one of
    its own, else ours."""
    for one in sorted(lists, key=lambda one: one.name):
        if one.confirm_html:
            return finished(one.confirm_subject, one.confirm_html)
    return OURS


def send_confirmation(*, confirmation: Confirmation, sender: Sender) -> None:
    """Puts the mail into the queue; it goes when the caller's transaction commits.

    It holds nothing that the visitor typed, so that nobody can send their own words through it.
    The contact is not named to the queue: this mail goes to somebody who is on no list yet, or
    has left all of them, and a batch mails each contact only once.
    """
    form, contact = confirmation.form, confirmation.contact
    lists = confirmation.asked_lists
    path = reverse("public:confirm", args=[make(Kind.CONFIRM, confirmation.pk, contact.pk)])
    _send(
        confirmation.tenant,
        sender,
        mail_of(lists),
        email=contact.email,
        data=values(
            tenant=confirmation.tenant,
            confirm_url=f"{settings.SITE_URL}{path}",
            title=form.title if form else "",
            wording=confirmation.wording,
            lists=[one.name for one in lists],
            language=contact.language or confirmation.language,
        ),
        may_receive=True,  # else there were no confirmation
    )


def test_sender(list_: List) -> Sender | None:
    """As whom a test mail of this list leaves: the first of its forms that can send."""
    forms = SignupForm.objects.for_tenant(list_.tenant).filter(lists=list_).order_by("pk")
    return next(filter(None, map(sender_of, forms)), None)


def send_test(*, list_: List, sender: Sender, to: str) -> None:
    """The mail as a reader of this list would get it; its button leads to a page that says that
    it was a test."""
    mail = mail_of([list_])
    _send(list_.tenant, sender, mail, email=to, data=sample_values(list_), may_receive=False)


def sample_values(list_: List) -> dict[str, Any]:
    """What the merge tags of a preview and a test mail stand for."""
    path = reverse("public:preferences", args=[make(Kind.RECIPIENT, 0, 0)])
    return values(
        tenant=list_.tenant,
        confirm_url=f"{settings.SITE_URL}{path}",
        title=f"Sign up to {list_.name}",
        wording="Yes, I want this mail. I can unsubscribe whenever I like.",
        lists=[list_.name],
    )


def values(
    *,
    tenant: Tenant,
    confirm_url: str,
    title: str,
    wording: str,
    lists: list[str],
    language: str = "",
) -> dict[str, Any]:
    """The merge tags of a confirmation mail, and our own words in the reader's language."""
    language = language if language in OFFERED else settings.LANGUAGE_CODE
    return {
        "confirm_url": confirm_url,
        "title": title,
        "wording": wording,
        "lists": lists,
        "days": VALID_FOR.days,
        "colour": tenant.colour or COLOURS[Accent(tenant.accent)],
        "logo_url": f"{settings.SITE_URL}{tenant.logo_url}" if tenant.logo_url else "",
        "language": language,
        "words": _words(language, tenant.name, title),
    }


@lru_cache(maxsize=1_000)
def _words(language: str, company: str, title: str) -> Mapping[str, str]:
    days = {"days": VALID_FOR.days}
    with translation.override(language):
        return {
            "subject": _("Please confirm your subscription to %(company)s") % {"company": company},
            "heading": _("One click is left"),
            "asked": _(
                "Somebody, most likely you, typed this address into the form “%(title)s” and asked "
                "%(company)s for mail:"
            )
            % {"title": title, "company": company},
            "button": _("Confirm my subscription"),
            "other_way": _("The button works for %(days)s days. If it does not, open this address:")
            % days,
            "open": _("Confirm your subscription by opening this page and pressing its button:"),
            "works_for": _("The link works for %(days)s days.") % days,
            "not_you": _(
                "You did not ask? Do nothing. Without this click you get no mail from %(company)s."
            )
            % {"company": company},
        }


def _send(
    tenant: Tenant,
    sender: Sender,
    mail: Content,
    *,
    email: str,
    data: Mapping[str, Any],
    may_receive: bool,
) -> None:
    send_alone(
        tenant=tenant,
        lane=Lane.SYSTEM,
        ses_account=sender.account,
        email=email,
        data=data,
        may_receive=may_receive,
        from_header=sender.from_header,
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        headers={"Auto-Submitted": "auto-generated"},
    )

"""One mail to one person, asked for by a developer's program."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from campaigns.errors import IdempotencyMismatch, NoSender
from campaigns.models import IdempotencyKey
from campaigns.selectors.senders import account_for
from sending.content import Content, complete
from sending.models import Lane, Message
from sending.services.batches import send_alone
from sending.skeleton import mailbox
from tenants.models import Tenant

KEEP_IDEMPOTENCY_KEYS = timedelta(hours=24)


@dataclass(frozen=True)
class Email:
    """What the API was asked to send, its addresses normalised and its shape checked."""

    from_name: str
    from_email: str
    to_name: str
    to_email: str
    content: Content
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def send_email(*, tenant: Tenant, email: Email) -> Message:
    """Queues the mail ahead of every campaign.

    Raises NoSender or ContentError. A suppressed recipient gets nothing: the
    message comes back skipped, with the reason.
    """
    account = account_for(tenant, email.from_email)
    if account is None:
        raise NoSender(
            f"No connected SES account may send from {email.from_email}. Verify its domain first.",
            param="from",
        )
    content = complete(email.content, postal_address="", unsubscribable=False)
    return send_alone(
        tenant=tenant,
        lane=Lane.TRANSACTIONAL,
        ses_account=account,
        email=email.to_email,
        to_name=email.to_name,
        data=email.data,
        from_header=mailbox(email.from_name, email.from_email),
        reply_to=email.reply_to,
        subject=content.subject,
        html=content.html,
        text=content.text,
        headers=email.headers,
    )


@transaction.atomic
def answer_once(
    *, tenant: Tenant, key: str, request: bytes, make: Any
) -> tuple[dict[str, Any], bool]:
    """What `make()` answers the first time that this key comes, and whether it is a repeat.

    The key's row, the mail and the answer are one transaction: a second request with the same
    key waits for the first and gets its answer, and a failed first one leaves nothing behind.
    Raises IdempotencyMismatch when the same key brings another request.
    """
    digest = hashlib.sha256(request).digest()
    row, is_new = IdempotencyKey.unscoped.get_or_create(
        tenant=tenant, key=key, defaults={"request_hash": digest}
    )
    if not is_new:
        if bytes(row.request_hash) != digest:
            raise IdempotencyMismatch
        return row.response, True
    row.response = make()
    row.save(update_fields=["response"])
    return row.response, False


def forget_idempotency_keys() -> int:
    """Deletes keys older than 24 hours; returns how many."""
    old = timezone.now() - KEEP_IDEMPOTENCY_KEYS
    return IdempotencyKey.unscoped.filter(created_at__lt=old).delete()[0]

"""What the members are told by mail: each thing once, even while the mail server is down."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Model, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from tenants.models import Membership, Role, Tenant, User

log = logging.getLogger(__name__)

# Who is told of what happens to the workspace's mail.
CONCERNED = (Role.OWNER, Role.ADMIN, Role.MARKETER)
_TRY_AGAIN = timedelta(minutes=5)


def mail_waiting(rows: QuerySet[Any], mail: Callable[[Any], bool], *, now: datetime) -> int:
    """Calls `mail` for each row whose mail has not gone out, oldest first; returns how many did.

    The rows have columns `mail_tried_at` and `mailed_at`, which are kept here.
    `mail` says whether it need not be tried again. What the mail server refused is tried again
    after five minutes; one that is down is not asked for all of them in one go.
    """
    due = Q(mail_tried_at=None) | Q(mail_tried_at__lte=now - _TRY_AGAIN)
    model: type[Model] = rows.model
    mailed = 0
    for row in rows.filter(due, mailed_at=None).order_by("id"):
        same = model._base_manager.filter(pk=row.pk)
        # The claim, committed before the mail server is asked: another clock leaves it alone.
        if not same.filter(due).update(mail_tried_at=now):
            continue
        if not mail(row):
            break
        same.update(mailed_at=now)
        mailed += 1
    return mailed


def mail_members(
    tenant: Tenant,
    template: str,
    values_for: Callable[[User], dict[str, Any]],
) -> bool:
    """Mails emails/<template> (_subject.txt, .txt, .html) to the members it concerns.

    Times in it are the workspace's. Whether it need not be tried again: one that got through is
    enough, for trying again would mail the others twice.
    """
    members = Membership.objects.for_tenant(tenant).filter(role__in=CONCERNED, user__is_active=True)
    users = [member.user for member in members.select_related("user")]
    mailed = [mail_one(tenant, template, user, values_for(user)) for user in users]
    return any(mailed) or not users


def mail_alike(tenant: Tenant, template: str, page: str, **values: Any) -> bool:
    """The same to all of them, of which the path `page` tells more: `values`, and beside them
    `tenant` and `page_url`.
    """
    context = values | {"tenant": tenant, "page_url": f"{settings.SITE_URL}{page}"}
    return mail_members(tenant, template, lambda _: context)


def mail_one(tenant: Tenant, template: str, user: User, values: dict[str, Any]) -> bool:
    """The same to one of them. Whether the mail server took it."""
    with timezone.override(tenant.timezone):
        subject = " ".join(render_to_string(f"emails/{template}_subject.txt", values).split())
        text = render_to_string(f"emails/{template}.txt", values)
        html = render_to_string(f"emails/{template}.html", values)
    message = EmailMultiAlternatives(subject, text, to=[user.email])
    message.attach_alternative(html, "text/html")
    try:
        message.send()
    except OSError:  # SMTPException is one
        log.exception("%s could not be mailed to user %s", template, user.pk)
        return False
    return True

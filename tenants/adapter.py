"""Where django-allauth meets Bluefox: the mails about an account."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django.shortcuts import render

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Named by settings.ACCOUNT_ADAPTER."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Sends a mail of templates/account/email/; where that fails, the person is told.

        The account stays as it is, and logging in with an unconfirmed address sends the link
        again, so nothing is half done.
        """
        try:
            self.render_mail(template_prefix, email, {"email": email, **context}).send()
        except (OSError, SMTPException) as error:
            logger.exception("The platform's mail server did not take a mail")
            # The next attempt must not wait for the pause between two mails that arrived.
            ratelimit.clear(self.request, action="confirm_email", key=email.lower())
            page = render(self.request, "account/mail_failed.html", status=503)
            raise ImmediateHttpResponse(page) from error

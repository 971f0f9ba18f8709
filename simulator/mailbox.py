"""The newest mails in full, for the inbox page and the tests."""

import email
import email.policy
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

from simulator.messages import Message
from simulator.ses_simple import Simple

SES, SMTP = "ses", "smtp"


@dataclass(slots=True)
class Mail:
    """One mail; `mime` is its MIME source, or what that is built from."""

    id: str
    time: float
    source: str
    recipients: list[str]
    subject: str
    via: str
    mime: bytes | Simple
    account: str = ""
    message: Message | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        """The MIME source."""
        if isinstance(self.mime, Simple):
            self.mime = self.mime.source()
        return self.mime

    @property
    def title(self) -> str:
        """Return the subject as people read it."""
        if "=?" not in self.subject:
            return self.subject
        try:
            return str(make_header(decode_header(self.subject)))
        except (HeaderParseError, LookupError, UnicodeError):
            return self.subject

    def summary(self) -> dict[str, Any]:
        """Return the line of the list."""
        return {
            "id": self.id,
            "time": self.time,
            "from": self.source,
            "to": self.recipients,
            "subject": self.title,
            "via": self.via,
            "account": self.account,
        }

    def full(self) -> dict[str, Any]:
        """Return the mail with its parts, headers and events."""
        message = parse(self.raw)
        return self.summary() | {
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": body_of(message, "plain"),
            "html": body_of(message, "html"),
            "links": links_in(body_of(message, "html") or body_of(message, "plain")),
            "events": self.events,
            "source": self.raw.decode("utf-8", "replace"),
        }


class Mailbox:
    """Keeps the newest `limit` mails by id."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._mails: OrderedDict[str, Mail] = OrderedDict()

    def add(self, mail: Mail) -> None:
        self._mails[mail.id] = mail
        if len(self._mails) > self._limit:
            self._mails.popitem(last=False)

    def get(self, mail_id: str) -> Mail | None:
        return self._mails.get(mail_id)

    def clear(self) -> None:
        self._mails.clear()

    def __len__(self) -> int:
        return len(self._mails)

    def search(
        self, to: str = "", since: float = 0.0, via: str = "", account: str = ""
    ) -> Iterator[Mail]:
        """Yield mails, newest first, whose recipient or subject contains `to`."""
        wanted = to.lower()
        for mail in reversed(self._mails.values()):
            if mail.time < since or mail.via != (via or mail.via):
                continue
            if account and mail.account != account:
                continue
            haystack = (*mail.recipients, mail.title)
            if not wanted or any(wanted in item.lower() for item in haystack):
                yield mail


def parse(raw: bytes) -> EmailMessage:
    """Return the MIME source as a message object."""
    return email.message_from_bytes(raw, policy=email.policy.default)


def body_of(message: EmailMessage, kind: str) -> str:
    """Return the text of the first part of text/`kind`, or an empty string."""
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def links_in(text: str) -> list[str]:
    """Return the http(s) addresses in a body, in order, each once."""
    found = re.findall(r"https?://[^\s\"'<>]+", text.replace("&amp;", "&"))
    return list(dict.fromkeys(found))

"""Simple content: SES builds the MIME message from parts.

EmailMessage would do it too, at 2 ms for a body of 20 KB: more than the sender spends on its side,
so that a measurement would measure the simulator.
"""

import re
import secrets
from binascii import b2a_qp
from email.header import Header as EncodedHeader
from email.utils import formataddr, parseaddr
from functools import lru_cache
from typing import Any

from simulator.mime import MAX_LINE, Header, has_long_line, parse_headers
from simulator.web import ApiError

HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
HEADER_VALUE = re.compile(r"[ -~]{1,995}")
MAX_HEADERS = 15
# A mailbox that parsing would not change; the email package takes 0.1 ms to say so.
_PLAIN = re.compile(r"(?:[\w ]* <)?[\w.+-]+@[\w.-]+>?", re.ASCII)
# SES Developer Guide, "Custom headers": SES sets these itself
NOT_ALLOWED = frozenset(
    "bcc cc content-disposition content-type date from message-id mime-version reply-to "
    "return-path subject to".split()
)


def simple_content(
    simple: Any, sender: str, destination: dict[str, Any], fields: dict[str, Any]
) -> "Simple":
    """Return the content, checked. Raises BadRequestException for what SES refuses."""
    if not isinstance(simple, dict):
        raise ApiError("SerializationException", "Content.Simple must be an object.")
    if not sender:
        raise ApiError("BadRequestException", "1 validation error: 'fromEmailAddress' is required.")
    body = simple.get("Body") or {}
    text, html = _data(body.get("Text")), _data(body.get("Html"))
    subject = _data(simple.get("Subject"))
    if subject is None or (text is None and html is None):
        raise ApiError("BadRequestException", "Simple content needs a Subject and a Body.")
    if simple.get("Attachments"):
        raise ApiError("BadRequestException", "Attachments are not supported by the simulator.")
    lines = [("From", _address(sender))]
    for name, key in (("To", "ToAddresses"), ("Cc", "CcAddresses")):
        if destination.get(key):
            lines.append((name, ", ".join(_address(str(item)) for item in destination[key])))
    if fields.get("ReplyToAddresses"):
        lines.append(
            ("Reply-To", ", ".join(_address(str(item)) for item in fields["ReplyToAddresses"]))
        )
    lines.append(("Subject", _words(subject)))
    lines += _headers(simple.get("Headers") or [])
    lines.append(("MIME-Version", "1.0"))
    parts = [(kind, data) for kind, data in (("plain", text), ("html", html)) if data is not None]
    return Simple(lines, parts)


class Simple:
    """Checked Simple content: headers and size are known, the MIME source is built when read.

    Nobody reads the source of most mails, and building it took a third of the time of a send.
    """

    def __init__(self, lines: list[Header], parts: list[tuple[str, str]]) -> None:
        self._parts = [_Part(kind, data) for kind, data in parts]
        self._mark = ""
        if len(parts) > 1:
            self._mark = f"=_{secrets.token_hex(12)}"
            lines.append(("Content-Type", f'multipart/alternative; boundary="{self._mark}"'))
        else:
            lines += self._parts[0].headers
        self._head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        folded = self._head.count("\n") != len(lines)
        self.headers = parse_headers(self._head[:-2].encode()) if folded else lines
        frame = len(self._mark) + 6  # two dashes, mark, CRLF, and the CRLF after the part
        self.size = len(self._head) + 2 + sum(part.size for part in self._parts)
        if self._mark:
            self.size += sum(len(part.head) + frame for part in self._parts) + frame

    def source(self) -> bytes:
        """The MIME message that SES would build."""
        mark = self._mark
        if not mark:
            return f"{self._head}\r\n".encode() + self._parts[0].body()
        inner = b"".join(
            f"--{mark}\r\n{part.head}".encode() + part.body() + b"\r\n" for part in self._parts
        )
        return f"{self._head}\r\n".encode() + inner + f"--{mark}--\r\n".encode()


class _Part:
    """One text of the mail, in the encoding that its characters and lines need."""

    def __init__(self, kind: str, data: str) -> None:
        self._data = data
        plain = data.isascii() and "\r" not in data
        self._as_it_is = plain and not has_long_line(data.encode(), MAX_LINE - 1)
        encoding = "7bit" if self._as_it_is else "quoted-printable"
        self.headers: list[Header] = [
            ("Content-Type", f'text/{kind}; charset="utf-8"'),
            ("Content-Transfer-Encoding", encoding),
        ]

    @property
    def head(self) -> str:
        return "".join(f"{name}: {value}\r\n" for name, value in self.headers) + "\r\n"

    @property
    def size(self) -> int:
        """Octets of the body, encoded."""
        if self._as_it_is:
            return len(self._data) + self._data.count("\n") + 2
        return len(self.body())

    def body(self) -> bytes:
        if self._as_it_is:
            return self._data.replace("\n", "\r\n").encode() + b"\r\n"
        text = self._data.replace("\r\n", "\n").encode()
        return b2a_qp(text, istext=True).replace(b"\n", b"\r\n") + b"\r\n"


def _words(text: str) -> str:
    """A header's text, RFC 2047-encoded where it is not ASCII, without line breaks."""
    text = " ".join(text.splitlines())
    return text if text.isascii() else EncodedHeader(text, "utf-8").encode(linesep="\r\n")


def _data(part: Any) -> str | None:
    if not isinstance(part, dict) or not isinstance(part.get("Data"), str):
        return None
    return str(part["Data"])


@lru_cache(maxsize=4096)
def _address(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    name, address = parseaddr(value)
    if "@" not in address:
        raise ApiError("BadRequestException", "Missing final '@domain'")
    return formataddr((name, address), "utf-8")


def _headers(given: list[Any]) -> list[tuple[str, str]]:
    if len(given) > MAX_HEADERS:
        raise ApiError("BadRequestException", f"Too many headers: at most {MAX_HEADERS}.")
    headers = []
    for item in given:
        name, value = str(item.get("Name")), str(item.get("Value"))
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ApiError("BadRequestException", f"Invalid header <{name[:126]}>.")
        if len(name) + len(value) > 996:
            raise ApiError("BadRequestException", f"Header <{name}> is longer than 996 characters.")
        if name.lower() in NOT_ALLOWED:
            raise ApiError("BadRequestException", f"Header <{name}> is not allowed.")
        headers.append((name, value))
    return headers

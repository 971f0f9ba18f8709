"""The request that SES gets, built once for a batch and filled in for each recipient.

SES v2 SendEmail with Content.Simple: SES builds the MIME. Everything that is the same for all
recipients is encoded to JSON once; a turn of the loop escapes a few values and joins bytes.
Templates that only print values become segments; others are rendered by Liquid.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formataddr
from functools import lru_cache
from typing import Any

import orjson
from liquid import BoundTemplate, Expression, RenderContext
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.filters.misc import default as liquid_default
from liquid.builtin.output import OutputNode
from liquid.stringify import to_liquid_string

from lists.tokens import Kind, make
from sending.errors import ContentError
from sending.language import parse, render
from sending.models import Batch, Lane
from tenants.models import Tenant

# "Amazon SES: SendEmail, MessageHeader": at most 15 headers of our own choosing.
MAX_HEADERS = 15
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
# Most names and cities: the same bytes in HTML, JSON and a header, so nothing has to be escaped.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ]*")
_SAFE_LINK = re.compile(r"(?:https?:|mailto:|tel:|[/#?])", re.IGNORECASE)
_OPENS_LINK = re.compile(r"""(?:href|src)\s*=\s*["']?\s*$""", re.IGNORECASE)
_RUNS_SCRIPT = re.compile(
    r"""((?:href|src)\s*=\s*["']?\s*)(?:javascript|vbscript|data:text)""", re.I
)


@dataclass(slots=True)
class Recipient:
    """Whose values go in. `data` are a transactional mail's own values.

    Somebody who is no contact may bring values for {{ contact.… }} as data["contact"].
    """

    message_id: int
    contact_id: int | None
    email: str
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Turn:
    """What one recipient's parts share: their links, and all values when Liquid wants them."""

    recipient: Recipient
    unsubscribe_url: str
    preferences_url: str
    workspace: Mapping[str, str]
    _values: dict[str, Any] | None = None

    def contact(self, name: str) -> Any:
        person = self.recipient
        if name == "email":
            return person.email
        if person.contact_id is None:
            return self._brought().get(name)
        if name == "first_name":
            return person.first_name
        if name == "last_name":
            return person.last_name
        return person.fields.get(name)

    def values(self) -> dict[str, Any]:
        if self._values is None:
            person = self.recipient
            self._values = {
                **person.data,
                "contact": {
                    **person.fields,
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    **self._brought(),
                    "email": person.email,
                },
                "workspace": self.workspace,
                "unsubscribe_url": self.unsubscribe_url,
                "preferences_url": self.preferences_url,
            }
        return self._values

    def _brought(self) -> Mapping[str, Any]:
        person = self.recipient
        given = person.data.get("contact") if person.contact_id is None else None
        return given if isinstance(given, dict) else {}


_Part = bytes | Callable[[_Turn], bytes]


class Skeleton:
    """A batch's request with holes. `body(recipient)` fills them."""

    def __init__(
        self, parts: list[_Part], *, batch_id: int, site_url: str, workspace: Mapping[str, str]
    ) -> None:
        self._parts = _merged(parts)
        # A newsletter prints the same name in twenty places: it is escaped once a recipient.
        self._holes = list(dict.fromkeys(p for p in self._parts if not isinstance(p, bytes)))
        number = {hole: i for i, hole in enumerate(self._holes)}
        self._places = [
            (i, number[p]) for i, p in enumerate(self._parts) if not isinstance(p, bytes)
        ]
        self._batch_id = batch_id
        self._unsubscribe = f"{site_url}/u/"
        self._preferences = f"{site_url}/p/"
        self._workspace = workspace

    def body(self, recipient: Recipient) -> bytes:
        """The JSON body of SES v2 SendEmail. Raises RenderError for values that do not fit."""
        token = make(Kind.RECIPIENT, self._batch_id, recipient.contact_id or 0)
        turn = _Turn(
            recipient,
            f"{self._unsubscribe}{token}/",
            f"{self._preferences}{token}/",
            self._workspace,
        )
        values = [hole(turn) for hole in self._holes]
        filled: list[Any] = self._parts.copy()
        for place, hole in self._places:
            filled[place] = values[hole]
        return b"".join(filled)


def compile_batch(batch: Batch, *, tenant: Tenant, site_url: str) -> Skeleton:
    """The skeleton of a batch whose content is complete (sending.content.complete).

    Campaigns and automations carry RFC 8058 one-click headers. Raises ContentError.
    """
    one_click = batch.lane in (Lane.CAMPAIGN, Lane.AUTOMATION)
    workspace = {
        "name": tenant.name,
        "address": tenant.postal_address,
        "website": tenant.website,
    }
    simple: list[_Part] = [b'{"Simple":{"Subject":{"Charset":"UTF-8","Data":']
    subject = parse(batch.subject, html=False, part="subject")
    simple += _text(subject, workspace, clean=_one_line)
    simple.append(b'},"Body":{')
    if batch.text:
        simple.append(b'"Text":{"Charset":"UTF-8","Data":')
        simple += _text(parse(batch.text, html=False, part="text"), workspace)
        simple.append(b"}")
    if batch.html:
        simple.append(b',"Html":' if batch.text else b'"Html":')
        simple.append(b'{"Charset":"UTF-8","Data":')
        simple += _html(parse(batch.html, html=True, part="html"), workspace)
        simple.append(b"}")
    simple.append(b'},"Headers":[')
    simple += _headers(batch.headers, one_click=one_click)
    simple.append(b"]}}")
    parts: list[_Part] = [
        b'{"FromEmailAddress":' + orjson.dumps(batch.from_header),
        b',"Destination":{"ToAddresses":[',
        _to,
        b"]}",
        b',"ReplyToAddresses":' + orjson.dumps([batch.reply_to]) if batch.reply_to else b"",
        b',"ConfigurationSetName":' + orjson.dumps(batch.ses_account.configuration_set)
        if batch.ses_account.configuration_set
        else b"",
        b',"EmailTags":[{"Name":"bf_msg","Value":"',
        lambda turn: b"%d" % turn.recipient.message_id,
        b'"}],"Content":',
        *simple,
        b"}",
    ]
    return Skeleton(parts, batch_id=batch.pk, site_url=site_url, workspace=workspace)


def mailbox(name: str, address: str) -> str:
    """`Name <address>` for a header: quoted where needed, RFC 2047 where not ASCII.

    Raises ContentError when the name holds line breaks or control characters.
    """
    if _CONTROL.search(name) or _CONTROL.search(address):
        raise ContentError("A name cannot contain line breaks.", param="from_name")
    return formataddr((name, address), charset="utf-8")


def _to(turn: _Turn) -> bytes:
    person = turn.recipient
    if _PLAIN.fullmatch(person.name):
        return orjson.dumps(f"{person.name} <{person.email}>")
    return orjson.dumps(mailbox(person.name, person.email) if person.name else person.email)


def _headers(headers: Mapping[str, str], *, one_click: bool) -> list[_Part]:
    parts: list[_Part] = []
    if one_click:
        parts.append(b'{"Name":"List-Unsubscribe","Value":"<')
        parts.append(_unsubscribe_url)
        parts.append(b'>"},{"Name":"List-Unsubscribe-Post","Value":"List-Unsubscribe=One-Click"}')
    for name, value in headers.items():
        separator = b"," if parts else b""
        parts.append(separator + orjson.dumps({"Name": name, "Value": value}))
    return parts


def _html(template: BoundTemplate, workspace: Mapping[str, str]) -> list[_Part]:
    segments = _segments(template, workspace)
    if segments is None:
        return [
            lambda turn: orjson.dumps(_RUNS_SCRIPT.sub(r"\1#", render(template, turn.values())))
        ]
    parts: list[_Part] = [b'"']
    before = ""
    for segment in segments:
        if isinstance(segment, str):
            parts.append(_inner_json(segment))
            before = segment
        else:
            clean = _link if _OPENS_LINK.search(before) else None
            parts.append(_filled(segment, autoescape=True, clean=clean))
            before = ""
    return [*parts, b'"']


def _text(
    template: BoundTemplate,
    workspace: Mapping[str, str],
    clean: Callable[[str], str] | None = None,
) -> list[_Part]:
    segments = _segments(template, workspace)
    if segments is None:
        return [
            lambda turn: orjson.dumps(
                clean(render(template, turn.values())) if clean else render(template, turn.values())
            )
        ]
    parts: list[_Part] = [b'"']
    for segment in segments:
        if isinstance(segment, str):
            parts.append(_inner_json(clean(segment) if clean else segment))
        else:
            parts.append(_filled(segment, autoescape=False, clean=clean))
    return [*parts, b'"']


@dataclass(frozen=True)
class _Hole:
    """`{{ path }}` or `{{ path | default: "literal" }}`."""

    path: tuple[str, ...]
    fallback: str = ""
    has_fallback: bool = False


def _segments(template: BoundTemplate, workspace: Mapping[str, str]) -> list[str | _Hole] | None:
    """Literals and holes, when the template is nothing else; None when Liquid must render it."""
    constants = RenderContext(template, globals={"workspace": workspace})
    found: list[str | _Hole] = []
    for node in template.nodes:
        if isinstance(node, ContentNode):
            found.append(node.text)
            continue
        if not isinstance(node, OutputNode):
            return None
        if _reads_only_workspace(node.expression):
            found.append(
                to_liquid_string(node.expression.evaluate(constants), constants.autoescape)
            )
            continue
        hole = _hole(node)
        if hole is None:
            return None
        found.append(hole)
    return found


def _reads_only_workspace(expression: Expression) -> bool:
    if isinstance(expression, Path):
        return expression.path[0] == "workspace"
    return all(_reads_only_workspace(child) for child in expression.children())


def _hole(node: OutputNode) -> _Hole | None:
    expression = node.expression
    if type(expression) is not FilteredExpression or not isinstance(expression.left, Path):
        return None
    path = tuple(part for part in expression.left.path if isinstance(part, str))
    links = (("unsubscribe_url",), ("preferences_url",))
    contact = len(path) == 2 and path[0] == "contact"
    if len(path) != len(expression.left.path) or not (path in links or contact):
        return None
    filters = expression.filters or []
    if not filters:
        return _Hole(path)
    only = filters[0]
    arguments = [argument.value for argument in only.args]
    if (
        len(filters) == 1
        and only.name == "default"
        and len(arguments) == 1
        and type(arguments[0]) is StringLiteral
    ):
        return _Hole(path, arguments[0].value, has_fallback=True)
    return None


@lru_cache(maxsize=1024)
def _filled(hole: _Hole, *, autoescape: bool, clean: Callable[[str], str] | None) -> _Part:
    """The bytes of one hole, for the inside of a JSON string; one function for equal holes."""
    finish = clean or str
    # What the template's author wrote is HTML already; what the recipient brings is not.
    fallback = _Written(hole.fallback) if autoescape else hole.fallback

    def encode(value: Any) -> bytes:
        if type(value) is str and _PLAIN.fullmatch(value):
            return value.encode() if clean is not _link else b"#"
        if hole.has_fallback:
            value = liquid_default(value, fallback)
        return _inner_json(finish(to_liquid_string(value, autoescape)))

    # Our own links: an origin and a token, in which nothing has to be escaped.
    if hole.path == ("unsubscribe_url",):
        return _unsubscribe_url
    if hole.path == ("preferences_url",):
        return _preferences_url
    name = hole.path[1]
    return lambda turn: encode(turn.contact(name))


def _unsubscribe_url(turn: _Turn) -> bytes:
    return turn.unsubscribe_url.encode()


def _preferences_url(turn: _Turn) -> bytes:
    return turn.preferences_url.encode()


class _Written(str):
    """Text of the template itself, which Liquid does not escape."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _link(value: str) -> str:
    """A value at the start of a link: kept only when it cannot run anything."""
    return value if _SAFE_LINK.match(value) else "#"


def _one_line(value: str) -> str:
    return _CONTROL.sub(" ", value)


def _inner_json(text: str) -> bytes:
    if "\r" in text:  # Liquid's own output has line feeds only
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return orjson.dumps(text)[1:-1]


def _merged(parts: list[_Part]) -> list[_Part]:
    """The parts with neighbouring bytes joined, so that a turn has fewer of them."""
    merged: list[_Part] = []
    for part in parts:
        if isinstance(part, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += part
        elif part != b"":
            merged.append(part)
    return merged

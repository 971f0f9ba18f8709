"""What a mail says: subject, HTML and text in Liquid, made complete and checked before it goes."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from sending.errors import ContentError
from sending.language import parse, variables
from sending.plaintext import text_of

# Gmail cuts a mail off behind this many bytes of HTML, and the unsubscribe link with it.
GMAIL_CLIPS_AT = 102 * 1024
# What every recipient has, besides the fields of their contact and the caller's own data.
CONTACT_TAGS = frozenset({"email", "first_name", "last_name"})
WORKSPACE_TAGS = frozenset({"name", "address", "website"})

_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)
_SCRIPT_LINK = re.compile(r"""(?:href|src)\s*=\s*["']?\s*(?:javascript|vbscript|data:text)""", re.I)


@dataclass(frozen=True)
class Content:
    """Liquid sources. An empty text is made from the HTML."""

    subject: str
    html: str = ""
    text: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that the checklist says about a content. An error stops it from being sent."""

    level: Literal["error", "warning", "info"]
    message: str
    part: str


def complete(content: Content, *, postal_address: str, unsubscribable: bool) -> Content:
    """The content with a text part and, where missing, unsubscribe link and postal address.

    Raises ContentError when a part cannot be parsed.
    """
    html, text = content.html, content.text
    if not html and not text:
        raise ContentError("The mail is empty. Write something into it.", param="html")
    used = _used(content)
    if html and not text:
        text = _readable_text(html)
    if unsubscribable:
        link = not used & {("unsubscribe_url",), ("preferences_url",)}
        address = ("workspace", "address") not in used and not _says(content, postal_address)
        if html:
            html = _with_footer(html, link=link, address=address)
        text = text.rstrip() + _text_footer(link=link, address=address)
    completed = replace(content, html=html, text=text)
    _used(completed)
    return completed


def check_content(
    content: Content, *, fields: Collection[str], postal_address: str, unsubscribable: bool
) -> list[Finding]:
    """What a sender should know before it goes, errors first. `fields`: the contact fields.

    Never raises: what cannot be parsed is a finding with its line.
    """
    try:
        completed = complete(content, postal_address=postal_address, unsubscribable=unsubscribable)
    except ContentError as error:
        return [Finding("error", error.message, error.param)]
    found = list(_findings(content, completed, fields, postal_address, unsubscribable))
    return sorted(found, key=lambda finding: ("error", "warning", "info").index(finding.level))


def _readable_text(html: str) -> str:
    text = text_of(html)
    try:
        parse(text, html=False, part="text")
    except ContentError:
        # A block that opens where nothing is shown, in <head> say, and ends in the body.
        return re.sub(r"{%.*?%}", "", text, flags=re.DOTALL)
    return text


def _used(content: Content) -> set[tuple[str, ...]]:
    """Every variable path of the three parts. Raises ContentError."""
    templates = (
        parse(content.subject, html=False, part="subject"),
        parse(content.html, html=True, part="html"),
        parse(content.text, html=False, part="text"),
    )
    return {path for template in templates for path in variables(template).values()}


def _findings(
    content: Content,
    completed: Content,
    fields: Collection[str],
    postal_address: str,
    unsubscribable: bool,
) -> Iterator[Finding]:
    if not content.subject.strip():
        yield Finding("error", "The subject is empty.", "subject")
    if _SCRIPT_LINK.search(content.html):
        yield Finding("error", "A link runs a script. Mail programs refuse such mail.", "html")
    if len(completed.html.encode()) > GMAIL_CLIPS_AT:
        yield Finding(
            "warning",
            f"The HTML is {len(completed.html.encode()) // 1024} KB. Gmail cuts a mail off "
            "at 102 KB and hides what follows, the unsubscribe link too.",
            "html",
        )
    if unsubscribable:
        used = _used(content)
        if not postal_address.strip() and ("workspace", "address") not in used:
            yield Finding(
                "error",
                "The workspace has no postal address. Many countries want one in every "
                "campaign. Add it under Settings.",
                "workspace",
            )
        if not used & {("unsubscribe_url",), ("preferences_url",)}:
            yield Finding("info", "An unsubscribe link is added at the end.", "html")
    known = CONTACT_TAGS | set(fields)
    for path in sorted(_used(content), key=str):
        if path[0] == "contact" and len(path) > 1 and path[1] not in known:
            yield Finding(
                "warning",
                f"No contact has a field {path[1]!r}. {{{{ contact.{path[1]} }}}} stays empty.",
                "html",
            )
        if unsubscribable and path[0] not in _RECIPIENT_TAGS:
            yield Finding(
                "warning", f"{{{{ {'.'.join(map(str, path))} }}}} is not a merge tag.", "html"
            )


_RECIPIENT_TAGS = frozenset({"contact", "workspace", "unsubscribe_url", "preferences_url"})


def _says(content: Content, postal_address: str) -> bool:
    lines = [line.strip() for line in postal_address.splitlines() if line.strip()]
    return bool(lines) and all(
        line in content.html or escape(line) in content.html or line in content.text
        for line in lines
    )


def _with_footer(html: str, *, link: bool, address: bool) -> str:
    if not link and not address:
        return html
    lines = []
    if address:
        lines.append("{{ workspace.address | newline_to_br }}")
    if link:
        lines.append(
            '<a href="{{ unsubscribe_url }}" style="color:#555">Unsubscribe</a> · '
            '<a href="{{ preferences_url }}" style="color:#555">Preferences</a>'
        )
    footer = (
        '<div style="margin:32px auto 16px;max-width:600px;text-align:center;'
        'font:12px/18px sans-serif;color:#555">' + "<br>".join(lines) + "</div>"
    )
    ends = [match.start() for match in _BODY_END.finditer(html)] or [len(html)]
    return html[: ends[-1]] + footer + html[ends[-1] :]


def _text_footer(*, link: bool, address: bool) -> str:
    lines = []
    if address:
        lines.append("{{ workspace.address }}")
    if link:
        lines.append("Unsubscribe: {{ unsubscribe_url }}")
        lines.append("Preferences: {{ preferences_url }}")
    return "\n\n-- \n" + "\n".join(lines) + "\n" if lines else "\n"

"""The confirmation mail that a list brings itself: what may stand in it, and what must."""

from functools import lru_cache
from html.parser import HTMLParser

from sending.content import Content, check_content, complete
from sending.errors import ContentError, RenderError
from sending.language import parse, render, variables
from tenants.errors import BluefoxError

# What there is to print. Nothing of the contact, and so nothing that a visitor typed.
TAGS = ("confirm_url", "lists", "title", "wording", "days", "colour", "logo_url", "language")
ALL_TAGS = (*TAGS, "workspace.name", "workspace.address", "workspace.website")
_PROBE = "https://confirm.invalid/link"

# A start for a list's own mail, and the shortest that will do.
STARTER = """\
<h1>One click is left</h1>
<p>You asked {{ workspace.name }} for mail:</p>
<ul>{% for name in lists %}<li>{{ name }}</li>{% endfor %}</ul>
<p><a href="{{ confirm_url }}">Confirm my subscription</a></p>
<p>The link works for {{ days }} days. You did not ask? Do nothing, and you get no mail.</p>
<p>{{ workspace.address | newline_to_br }}</p>
"""


class MailRefused(BluefoxError):
    """A confirmation mail that would confirm nothing; `param` is subject or html."""

    code = "mail_refused"


@lru_cache(maxsize=256)
def finished(subject: str, html: str) -> Content:
    """The mail with its text part. Raises ContentError."""
    return complete(Content(subject, html), postal_address="", unsubscribable=False)


def check(subject: str, html: str) -> None:
    """Raises MailRefused when the mail cannot go, prints what there is not, or has no link."""
    content = Content(subject, html)
    for finding in check_content(content, fields=(), postal_address="", unsubscribable=False):
        if finding.level == "error":
            param = "subject" if finding.part == "subject" else "html"
            raise MailRefused(finding.message, param=param)
    mail = finished(subject, html)
    for part in (mail.subject, mail.html):
        for written, path in variables(parse(part, html=True, part="HTML")).items():
            if path[0] not in (*TAGS, "workspace"):
                raise MailRefused(
                    f"{{{{ {written} }}}} stays empty in this mail. There are only "
                    f"{', '.join(TAGS)} and workspace.",
                    param="html",
                )
    try:
        shown = render(parse(mail.html, html=True, part="HTML"), _values())
        text = render(parse(mail.text, html=False, part="text"), _values())
    except (ContentError, RenderError) as error:
        raise MailRefused(str(error), param="html") from error
    links = _Links()
    links.feed(shown)
    if _PROBE not in links.found or _PROBE not in text:
        raise MailRefused(
            'Nobody could confirm: the mail needs a link to <a href="{{ confirm_url }}">.',
            param="html",
        )


def _values() -> dict[str, object]:
    return {"confirm_url": _PROBE, "lists": ["News"], "days": 7, "wording": "Yes", "title": "News"}


class _Links(HTMLParser):
    """The targets of the links that a reader can press."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.update(value.strip() for name, value in attrs if name == "href" and value)

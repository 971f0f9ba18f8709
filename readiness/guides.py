"""The guide pages: Markdown in docs/guides/, read once, shown with copy buttons.

A fence whose words name one of _POLICIES is filled with what sending.ses gives, so that a policy is
written in one place. Links to `other.md` lead to
the other guide, here as in the repository.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token

from sending.ses.policies import access_policy, permission_policy
from sending.ses.provisioning import own_topic_policy

# In the order in which they are read.
NAMES = (
    "set-up-ses",
    "bounces-and-complaints",
    "production-access",
    "keeping-it",
    "appeals",
    "api",
)
# What the page Connect shows has the workspace's own region and names.
_REGION, _ANY_SET, _SOME_ACCOUNT = "eu-west-1", "bluefox-*", "123456789012"
_POLICIES: dict[str, Callable[[], object]] = {
    "permission-policy": lambda: permission_policy(_REGION, _ANY_SET),
    "access-statement": access_policy,
    "topic-policy": lambda: own_topic_policy(_REGION, _SOME_ACCOUNT),
}
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Part:
    """A run of text, or a block of code with a label."""

    html: SafeString = mark_safe("")  # noqa: RUF009 (immutable)
    code: str = ""
    label: str = ""


@dataclass(frozen=True)
class Guide:
    """A page: its title, one line that says what it is for, and its parts."""

    name: str
    title: str
    purpose: str
    parts: Sequence[Part]


@cache
def guide_of(name: str) -> Guide:
    """The guide of this name. Raises KeyError for one that there is not."""
    if name not in NAMES:
        raise KeyError(name)
    source = (settings.BASE_DIR / "docs" / "guides" / f"{name}.md").read_text(encoding="utf-8")
    tokens = _markdown.parse(source)
    _finish(tokens)
    # The first heading is the title, the paragraph below it the purpose: three tokens each.
    title, purpose, rest = tokens[1].content, tokens[4].content, tokens[6:]
    return Guide(name, title, purpose, list(_parts(rest)))


def guides() -> list[Guide]:
    """All of them, in order."""
    return [guide_of(name) for name in NAMES]


def _finish(tokens: Sequence[Token]) -> None:
    """Gives headings their anchors and links between guides their addresses."""
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", slugify(tokens[number + 1].content))
        for child in token.children or ():
            href = str(child.attrGet("href") or "") if child.type == "link_open" else ""
            name, dot, anchor = href.partition(".md")
            if dot and name in NAMES:
                child.attrSet("href", reverse("guides:guide", args=[name]) + anchor)


def _parts(tokens: Sequence[Token]) -> list[Part]:
    parts: list[Part] = []
    run: list[Token] = []
    for token in tokens:
        if token.type == "fence" and token.level == 0:
            parts += [_html(run), _code(token)]
            run = []
        else:
            run.append(token)
    return [part for part in [*parts, _html(run)] if part.html or part.code]


def _html(tokens: Sequence[Token]) -> Part:
    # Our own text, rendered with HTML off.
    return Part(html=mark_safe(_markdown.renderer.render(tokens, _markdown.options, {})))  # noqa: S308


def _code(token: Token) -> Part:
    language, _, what = token.info.strip().partition(" ")
    if what in _POLICIES:
        return Part(code=json.dumps(_POLICIES[what](), indent=2), label="Policy")
    return Part(code=token.content.rstrip(), label=what or language)

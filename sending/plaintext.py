"""The text part of a mail, read from its HTML in source order.

Source order is the point: merge blocks such as {% if %} stand between table cells, where HTML
parsers that build a tree move or drop text, and half of a block in another place is an error.
"""

import re
from html.parser import HTMLParser

_TAG = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
_MARK = re.compile(r"\ue000(\d+)\ue001")
_BLOCKS = frozenset(
    "address article blockquote center dd div dl dt figure footer form h1 h2 h3 h4 h5 h6 header "
    "hr li main nav ol p pre section table tr ul".split()
)
_SPACED = frozenset("blockquote h1 h2 h3 h4 h5 h6 ol p table ul".split())
_UNSEEN = frozenset(("head", "script", "style", "title"))


def text_of(html: str) -> str:
    """The HTML as plain text, addresses of links behind their words; merge tags stay as written."""
    tags: list[str] = []

    def hide(match: re.Match[str]) -> str:
        tags.append(match[0])
        return f"\ue000{len(tags) - 1}\ue001"

    reader = _Reader()
    reader.feed(_TAG.sub(hide, html))
    reader.close()
    text = "".join(reader.parts)
    text = re.sub(r"[ \t\r\f\v\xa0]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return _MARK.sub(lambda match: tags[int(match[1])], text) + "\n"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._break(tag)
            if tag == "li":
                self.parts.append("- ")
        elif tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in _BLOCKS:
            self._break(tag)
        elif tag in ("td", "th"):
            self.parts.append(" ")
        elif tag == "a" and self._links:
            address, start = self._links.pop()
            shown = "".join(self.parts[start:]).strip()
            address = address.removeprefix("mailto:").removeprefix("tel:")
            if address and not address.startswith("#") and address != shown:
                self.parts.append(f" ({address})" if shown else address)

    def handle_data(self, data: str) -> None:
        # A merge block inside <style> or <head> is part of what is not shown, as a whole.
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        self.parts.append("\n\n" if tag in _SPACED else "\n")

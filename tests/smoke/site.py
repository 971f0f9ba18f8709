"""A person at a browser, without the browser: opens pages, fills in forms, presses buttons."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests
from lxml import html

TIMEOUT = 60
STOP_POLLING = 286


class PageError(AssertionError):
    """A page answered with something else than it promised; the message holds what it said."""


@dataclass
class Visitor:
    """One person's session with the site."""

    site: str
    session: requests.Session = field(default_factory=requests.Session)
    page: Any = None
    url: str = ""
    status: int = 0

    def open(self, path: str) -> "Visitor":
        """Goes to a page. Raises PageError unless it answers 200."""
        return self._show(self.session.get(urljoin(self.site, path), timeout=TIMEOUT))

    def submit(
        self, marker: str = "", *, files: dict[str, Any] | None = None, **values: Any
    ) -> "Visitor":
        """Sends the page's form that has a field or an action with `marker` in it.

        Values replace those that the form shows; a list sends a field several times.
        Raises PageError when there is no such form, or when the form comes back with errors.
        """
        form = self._form(marker)
        for name in values:
            if name not in form.fields and name not in _buttons(form):
                raise PageError(f"{self.url}: the form has no field {name}: {list(form.fields)}")
        data = {name: value for name, value in form.form_values() if name not in values}
        pairs = list(data.items())
        for name, value in values.items():
            pairs += [(name, each) for each in (value if isinstance(value, list) else [value])]
        target = urljoin(self.url, form.get("action") or self.url)
        reply = self.session.post(
            target, data=pairs, files=files, timeout=TIMEOUT, headers={"Referer": self.url}
        )
        return self._show(reply)

    def text(self) -> str:
        """What the page says."""
        return " ".join(self.page.text_content().split())

    def choice(self, field_name: str, label: str) -> str:
        """The value of the option or check box with this label."""
        for option in self.page.xpath(f"//select[@name={field_name!r}]/option"):
            if label in option.text_content():
                return str(option.get("value"))
        for box in self.page.xpath(f"//input[@name={field_name!r}]"):
            words = self.page.xpath(f"//label[@for={box.get('id')!r}]")
            if any(label in word.text_content() for word in [*words, box.getparent()]):
                return str(box.get("value"))
        raise PageError(f"{self.url}: no choice {label!r} for {field_name}")

    def links(self, part: str) -> list[str]:
        """Addresses of links with `part` in them."""
        return [str(link) for link in self.page.xpath("//a/@href") if part in link]

    def _form(self, marker: str) -> Any:
        forms = [form for form in self.page.forms if (form.method or "").upper() == "POST"]
        for form in forms:
            if marker in (form.get("action") or "") or marker in form.fields:
                return form
        known = [(form.get("action"), sorted(form.fields)) for form in forms]
        raise PageError(f"{self.url}: no form with {marker!r} among {known}")

    def _show(self, reply: requests.Response) -> "Visitor":
        self.url, self.status = reply.url, reply.status_code
        self.page = html.fromstring(reply.content or b"<html></html>")
        if reply.status_code not in (200, STOP_POLLING):
            raise PageError(f"{reply.url} answered {reply.status_code}: {self.text()[-800:]}")
        errors = self.page.xpath("//*[contains(@class, 'alert-error') or @aria-invalid='true']")
        if errors:
            words = " / ".join(" ".join(each.text_content().split()) for each in errors)
            raise PageError(f"{reply.url} shows an error: {words[:500]} {self.text()[:800]}")
        return self


def _buttons(form: Any) -> set[str]:
    return {button.get("name") for button in form.xpath(".//button[@name]")}

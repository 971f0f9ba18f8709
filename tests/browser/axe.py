"""What axe-core finds on a page. It comes with the front end's locked packages."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

_SCRIPT = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.flatMap(
    found => found.nodes.map(node => [found.impact, found.id, node.html.slice(0, 200)]))"""

Scheme = Literal["light", "dark"]
DESKTOP, PHONE = (1440, 900), (390, 844)
EVERY_LOOK: list[tuple[tuple[int, int], Scheme]] = [
    (DESKTOP, "light"),
    (PHONE, "dark"),
]


def findings(page: Page, *, least: str = "minor") -> list[tuple[str, str]]:
    """Rule and element of each finding of at least this impact: minor, moderate, serious, critical.

    The policy allows no injected script; the debugger may speak all the same.
    """
    page.context.new_cdp_session(page).send(
        "Runtime.evaluate", {"expression": _SCRIPT.read_text(encoding="utf-8")}
    )
    impacts = ["minor", "moderate", "serious", "critical"]
    wanted = impacts[impacts.index(least) :]
    return [(rule, html) for impact, rule, html in page.evaluate(_RUN) if impact in wanted]


def in_every_look(page: Page) -> list[tuple[object, ...]]:
    """The serious and critical findings at desktop width in light colours and at phone width in
    dark ones; and what is wider than the screen."""
    found: list[tuple[object, ...]] = []
    for (width, height), scheme in EVERY_LOOK:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [(width, scheme, *one) for one in findings(page, least="serious")]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append((width, scheme, "scrolls sideways"))
    return found

"""How a number, a time, a state and an icon are written."""

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html

register = template.Library()

TONES = {
    "green": "active verified confirmed connected sent delivered delivery done success healthy "
    "ready",
    "amber": "pending unconfirmed paused scheduled queued waiting warning sandbox unknown deferred "
    "delayed delay soft_bounce soft_bounced preparing",
    "blue": "sending running importing",
    "red": "failed bounce bounced hard_bounce hard_bounced complaint complained suppressed error "
    "invalid revoked reject rejected missed",
}
TONE_OF = {word: tone for tone, words in TONES.items() for word in words.split()}


@register.filter
def number(value: int | float | None) -> str:
    """``4312`` as ``4,312``, ``0.9`` as ``0.9``; ``None`` as a dash."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


@register.filter
def percent(value: float | None, digits: int = 1) -> str:
    """The share ``0.001`` as ``0.1%``; ``None`` as a dash."""
    return "—" if value is None else f"{value * 100:,.{digits}f}%"


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds in the words of a person who waits: ``22 minutes``, ``1 h 5 min``."""
    if seconds is None:
        return "—"
    minutes = round(seconds / 60)
    if seconds < 60:
        return "under a minute"
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


@register.filter
def lateness(seconds: float | None) -> str:
    """Seconds since something was due: ``12 s late``, ``5 minutes late``; ``on time`` below one."""
    if seconds is None:
        return "—"
    if seconds < 1:
        return "on time"
    return f"{seconds:.0f} s late" if seconds < 60 else f"{duration(seconds)} late"


def exact(moment: datetime) -> str:
    """``24 Nov 2026, 23:30:12 CET`` in the zone that is active for the request."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}"


@register.filter
def to_minute(moment: datetime) -> str:
    """``3 Dec 2026, 09:00 CET``. The date filter of Django leaves out the zone in the hour that
    comes twice in autumn."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def relative(moment: datetime, now: datetime) -> str:
    """``3 minutes ago``, ``in 2 hours``; the date where it is a month or more away."""
    seconds = (now - moment).total_seconds()
    distance = abs(seconds)
    if distance < 45:
        return "just now" if seconds >= 0 else "in a moment"
    if distance >= 30 * 86400:
        local = timezone.localtime(moment)
        return f"{local.day} {local:%b %Y}"
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = round(distance / length)
        if distance >= length * 0.95 or unit == "minute":
            words = f"{max(count, 1)} {unit}{'' if count <= 1 else 's'}"
            return f"{words} ago" if seconds >= 0 else f"in {words}"
    raise AssertionError("minutes take every distance")


@register.simple_tag
def when(moment: datetime | None, empty: str = "never") -> str:
    """How long ago, with the exact time on hover."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', empty)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        exact(moment),
        relative(moment, timezone.now()),
    )


@register.simple_tag(name="moment")
def moment_tag(moment: datetime | None, empty: str = "never") -> str:
    """The exact time with its zone."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', empty)
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), exact(moment))


@register.simple_tag
def icon(name: str) -> str:
    """A decoration beside words; it says nothing to a screen reader."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>',
        static("dist/icons.svg"),
        name,
    )


def tone_of(state: Any) -> str:
    """The colour of a state given as an enum's member, its value or its label."""
    return TONE_OF.get(_word(state), "grey")


def _word(state: Any) -> str:
    return str(getattr(state, "name", state)).lower().replace(" ", "_")


@register.inclusion_tag("_partials/status.html")
def status(value: Any, label: str = "", tone: str = "") -> dict[str, Any]:
    tone = tone or tone_of(value)
    words = label or getattr(value, "label", "") or str(value).replace("_", " ")
    return {"label": words[:1].upper() + words[1:], "tone": tone, "live": tone == "blue"}

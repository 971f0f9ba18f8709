"""Pieces that stand by themselves: figures, values to copy, progress, charts."""

import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django import template
from django.template.context import Context

from bluefox.templatetags.ui_values import number, tone_of
from bluefox.templatetags.ui_values import percent as percent_of

register = template.Library()


@register.inclusion_tag("_partials/stat.html")
def stat(label: str, value: Any, hint: str = "", tone: str = "", url: str = "") -> dict[str, Any]:
    return {"label": label, "value": value, "hint": hint, "tone": tone, "url": url}


@register.inclusion_tag("_partials/copy.html")
def copy(
    value: str, label: str = "", secret: bool = False, multiline: bool = False
) -> dict[str, Any]:
    return {"value": value, "label": label, "secret": secret, "multiline": multiline}


@register.inclusion_tag("_partials/copy_button.html")
def copy_button(value: str, label: str = "Copy") -> dict[str, Any]:
    return {"value": value, "label": label}


@register.inclusion_tag("_partials/code.html")
def code(text: str, language: str = "", label: str = "") -> dict[str, Any]:
    return {"text": text.strip("\n"), "label": label or language, "language": language}


@register.inclusion_tag("_partials/tabs.html")
def tabs(items: Sequence[Mapping[str, Any]], label: str = "Sections") -> dict[str, Any]:
    return {"items": items, "label": label}


@register.inclusion_tag("_partials/timeline.html")
def timeline(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"items": items}


@register.inclusion_tag("_partials/progress.html", takes_context=True)
def progress(
    context: Context,
    done: int,
    total: int,
    *,
    state: Any = "running",
    label: str = "",
    note: str = "",
    rate: float | None = None,
    seconds_left: float | None = None,
    poll_url: str = "",
    pause_url: str = "",
    resume_url: str = "",
    cancel_url: str = "",
    cancel_text: str = "",
) -> dict[str, Any]:
    # The buttons come anew with every poll, the dialog does not: both go by an address that stays.
    key = f"{zlib.crc32((cancel_url or pause_url or resume_url).encode()):x}"
    return {
        "csrf_token": context.get("csrf_token"),
        "done": done,
        "total": total,
        "share": done / total if total else None,
        "state": state,
        "tone": tone_of(state),
        "label": label,
        "note": note,
        "rate": None if rate is None else round(rate),
        "seconds_left": seconds_left,
        "poll_url": poll_url,
        "pause_url": pause_url,
        "resume_url": resume_url,
        "cancel_url": cancel_url,
        "cancel_text": cancel_text,
        "key": key,
        "cancel_dialog": f"confirm-cancel-{key}",
    }


@register.inclusion_tag("_partials/chart.html")
def chart(
    id: str,
    kind: str,
    labels: Sequence[Any],
    series: Sequence[Mapping[str, Any]],
    caption: str,
    *,
    height: str = "md",
    lines: Sequence[Mapping[str, Any]] = (),
    percent: bool = False,
) -> dict[str, Any]:
    names = [str(label) for label in labels]
    show = partial(percent_of, digits=2) if percent else number
    rows = [
        (name, [show(one["values"][index]) for one in series]) for index, name in enumerate(names)
    ]
    return {
        "id": id,
        "data_id": f"{id}-data",
        "kind": kind,
        "caption": caption,
        "height": height,
        "series": series,
        "rows": rows,
        "data": {
            "kind": kind,
            "labels": names,
            "series": list(series),
            "lines": list(lines),
            "percent": percent,
        },
    }


@register.inclusion_tag("_partials/scripts.html")
def chart_scripts() -> dict[str, Any]:
    return {"charts": True}


@register.inclusion_tag("_partials/post_button.html", takes_context=True)
def post_button(
    context: Context,
    url: str,
    label: str,
    *,
    icon: str = "",
    tone: str = "",
    small: bool = False,
) -> dict[str, Any]:
    return {
        "csrf_token": context.get("csrf_token"),
        "url": url,
        "label": label,
        "icon": icon,
        "tone": tone,
        "small": small,
    }


@register.inclusion_tag("_partials/altcha.html")
def altcha(challenge_url: str) -> dict[str, Any]:
    return {"challenge_url": challenge_url}


@register.inclusion_tag("_partials/scripts.html")
def altcha_scripts() -> dict[str, Any]:
    return {"altcha": True}

"""Lists of rows: sorting, filtering, paging and selecting, all of it in the address."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.template.context import Context

from bluefox.templatetags.ui_blocks import render_block

register = template.Library()

CURSORS = ("after", "before")


@register.simple_tag(takes_context=True)
def query_url(context: Context, **changes: Any) -> str:
    """This page's query with ``changes`` made; ``None`` removes. It starts at the first page."""
    query = context["request"].GET.copy()
    for name in CURSORS:
        query.pop(name, None)
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = value
    return f"?{query.urlencode()}"


@register.inclusion_tag("_partials/th.html", takes_context=True)
def th(
    context: Context,
    label: str,
    *,
    sort: str = "",
    num: bool = False,
    default: bool = False,
    hidden: bool = False,
) -> dict[str, Any]:
    values: dict[str, Any] = {"label": label, "num": num, "hidden": hidden}
    if sort:
        key = sort.lstrip("-")
        current = context["request"].GET.get("sort", sort if default else "")
        order = {key: "ascending", f"-{key}": "descending"}.get(current)
        next_sort = {"ascending": f"-{key}", "descending": key}.get(order or "", sort)
        values |= {"url": query_url(context, sort=next_sort), "order": order}
    return values


@register.inclusion_tag("_partials/th_select.html")
def th_select() -> dict[str, Any]:
    return {}


@register.inclusion_tag("_partials/td_select.html")
def td_select(value: Any, label: str) -> dict[str, Any]:
    return {"value": value, "label": label}


@register.inclusion_tag("_partials/pager.html", takes_context=True)
def pager(
    context: Context,
    *,
    next: str | None = None,
    previous: str | None = None,
    shown: int | None = None,
    total: int | None = None,
    noun: str = "",
    one: str = "",
) -> dict[str, Any]:
    counted = shown if total is None else total
    return {
        "next_url": query_url(context, after=next) if next else "",
        "previous_url": query_url(context, before=previous) if previous else "",
        "shown": shown,
        "total": total,
        "noun": one if one and counted == 1 else noun,
    }


@register.inclusion_tag("_partials/search_box.html", takes_context=True)
def search_box(
    context: Context, name: str = "q", placeholder: str = "", label: str = "Search"
) -> dict[str, Any]:
    query = context["request"].GET
    kept = [
        (key, value)
        for key, values in query.lists()
        if key not in (name, *CURSORS)
        for value in values
    ]
    return {
        "name": name,
        "value": query.get(name, ""),
        "placeholder": placeholder,
        "label": label,
        "kept": kept,
    }


@register.inclusion_tag("_partials/chips.html", takes_context=True)
def chips(
    context: Context,
    param: str,
    choices: Iterable[tuple[Any, str]],
    label: str = "",
    counts: Mapping[Any, int] | None = None,
) -> dict[str, Any]:
    current = context["request"].GET.get(param, "")
    items = []
    for value, words in choices:
        chosen = str(value) == current
        items.append(
            {
                "label": words,
                "chosen": chosen,
                "count": None if counts is None else counts.get(value, 0),
                "url": query_url(context, **{param: None if chosen else value}),
            }
        )
    return {"label": label, "items": items}


@register.simple_block_tag(takes_context=True)
def selection_bar(
    context: Context,
    content: str,
    total: int | None = None,
    noun: str = "rows",
    one: str = "",
) -> str:
    return render_block(
        context, "selection_bar", content=content, total=total, noun=noun, one=one or noun
    )


@register.inclusion_tag("_partials/empty_state.html")
def empty_state(
    title: str,
    text: str = "",
    *,
    url: str = "",
    action: str = "",
    guide_url: str = "",
    guide: str = "Read the guide",
    icon: str = "inbox",
) -> dict[str, Any]:
    return {
        "title": title,
        "text": text,
        "url": url,
        "action": action,
        "guide_url": guide_url,
        "guide": guide,
        "icon": icon,
    }

"""What encloses a part of a page, or opens over it."""

import zlib
from typing import Any

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


def render_block(context: Context, name: str, **values: Any) -> SafeString:
    """The partial ``name``, which may hold a form of its own and so gets the CSRF token."""
    values["csrf_token"] = context.get("csrf_token")
    return mark_safe(render_to_string(f"_partials/{name}.html", values))  # noqa: S308 (a template)


@register.simple_tag(takes_context=True)
def block_again(context: Context, name: str) -> str:
    """A block once more: Django prints each block in one place, a title stands in two."""
    blocks = context.render_context.get(BLOCK_CONTEXT_KEY)
    block = blocks.get_block(name) if blocks else None
    return block.nodelist.render(context) if block else ""


@register.simple_block_tag(takes_context=True)
def notice(context: Context, content: str, tone: str, title: str = "") -> str:
    colour = {"info": "blue", "success": "green", "warning": "amber", "error": "red"}[tone]
    return render_block(context, "notice", content=content, tone=tone, colour=colour, title=title)


@register.simple_block_tag(takes_context=True)
def section(context: Context, content: str, title: str, text: str = "") -> str:
    return render_block(context, "section", content=content, title=title, text=text)


@register.simple_block_tag(takes_context=True)
def panel(context: Context, content: str, title: str = "") -> str:
    return render_block(context, "panel", content=content, title=title)


@register.simple_block_tag(takes_context=True)
def poll(context: Context, content: str, url: str, every: int = 2) -> str:
    return render_block(context, "poll", content=content, url=url, every=every)


@register.simple_block_tag(takes_context=True)
def step(
    context: Context,
    content: str,
    number: int,
    title: str,
    state: str = "todo",
    *,
    check_url: str = "",
    error: str = "",
) -> str:
    return render_block(
        context,
        "step",
        content=content if state != "todo" else "",
        number=number,
        title=title,
        state=state,
        check_url=check_url,
        error=error,
    )


@register.simple_block_tag(takes_context=True)
def dialog(context: Context, content: str, id: str, title: str) -> str:
    return render_block(context, "dialog", content=content, id=id, title=title)


@register.simple_block_tag(takes_context=True)
def danger(
    context: Context,
    content: str,
    *,
    id: str,
    title: str,
    action: str,
    button: str,
    typed: str = "",
    tone: str = "danger",
) -> str:
    return render_block(
        context,
        "danger_confirm",
        content=content,
        id=id,
        title=title,
        action=action,
        button=button,
        typed=typed,
        tone=tone,
    )


@register.simple_block_tag(takes_context=True)
def menu(context: Context, content: str, label: str, icon: str = "", align: str = "end") -> str:
    key = zlib.crc32(f"{label}{content}".encode())
    return render_block(
        context, "menu", content=content, label=label, icon=icon, align=align, id=f"menu-{key:x}"
    )

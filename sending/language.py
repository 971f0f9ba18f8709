"""Merge tags: Liquid, closed and bounded, so that a template can neither look around nor hang.

Left out are the tags and filters that build strings of any size or read other templates; what
is left has a limit on loops and output (python-liquid's own limits do not cover ranges, joins
and strftime widths, so these are refused here).
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, Environment, Expression, Node, RenderContext
from liquid.builtin import content, illegal, output
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.filters import array, math, misc, string
from liquid.builtin.tags import case_tag, comment_tag, for_tag, if_tag, unless_tag
from liquid.exceptions import FilterArgumentError, LiquidError, LiquidSyntaxError
from liquid.filter import liquid_filter, with_environment

from sending.errors import ContentError, RenderError

MAX_SOURCE = 256 * 1024
MAX_OUTPUT = 512 * 1024
_MAX_JOINED = 100_000

_TAGS = (
    content.Literal,
    output.Output,
    illegal.Illegal,
    if_tag.IfTag,
    unless_tag.UnlessTag,
    case_tag.CaseTag,
    for_tag.ForTag,
    for_tag.BreakTag,
    for_tag.ContinueTag,
    comment_tag.CommentTag,
)


@with_environment
def _join(items: Any, separator: object = " ", *, environment: Environment) -> str:
    """Liquid's join, bounded: it multiplies two strings of a template."""
    count = len(items) if isinstance(items, list | str) else 1
    if count * len(str(separator)) > _MAX_JOINED:
        raise FilterArgumentError("join makes more than 100,000 characters", token=None)
    return str(array.join(items, separator, environment=environment))


@with_environment
@liquid_filter
def _date(value: object, pattern: object, *, environment: Environment) -> Any:
    """Liquid's date without strftime widths such as %999999d."""
    if re.search(r"%[-_0^#]*\d", str(pattern)):
        raise FilterArgumentError("a date pattern cannot have widths", token=None)
    return misc.date(value, pattern, environment=environment)


_FILTERS = {
    "capitalize": string.capitalize,
    "date": _date,
    "default": misc.default,
    "downcase": string.downcase,
    "escape": string.escape,
    "first": array.first,
    "join": _join,
    "last": array.last,
    "minus": math.minus,
    "newline_to_br": string.newline_to_br,
    "plus": math.plus,
    "round": math.round_,
    "size": misc.size,
    "slice": string.slice_,
    "split": string.split,
    "strip": string.strip,
    "times": math.times,
    "truncate": string.truncate,
    "upcase": string.upcase,
    "url_encode": string.url_encode,
}


class _Closed(Environment):
    loop_iteration_limit = 500
    output_stream_limit = MAX_OUTPUT
    local_namespace_limit = 20_000
    context_depth_limit = 10
    block_nesting_limit = 10

    def setup_tags_and_filters(self, **_: Any) -> None:
        for tag in _TAGS:
            self.add_tag(tag)
        for name, function in _FILTERS.items():
            self.add_filter(name, function)


_HTML = _Closed(autoescape=True)
_PLAIN = _Closed(autoescape=False)


@lru_cache(maxsize=256)
def parse(source: str, *, html: bool, part: str) -> BoundTemplate:
    """The parsed template; `part` ("subject", "HTML", "text") is named in errors.

    In html, values are escaped. Raises ContentError with line and reason.
    """
    if len(source) > MAX_SOURCE:
        raise ContentError(f"The {part} is longer than 256 KB. Shorten it.", param=part)
    try:
        template = (_HTML if html else _PLAIN).from_string(source)
    except LiquidError as error:
        raise ContentError(_sentence(error, part), param=part) from error
    except RecursionError as error:
        raise ContentError(
            f"The merge tags of the {part} are nested too deep.", param=part
        ) from error
    for name, spans in template.analyze().filters.items():
        if name not in _FILTERS:
            line = source.count("\n", 0, spans[0].index) + 1
            raise ContentError(
                f"The {part}, line {line}, uses the filter {name!r}, which is not available. "
                f"Available are {', '.join(_FILTERS)}.",
                param=part,
            )
    for expression in _expressions(template):
        if isinstance(expression, RangeLiteral):
            raise ContentError(
                f"The {part} uses a range, {expression}. Ranges are not available; "
                "loop over a list instead.",
                param=part,
            )
    return template


def render(template: BoundTemplate, values: Mapping[str, Any]) -> str:
    """The rendered text. Raises RenderError when values and template do not fit."""
    try:
        return template.render(**values)
    except (LiquidError, ArithmeticError, ValueError, TypeError) as error:
        message = error.message if isinstance(error, LiquidError) else error
        raise RenderError(f"The merge tags failed: {message}") from error


def variables(template: BoundTemplate) -> dict[str, tuple[Any, ...]]:
    """Every variable that the template reads, as written -> its path, in order."""
    found: dict[str, tuple[Any, ...]] = {}
    for group in template.analyze().globals.values():
        for variable in group:
            found[str(variable)] = tuple(variable.segments)
    return found


def _expressions(template: BoundTemplate) -> Iterator[Expression]:
    context = RenderContext(template)
    waiting: list[Any] = list(template.nodes)
    while waiting:
        item = waiting.pop()
        if isinstance(item, Node):
            waiting.extend(item.expressions())
            waiting.extend(item.children(context))
        else:
            yield item
            waiting.extend(item.children())


def _sentence(error: LiquidError, part: str) -> str:
    place = error.context()
    where = f", line {place[0]}: {place[3].strip()[:80]!r}" if place else ""
    return f"A merge tag in the {part} cannot be read{where}. {_reason(error)}"


def _reason(error: LiquidError) -> str:
    reason = str(error.message or "").rstrip(".")
    if isinstance(error, LiquidSyntaxError) and "unknown tag" in reason.lower():
        reason += "; available are if, unless, case, for and comment"
    return reason[:1].upper() + reason[1:] + "."

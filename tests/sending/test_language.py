"""Merge tags are closed and bounded."""

import pytest
from liquid import BoundTemplate

from sending.errors import ContentError, RenderError
from sending.language import parse, render


def html(source: str) -> BoundTemplate:
    return parse(source, html=True, part="html")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("one\n{% if %}x{% endif %}", "line 2"),
        ("{{ a", "Expected '}}'"),
        ("{% for %}", "line 1"),
        ("{% include 'settings' %}", "include"),
        ("{% render 'settings' %}", "render"),
        ("{% assign a = 1 %}", "assign"),
        ("{% capture a %}{% endcapture %}", "capture"),
        ("{{ a | append: 'b' }}", "'append'"),
        ("a\nb {{ a | replace: 'a', 'aa' }}", "line 2"),
        ("{{ (1..999999999) | join }}", "range"),
        ("{% for i in (1..999999999) %}x{% endfor %}", "range"),
        ("{% if (1..9) contains a %}x{% endif %}", "range"),
        ("{{ x" + " | upcase" * 3 + " | nope }}", "'nope'"),
        ("x" * (256 * 1024 + 1), "256 KB"),
        ("{% if a %}" * 40 + "{% endif %}" * 40, "line 1"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(source: str, says: str) -> None:
    with pytest.raises(ContentError) as caught:
        html(source)
    assert says in caught.value.message
    assert caught.value.param == "html"


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("{% for i in a %}{% for j in a %}x{% endfor %}{% endfor %}", {"a": list(range(100))}),
        ("{% for i in a %}{{ b }}{% endfor %}", {"a": list(range(400)), "b": "x" * 2000}),
        ("{{ a | split: '' | join: a }}", {"a": "x" * 1000}),
        ("{{ 'now' | date: '%999999999d' }}", {}),
        ("{{ a | times: 'x' | round: 'y' }}", {"a": "1"}),
    ],
)
def test_bombs_end_in_an_error_for_that_message(source: str, values: dict[str, object]) -> None:
    try:
        rendered = render(html(source), values)
    except RenderError:
        return
    assert len(rendered) <= 512 * 1024


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.__class__ }}",
        "{{ contact.__class__.__mro__ }}",
        "{{ contact['__init__'].__globals__ }}",
        "{{ settings.SECRET_KEY }}",
        "{{ os.environ }}",
    ],
)
def test_a_template_sees_values_and_nothing_behind_them(source: str) -> None:
    assert render(html(source), {"contact": {"email": "a@example.com"}}) == ""


def test_html_escapes_values_and_plain_text_does_not() -> None:
    values = {"name": "<script>alert(1)</script>"}
    assert render(html("{{ name }}"), values) == "&lt;script&gt;alert(1)&lt;/script&gt;"
    plain = parse("{{ name }}", html=False, part="subject")
    assert render(plain, values) == values["name"]

"""The tags and filters that pages are composed of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django import forms
from django.http import HttpRequest
from django.template import Context, RequestContext, Template
from django.test import RequestFactory

from bluefox.templatetags.ui_values import duration, lateness, number, percent, relative, tone_of
from lists.models import ImportStatus
from sending.models import BatchState

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def render(source: str, request: HttpRequest | None = None, **values: Any) -> str:
    context = RequestContext(request, values) if request else Context(values)
    return Template(source).render(context)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (4312, "4,312"), (1234.5, "1,234.5"), (None, "—")]
)
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(0.001, 1, "0.1%"), (0.00023, 2, "0.02%"), (0.2, 0, "20%"), (None, 1, "—")],
)
def test_percent(share: float | None, digits: int, text: str) -> None:
    assert percent(share, digits) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4, "under a minute"),
        (60, "1 minute"),
        (1320, "22 minutes"),
        (3599, "1 h"),
        (3900, "1 h 5 min"),
        (7200, "2 h"),
        (86400 * 3, "3 days"),
        (None, "—"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (-3, "on time"), (0.4, "on time"), (12, "12 s late"), (300, "5 minutes late")],
)
def test_lateness(seconds: float | None, text: str) -> None:
    assert lateness(seconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=50), "1 minute ago"),
        (timedelta(minutes=3), "3 minutes ago"),
        (timedelta(minutes=59), "1 hour ago"),
        (timedelta(hours=23), "1 day ago"),
        (timedelta(days=13), "13 days ago"),
        (timedelta(days=60), "25 Sep 2026"),
        (timedelta(seconds=-5), "in a moment"),
        (timedelta(hours=-2), "in 2 hours"),
    ],
)
def test_relative(ago: timedelta, text: str) -> None:
    assert relative(NOON - ago, NOON) == text


def test_when_tells_the_exact_time_and_zone() -> None:
    assert 'title="24 Nov 2026, 12:00:00 UTC"' in render("{% when at %}", at=NOON)
    assert "never" in render("{% when at %}", at=None)


@pytest.mark.parametrize("state", ["hard_bounce", "Hard bounce", "failed", ImportStatus.FAILED])
def test_a_state_has_its_colour_as_member_value_or_label(state: Any) -> None:
    assert tone_of(state) == "red"


def test_a_status_has_a_colour_and_a_word() -> None:
    html = render("{% status state %}", state=BatchState.RUNNING)
    assert 'data-tone="blue"' in html
    assert ">Sending<" in html
    assert 'data-tone="grey"' in render("{% status 'whatever' %}")


def test_a_value_is_escaped() -> None:
    html = render("{% copy value %}{% status value %}{% stat 'a' value %}", value='"<script>')
    assert html.count("&quot;&lt;") >= 4
    assert "<script>" not in html


class Signup(forms.Form):
    email = forms.EmailField(label="Address", help_text="Where mail goes.")
    lists = forms.MultipleChoiceField(
        choices=[("a", "News"), ("b", "Events")], widget=forms.CheckboxSelectMultiple
    )
    token = forms.CharField(widget=forms.HiddenInput)


def test_a_field_in_error_is_tied_to_its_words() -> None:
    html = render("{% field form.email %}", form=Signup({"email": "nope"}))
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_email_helptext id_email_error"' in html
    assert 'id="id_email_helptext"' in html
    assert 'id="id_email_error"' in html
    assert 'value="nope"' in html


def test_help_of_the_page_is_tied_to_the_field() -> None:
    html = render("{% field form.email help='Work address' %}", form=Signup())
    assert 'aria-describedby="id_email_helptext"' in html
    assert "Work address" in html
    assert "Where mail goes." not in html


def test_choices_are_a_group_with_a_legend() -> None:
    html = render("{% field form.lists %}", form=Signup({"lists": ["b"]}))
    assert "<fieldset" in html
    assert html.count('type="checkbox"') == 2
    assert html.count(" checked") == 1


def test_the_summary_links_each_error_and_keeps_hidden_ones() -> None:
    html = render("{% form_errors form %}", form=Signup({"email": "nope", "lists": ["a"]}))
    assert 'href="#id_email"' in html
    assert "This field is required." in html  # the hidden token's
    assert render("{% form_errors form %}", form=Signup()).strip() == ""


@pytest.fixture
def filtered() -> HttpRequest:
    return RequestFactory().get("/contacts/?q=anna&status=active&sort=email&after=abc")


def test_a_sort_link_turns_the_order_and_starts_at_the_first_page(filtered: HttpRequest) -> None:
    html = render("{% th 'Address' sort='email' %}", filtered)
    assert 'aria-sort="ascending"' in html
    assert "sort=-email" in html
    assert "q=anna" in html
    assert "after=" not in html
    assert 'aria-sort="descending"' in render(
        "{% th 'Added' sort='-created' default=True %}", RequestFactory().get("/contacts/")
    )


def test_chips_set_and_clear_one_parameter(filtered: HttpRequest) -> None:
    choices = [("active", "Active"), ("paused", "Paused")]
    html = render("{% chips 'status' choices %}", filtered, choices=choices)
    assert 'href="?q=anna&amp;sort=email" aria-current="true"' in html
    assert 'href="?q=anna&amp;status=paused&amp;sort=email"' in html


def test_the_search_box_keeps_the_filters(filtered: HttpRequest) -> None:
    html = render("{% search_box %}", filtered)
    assert 'name="q" value="anna"' in html
    assert '<input type="hidden" name="status" value="active">' in html
    assert "after" not in html


def test_the_pager_says_how_many_and_leads_on(filtered: HttpRequest) -> None:
    html = render("{% pager next='n' shown=50 total=4298 noun='contacts' %}", filtered)
    assert "50 of 4,298 contacts" in html
    assert 'rel="next" href="?q=anna&amp;status=active&amp;sort=email&amp;after=n"' in html
    assert 'rel="prev"' not in html
    assert render("{% pager %}", filtered).strip() == ""
    for shown, total, words in ((1, "None", "1 import<"), (2, "None", "2 imports<"),
                                (0, "None", "0 imports<"), (1, 1, "1 import<"),
                                (1, 3, "1 of 3 imports<")):  # fmt: skip
        given = f"shown={shown} total={total} noun='imports' one='import'"
        assert words in render(f"{{% pager {given} %}}", filtered)


@pytest.mark.parametrize(
    "source",
    [
        "{% danger id='x' title='t' action='/go/' button='b' %}…{% enddanger %}",
        "{% post_button '/go/' 'b' %}",
        "{% progress 1 2 cancel_url='/c/' pause_url='/p/' %}",
        "{% step 1 't' 'failed' check_url='/again/' %}…{% endstep %}",
    ],
)
def test_what_posts_carries_the_csrf_token(source: str) -> None:
    html = render(source, RequestFactory().get("/"))
    assert html.count('method="post"') == html.count("csrfmiddlewaretoken") > 0


def test_progress_polls_only_where_it_may() -> None:
    assert "every 2s" in render("{% progress 1 2 poll_url='/p/' %}")
    assert "hx-get" not in render("{% progress 1 2 %}")
    assert "<progress" in render("{% progress 0 0 %}")


def test_a_chart_comes_with_its_figures() -> None:
    html = render(
        "{% chart 'c' 'line' days series 'Bounces' percent=True %}",
        days=["Mon", "Tue"],
        series=[{"label": "Rate", "values": [0.001, None]}],
    )
    assert '<script id="c-data" type="application/json">' in html
    assert "0.10%" in html
    assert "—" in html


def test_a_title_stands_in_two_places() -> None:
    base = Template(
        "<title>{% block title %}{% endblock %}</title><h1>{% block_again 'title' %}</h1>"
    )
    child = Template("{% extends base %}{% block title %}{{ name }} &amp; co{% endblock %}")
    assert (
        child.render(Context({"base": base, "name": "<A>"}))
        == "<title>&lt;A&gt; &amp; co</title><h1>&lt;A&gt; &amp; co</h1>"
    )

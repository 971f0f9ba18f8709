"""The pieces of a page, as a person uses them in Chromium, under the policy of the real site."""

import re
import threading
from collections.abc import Callable, Iterator
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import altcha
import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import RequestContext, Template
from django.test import override_settings
from django.urls import include, path
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings

NAVIGATION = [
    {"label": "Home", "url": "/", "icon": "house", "key": "h", "current": True},
    {"label": "Contacts", "url": "/table/", "icon": "users", "key": "o", "current": False},
]
POLLS = {"count": 0, "ticks": 0}
SOLVED = {"secret": "s" * 32, "key": "k" * 32}

TABLE = """
<form method="get" class="toolbar" role="search">{% search_box %}</form>
<form method="post" x-data="selection">{% csrf_token %}
{% selection_bar total=4298 noun="contacts" %}<button>Add</button>{% endselection_bar %}
<div class="table-wrap"><table class="data"><caption>Contacts</caption>
<thead><tr>{% th_select %}{% th "Address" sort="email" %}{% th "Actions" hidden=True %}</tr></thead>
<tbody>{% for name in "abcdef" %}<tr>{% td_select name name %}<th scope="row">{{ name }}</th>
<td>{% menu "Actions" icon="ellipsis" %}
<a href="#{{ name }}">Open {{ name }}</a><a href="#">Copy</a>
{% endmenu %}</td>
</tr>{% endfor %}</tbody></table></div></form>
"""
PIECES = """
{% copy "k3nsj.dkim.example" label="Value" %}{% copy "whsec_1" label="Secret" secret=True %}
<button class="btn" data-dialog="del">Delete</button>
{% danger id="del" title="Delete it?" action="/gone/" button="Delete" typed="Acme" %}
<p>All.</p>
{% enddanger %}
<button class="btn" hx-get="/toast/">Save</button>
<button class="btn" hx-get="/answer/422/" hx-target="#out">Invalid</button>
<button class="btn" hx-get="/answer/500/" hx-target="#out">Break</button><div id="out"></div>
{% progress 0 4 state="sending" poll_url="/poll/" pause_url="/p/" %}
{% chart "mails" "line" days series "Bounces" lines=lines percent=True %}
<form method="post" class="form" data-confirm-leave>{% csrf_token %}
<label>Captcha
<select name="captcha" class="select"><option>none</option><option>recaptcha</option></select>
</label>
<div data-toggle-by="captcha" data-toggle-value="recaptcha">
<label>Site key <input class="input" name="key" required></label>
</div>
</form>
"""


def _page(request: HttpRequest, body: str, base: str = "base.html") -> HttpResponse:
    source = (
        '{% extends "' + base + '" %}{% block title %}Trial{% endblock %}'
        "{% block scripts %}{% chart_scripts %}{% altcha_scripts %}{% endblock %}"
        "{% block content %}" + body + "{% endblock %}"
    )
    values = {
        "navigation": NAVIGATION,
        "tenant": {"name": "Acme", "accent": "teal"},
        "days": ["Mon", "Tue"],
        "series": [{"label": "MAILS WON", "values": [0.001, 0.002]}],
        "lines": [{"value": 0.05, "label": "AWS reviews at 5%", "tone": "amber"}],
    }
    return HttpResponse(Template(source).render(RequestContext(request, values)))


def _toast(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        status=204, headers={"HX-Trigger": '{"toast": {"text": "Saved", "tone": "success"}}'}
    )


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    return HttpResponse(f"<p>answer {status}</p>", status=status)


def _poll(request: HttpRequest) -> HttpResponse:
    POLLS["count"] += 1
    source = Template(f'{{% progress {POLLS["count"]} 4 state="sending" pause_url="/p/" %}}')
    html = source.render(RequestContext(request))
    return HttpResponse(html, status=286 if POLLS["count"] == 2 else 200)


def _tick(request: HttpRequest) -> HttpResponse:
    POLLS["ticks"] += 1
    source = f'{{% dialog "inside" "Inside" %}}…{{% enddialog %}}<p>tick {POLLS["ticks"]}</p>'
    return HttpResponse(Template(source).render(RequestContext(request)))


def _ticking(request: HttpRequest) -> HttpResponse:
    body = '{% dialog "inside" "Inside" %}…{% enddialog %}<p>tick 0</p>'
    opener = '<button data-dialog="inside">Open</button>'
    return _page(request, opener + '{% poll "/tick/" every=1 %}' + body + "{% endpoll %}")


def _challenge(request: HttpRequest) -> JsonResponse:
    challenge = altcha.create_challenge(
        "PBKDF2/SHA-256",
        1000,
        counter=100,
        hmac_secret=SOLVED["secret"],
        hmac_key_secret=SOLVED["key"],
    )
    return JsonResponse(challenge.to_dict())


def _public(request: HttpRequest) -> HttpResponse:
    body = '<form method="post">{% altcha "/challenge/" %}<button class="btn">Go</button></form>'
    return _page(request, body, "base_public.html")


urlpatterns = [
    path("", lambda request: _page(request, PIECES)),
    path("table/", lambda request: _page(request, TABLE)),
    path("public/", _public),
    path("toast/", _toast),
    path("answer/<int:status>/", _answer),
    path("poll/", _poll),
    path("tick/", _tick),
    path("ticking/", _ticking),
    path("challenge/", _challenge),
    path("accounts/", include("allauth.account.urls")),
    path("", include("tenants.urls_start")),
]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Requests are not worth a line."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"]):
        application = StaticFilesHandler(get_wsgi_application())
        server = make_server("127.0.0.1", 0, application, _Server, _Silent)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        server.server_close()


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Opens a page of the trial site; at the end no page may have broken the policy or thrown."""
    wrong: list[str] = []
    contexts = []

    def open_page(address: str = "", **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda message: wrong.append(message.text) if message.type == "error" else None,
        )
        page.goto(site + address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    asked_for = re.compile("status of (422|500)|Response Status Error Code 500")
    assert [text for text in wrong if not asked_for.search(text)] == []


# Whether nothing is painted at the right edge of a chart, where a name would be cut off.
_ROOM = """one => one.getContext("2d").getImageData(one.width - 2, 0, 2, one.height).data
    .every(value => value === 0)"""


def test_the_name_at_the_end_of_a_line_is_whole(visit: Callable[..., Page]) -> None:
    page = visit(reduced_motion="reduce")
    chart = page.locator("canvas[data-chart]")
    expect(chart).to_have_attribute("width", re.compile(r"\d+"))  # it is drawn
    assert chart.evaluate(_ROOM)


def test_rows_are_ticked_one_by_one_in_ranges_and_all_at_once(visit: Callable[..., Page]) -> None:
    page = visit("table/")
    bar = page.locator(".selection-bar")
    expect(bar).to_be_hidden()
    page.get_by_label("Select b").click()
    expect(bar).to_contain_text("1 of 4,298 contacts selected")
    page.get_by_label("Select e", exact=True).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 of 4,298")
    page.get_by_label("Select every row").click()
    expect(bar).to_contain_text("6 of 4,298")
    page.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def test_keys_search_go_and_list_themselves(visit: Callable[..., Page]) -> None:
    page = visit()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/table/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()


def test_a_menu_opens_beside_its_button_and_takes_arrows(visit: Callable[..., Page]) -> None:
    page = visit("table/")
    button = page.get_by_role("button", name="Actions").last
    button.click()
    first = page.get_by_role("link", name="Open f")
    expect(first).to_be_focused()
    place, opened = button.bounding_box(), first.bounding_box()
    assert place and opened
    assert abs(opened["y"] - place["y"]) < 100
    page.keyboard.press("ArrowDown")
    expect(page.locator(".menu-list:popover-open").get_by_text("Copy")).to_be_focused()
    page.keyboard.press("Escape")
    expect(first).to_be_hidden()


def test_a_value_is_copied_and_a_secret_shown_when_asked(visit: Callable[..., Page]) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy Value").click()
    assert page.evaluate("navigator.clipboard.readText()") == "k3nsj.dkim.example"
    expect(page.get_by_text("whsec_1")).to_be_hidden()
    page.get_by_role("button", name="Show Secret").click()
    expect(page.get_by_text("whsec_1")).to_be_visible()


def test_what_cannot_be_undone_asks_for_the_word(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete it?")
    expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
    dialog.get_by_role("textbox").fill("Acme")
    expect(dialog.get_by_role("button", name="Delete")).to_be_enabled()
    dialog.get_by_role("button", name="Go back").click()
    expect(dialog).to_be_hidden()


def test_answers_are_swapped_told_or_explained(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    page.get_by_role("button", name="Invalid").click()
    expect(page.locator("#out")).to_have_text("answer 422")
    page.get_by_role("button", name="Break").click()
    expect(page.locator("#toasts")).to_contain_text("The server answered 500.")
    expect(page.locator("#out")).to_have_text("answer 422")


def test_progress_moves_keeps_the_focus_and_stops(visit: Callable[..., Page]) -> None:
    POLLS["count"] = 0
    page = visit()
    page.get_by_role("button", name="Pause").focus()
    figures = page.locator(".progress-live footer")
    expect(figures).to_contain_text("1 of 4")
    expect(figures).to_contain_text("2 of 4")
    page.wait_for_timeout(2500)
    assert POLLS["count"] == 2


def test_an_open_dialog_is_not_refreshed_away(visit: Callable[..., Page]) -> None:
    POLLS["ticks"] = 0
    page = visit("ticking/")
    expect(page.get_by_text("tick 1")).to_be_visible()
    page.get_by_role("button", name="Open").click()
    dialog = page.get_by_role("dialog", name="Inside")
    page.wait_for_timeout(2500)
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    ticks = POLLS["ticks"]
    expect(page.get_by_text(f"tick {ticks + 1}")).to_be_visible()


def test_a_field_that_does_not_apply_is_hidden_and_not_asked_for(
    visit: Callable[..., Page],
) -> None:
    page = visit()
    key = page.get_by_label("Site key")
    expect(key).to_be_hidden()
    expect(key).to_be_disabled()
    page.get_by_label("Captcha").select_option("recaptcha")
    expect(key).to_be_visible()
    expect(key).to_be_enabled()


def test_the_chosen_theme_is_remembered(visit: Callable[..., Page]) -> None:
    page = visit(color_scheme="light")
    page.locator("[popovertarget=person]").click()
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_altcha_solves_under_the_policy_and_no_cookie_is_set(visit: Callable[..., Page]) -> None:
    page = visit("public/")
    page.get_by_label("I'm not a robot").click()
    answer = page.locator("input[name=altcha]")
    expect(answer).to_have_value(re.compile(".{40,}"), timeout=20_000)
    verified = altcha.verify_solution(
        answer.input_value(), SOLVED["secret"], hmac_key_secret=SOLVED["key"]
    )
    assert verified.verified
    assert page.context.cookies() == []


@pytest.mark.parametrize("address", ["", "table/", "public/", "accounts/login/"])
@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1440, "dark")])
def test_a_page_is_accessible_and_does_not_scroll_sideways(
    visit: Callable[..., Page], address: str, scheme: str, width: int
) -> None:
    page = visit(address, color_scheme=scheme, viewport={"width": width, "height": 800})
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width

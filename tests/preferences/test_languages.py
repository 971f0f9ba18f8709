"""Public pages in the reader's language, and catalogues that say everything."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation.template import templatize

from lists.models import Confirmation, Contact, SignupForm
from preferences.languages import OFFERED
from preferences.services import mailing
from sending.language import parse, render
from tests.preferences.conftest import assert_public, confirm_path, form_url, link, mails

ROOT = Path(settings.BASE_DIR)
TRANSLATED = sorted(set(OFFERED) - {"en"})
_CALLS: dict[str, None] = dict.fromkeys(("gettext", "gettext_lazy", "_"))


def text(response: Any) -> str:
    return str(response.content.decode())


def sources() -> list[Path]:
    pages = [*ROOT.glob("templates/public/*.html"), ROOT / "templates/base_public.html"]
    code = [*ROOT.glob("preferences/**/*.py"), *ROOT.glob("lists/**/*.py")]
    return [*pages, ROOT / "templates/_partials/field.html", *code]


def said() -> set[str]:
    """Every sentence that pages and code ask a catalogue for."""
    found = set()
    for path in sources():
        source = path.read_text()
        if path.suffix == ".html":
            source = templatize(source)
        for _, _, message, _ in extract_python(io.BytesIO(source.encode()), _CALLS, (), {}):
            found.add(message if isinstance(message, str) else message[0])
    return found - {""}


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_is_translated(code: str) -> None:
    with (ROOT / f"locale/{code}/LC_MESSAGES/django.po").open("rb") as file:
        catalogue = read_po(file)
    words = {str(message.id): str(message.string or "") for message in catalogue if message.id}
    assert sorted(said() - {key for key, value in words.items() if value}) == []
    for original, translated in words.items():
        names = re.findall(r"%\(\w+\)s|</?strong>", original)
        assert sorted(names) == sorted(re.findall(r"%\(\w+\)s|</?strong>", translated)), original


def test_the_catalogues_are_compiled() -> None:
    """By `make setup`; Django reads nothing else."""
    for code in TRANSLATED:
        with translation.override(code):
            assert (
                translation.gettext("Unsubscribe from everything") != "Unsubscribe from everything"
            )


def language(response: Any) -> str:
    found = re.search(r'<html lang="([a-z]+)">', text(response))
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("ja, pt-BR;q=0.9, en;q=0.1", "pt"),
        ("ja", "en"),
        ("*", "en"),
        ("<script>", "en"),
        ("fr" * 5000, "en"),
    ],
)
def test_the_browsers_language(
    visitor: Client, add_contact: Callable[..., Contact], header: str, expected: str
) -> None:
    ada = add_contact("ada@person.example")
    response = visitor.get(link("preferences", ada), headers={"Accept-Language": header})
    assert_public(response)
    assert language(response) == expected


def test_the_contacts_own_language_beats_the_browsers(
    visitor: Client, add_contact: Callable[..., Contact]
) -> None:
    ada = add_contact("ada@person.example", language="it")
    for name in ("preferences", "unsubscribe"):
        response = visitor.get(link(name, ada), headers={"Accept-Language": "de"})
        assert language(response) == "it"
    assert "Annulla tutte le iscrizioni" in text(response)


def test_a_language_that_is_offered_no_more_is_passed_over(
    visitor: Client, add_contact: Callable[..., Contact]
) -> None:
    ada = add_contact("ada@person.example", language="xx")
    response = visitor.get(link("preferences", ada), headers={"Accept-Language": "de"})
    assert language(response) == "de"


def test_the_reader_switches_without_a_cookie(
    visitor: Client, add_contact: Callable[..., Contact]
) -> None:
    ada = add_contact("ada@person.example")
    url = link("preferences", ada)
    assert 'href="?lang=fr"' in text(visitor.get(url))
    page = visitor.get(f"{url}?lang=fr")
    assert_public(page)
    assert language(page) == "fr"
    assert 'hreflang="fr" rel="nofollow" aria-current="true"' in text(page)
    ada.refresh_from_db()
    assert ada.language == ""  # looking keeps nothing
    answer = visitor.post(f"{url}?lang=fr", {"act": "unsubscribe"})
    assert "Vous êtes désinscrit de tout." in text(answer)
    ada.refresh_from_db()
    assert ada.language == "fr"
    assert language(visitor.get(url)) == "fr"
    assert language(visitor.get(f"{url}?lang=xx")) == "fr"


def test_a_day_is_written_as_the_language_does(
    visitor: Client, add_contact: Callable[..., Contact]
) -> None:
    ada = add_contact("ada@person.example", language="de")
    until = "2027-01-31"
    Contact.unscoped.update(paused_until=f"{until}T12:00:00Z")
    assert "31. Januar 2027" in text(visitor.get(link("preferences", ada)))


def test_the_confirmation_speaks_the_language_of_the_sign_up(
    visitor: Client, form: SignupForm, post: Callable[..., Any]
) -> None:
    visitor.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    post()
    assert Confirmation.unscoped.get().language == "es"
    [(_, values)] = mails()
    assert values["words"]["button"] == "Confirmar mi suscripción"
    assert values["language"] == "es"
    visitor.defaults.pop("HTTP_ACCEPT_LANGUAGE")
    assert language(visitor.get(confirm_path())) == "es"
    assert "Su suscripción está confirmada" in text(visitor.post(confirm_path()))
    assert Contact.unscoped.get().language == "es"


def test_errors_speak_it_too(visitor: Client, form: SignupForm) -> None:
    broken = visitor.get("/u/broken/?lang=pt")
    assert "Esta ligação não funciona" in text(broken)
    values = {"email": "ada@person.example"}
    answer = visitor.post(f"{form_url(form)}?lang=de", values)
    assert "Noch ein Schritt" in text(answer)


def test_the_dashboard_stays_english(alice: Any) -> None:
    page = alice.client.get(
        reverse("tenants:home", args=["acme"]), headers={"Accept-Language": "de"}
    )
    assert '<html lang="en">' in page.content.decode()


def test_words_of_the_mail_are_escaped(form: SignupForm, post: Callable[..., Any]) -> None:
    SignupForm.unscoped.update(title="<b>News</b>")
    post()

    html = render(parse(mailing.OURS.html, html=True, part="HTML"), mails()[0][1])
    assert "&lt;b&gt;News&lt;/b&gt;" in html

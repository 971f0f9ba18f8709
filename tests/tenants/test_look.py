"""The look of public pages: a colour that can be read on, a picture that is only a picture."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tenants.errors import LookRefused
from tenants.look import LEAST_CONTRAST, LOGO_BYTES, contrast_with_white, read_colour
from tenants.models import AuditEvent, Logo, Tenant
from tests.conftest import Person

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
FORM = {"accent": "teal", "colour": "", "public_footer": ""}


def saved(person: Person, **fields: Any) -> Any:
    return person.client.post("/w/acme/settings/look/save/", FORM | fields)


def picture(data: bytes, name: str = "logo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/png")


def acme() -> Tenant:
    return Tenant.objects.get(slug="acme")


@pytest.mark.parametrize(
    ("colour", "contrast"),
    [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54), ("#0000ff", 8.59)],
)
def test_contrast_is_that_of_wcag(colour: str, contrast: float) -> None:
    assert contrast_with_white(colour) == pytest.approx(contrast, abs=0.01)


@pytest.mark.parametrize(
    "text", ["#ffcc00", "#777777", "#fff", "red", "#12345g", "url(x)", "#ffffff"]
)
def test_a_colour_that_will_not_do_is_refused(text: str) -> None:
    with pytest.raises(LookRefused):
        read_colour(text)


def test_a_light_colour_is_answered_with_one_that_will_do() -> None:
    with pytest.raises(LookRefused) as refused:
        read_colour("#FFCC00")
    offered = refused.value.message.split(". ")[-1].split(" ")[0]
    assert offered.startswith("#")
    assert contrast_with_white(read_colour(offered)) >= LEAST_CONTRAST


def test_colour_and_footer_are_shown_on_public_pages(alice: Person, client: Client) -> None:
    footer = "See https://acme.example/privacy <b>"
    assert saved(alice, colour=" #7A1F5C ", public_footer=footer).status_code == 302
    assert (acme().accent, acme().colour) == ("teal", "#7a1f5c")
    page = client.get("/u/forged/").content.decode()
    assert "accent-own" not in page  # nobody's page
    sheet = client.get("/look/7a1f5c.css")
    assert sheet["Content-Type"] == "text/css"
    assert sheet.content == b".accent-own { --accent: #7a1f5c; }\n"
    assert "Set-Cookie" not in sheet
    assert AuditEvent.unscoped.get().detail["colour"] == {"from": "", "to": "#7a1f5c"}


@pytest.mark.parametrize("value", ["red", "7A1F5C", "7a1f5c}body{color:red", "7a1f5", "%0a"])
def test_there_is_no_style_sheet_of_anything_else(client: Client, db: None, value: str) -> None:
    assert client.get(f"/look/{value}.css").status_code == 404


def test_a_wrong_colour_is_told_and_nothing_is_saved(alice: Person) -> None:
    response = saved(alice, colour="#ffcc00", logo=picture(PNG))
    assert response.status_code == 422
    assert "hard to read" in response.content.decode()
    assert (acme().accent, acme().logo_digest) == ("blue", "")


def test_a_logo_is_served_as_a_picture_and_nothing_else(alice: Person, client: Client) -> None:
    assert saved(alice, logo=picture(PNG)).status_code == 302
    response = client.get(acme().logo_url)
    assert response.content == PNG
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "immutable" in response["Cache-Control"]
    assert "Set-Cookie" not in response
    before = acme().logo_url
    saved(alice, logo=picture(b"GIF89a" + bytes(9)))
    assert acme().logo_url != before
    assert client.get(before).status_code == 404
    assert client.get(acme().logo_url)["Content-Type"] == "image/gif"
    saved(alice, remove_logo="on")
    assert acme().logo_url == ""
    assert not Logo.unscoped.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html>",
        b"%PDF-1.7",
        PNG + bytes(LOGO_BYTES),
    ],
    ids=["svg", "html", "pdf", "too large"],
)
def test_what_is_no_small_picture_is_refused(alice: Person, data: bytes) -> None:
    response = saved(alice, logo=picture(data))
    assert response.status_code == 422
    assert "id_logo_error" in response.content.decode()
    assert not Logo.unscoped.exists()


def test_a_marketer_sees_the_look_and_cannot_change_it(bob: Person) -> None:
    page = bob.client.get("/w/acme/settings/look/").content.decode()
    assert "Owners and admins can change this." in page
    assert saved(bob).status_code == 403

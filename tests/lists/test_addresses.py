"""Addresses: the fast way and email-validator agree on every one; refusals say why."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from lists.addresses import Address, normalise, normalise_pair
from lists.errors import InvalidAddress
from lists.hygiene import Hygiene, hygiene_of, plain_person

# Near misses are what could slip through: pieces that are almost an address, put together.
_LOCAL = st.text("aZ09.+-_'=@ \"\\öK", max_size=8) | st.just("x" * 64) | st.just("x" * 65)
_LABEL = (
    st.text("aZ9-ö", max_size=5)
    | st.sampled_from(["xn--zcaj8cya", "xn--a", "ab--c", "test", "local", "onion", "1", "c0m"])
    | st.just("y" * 63)
    | st.just("y" * 64)
)
_DOMAIN = st.lists(_LABEL, max_size=5).map(".".join)


def _expected(address: str) -> str | None:
    try:
        valid = validate_email(
            address.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
        )
    except EmailNotValidError:
        return None
    return str(valid.ascii_email).lower()


@given(st.builds("{}@{}".format, _LOCAL, _DOMAIN) | st.text(max_size=20))
@example("\u212aelvin@example.com")  # the Kelvin sign, whose lower case is an ASCII k
@example("a@" + "y" * 63 + ("." + "z" * 63) * 2 + "." + "w" * 57 + ".co")  # 254 characters
@example("a@" + "y" * 63 + ("." + "z" * 63) * 2 + "." + "w" * 58 + ".co")
@example("a@example.com\n")
@example("a@example.test")
@example("a@EXAMPLE.Localhost")
@example("Info@Example.com")
def test_accepts_and_refuses_what_email_validator_does(address: str) -> None:
    try:
        found = normalise(address)
    except InvalidAddress:
        assert _expected(address) is None
    else:
        assert found.email_norm == _expected(address)
        assert normalise(found.email).email_norm == found.email_norm
        assert normalise(found.email_norm) == Address(found.email_norm, found.email_norm)


@pytest.mark.parametrize(
    ("typed", "email", "email_norm"),
    [
        ("Foo@X.com", "Foo@X.com", "foo@x.com"),
        ("  foo@x.com ", "foo@x.com", "foo@x.com"),
        ("a@äöüß.de", "a@xn--zcaj8cya.de", "a@xn--zcaj8cya.de"),
        ("O'Neil+News@Example.COM", "O'Neil+News@Example.COM", "o'neil+news@example.com"),
        ("a@shop.example", "a@shop.example", "a@shop.example"),
    ],
)
def test_keeps_what_was_typed_and_finds_the_person(typed: str, email: str, email_norm: str) -> None:
    assert normalise(typed) == Address(email, email_norm)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "no address"),
        ("Test", "must have an @"),
        ("Test@test", "should have a period"),
        ("jöhn@example.com", "'ö'"),
        ("a b@example.com", "SPACE"),
        ("Joe <joe@example.com>", "display name"),
        ("joe@example..com", "two periods"),
        ("joe@localhost.localdomain.local", "reserved"),
        ("joe@[127.0.0.1]", "IP address"),
    ],
)
def test_says_what_is_wrong(typed: str, why: str) -> None:
    with pytest.raises(InvalidAddress, match=why):
        normalise(typed)


@given(st.builds("{}@{}".format, _LOCAL, _DOMAIN) | st.text(max_size=20))
@example("\u212aelvin@example.com")
@example("a@EXAMPLE.co")
@example("x" * 64 + "@" + "y" * 63 + ("." + "z" * 63) * 2)
@example("a+b@example.com")
@example("Info@example.com")
@example("a@mailinator.com")
def test_a_plain_person_is_what_the_long_way_says(address: str) -> None:
    if email_norm := plain_person(address):
        assert normalise_pair(address) == (address, email_norm)
        assert hygiene_of(email_norm) == Hygiene.PERSON


def test_most_people_are_plain() -> None:
    assert plain_person("Ann_B.Lee-3@Mail.example.com") == "ann_b.lee-3@mail.example.com"
    others = ("info@example.com", "a+b@example.com", "a@mailinator.com", "a@b", "", "ann@x.test")
    assert not any(map(plain_person, others))

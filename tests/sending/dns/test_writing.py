"""Zone files and names, read back by dnspython."""

import dns.name
import dns.zone
import pytest
from dns.rdatatype import CNAME, MX, TXT, RdataType

from sending.dns.names import ascii_name, shown
from sending.dns.verdicts import Wanted
from sending.dns.zonefile import zone_file
from sending.models import Purpose


def test_a_zone_file_is_read_as_it_was_meant() -> None:
    long = 'v=DMARC1; p=none; x="quoted\\ and long' + "y" * 600
    text = zone_file(
        "acme.example",
        [
            Wanted(Purpose.DKIM, "CNAME", "t._domainkey.acme.example", "t.dkim.amazonses.com"),
            Wanted(Purpose.MAIL_FROM, "MX", "mail.acme.example", "10 feedback-smtp.x.example"),
            Wanted(Purpose.DMARC, "TXT", "_dmarc.acme.example", long),
        ],
    )
    zone = dns.zone.from_text(text, "acme.example.", relativize=False, check_origin=False)

    def at(name: str, kind: RdataType) -> list[dns.rdata.Rdata]:
        return list(zone.find_rdataset(dns.name.from_text(name), kind))

    (alias,) = at("t._domainkey.acme.example", CNAME)
    assert alias.to_text() == "t.dkim.amazonses.com."
    (bounces,) = at("mail.acme.example", MX)
    assert bounces.to_text() == "10 feedback-smtp.x.example."
    (dmarc,) = at("_dmarc.acme.example", TXT)
    strings = dmarc.strings  # type: ignore[attr-defined]
    assert b"".join(strings).decode() == long
    assert max(len(string) for string in strings) == 255


@pytest.mark.parametrize(
    ("given", "ascii_form"),
    [
        ("Example.COM.", "example.com"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("news.MÜNCHEN.example", "news.xn--mnchen-3ya.example"),
        ("_dmarc.münchen.example", "_dmarc.xn--mnchen-3ya.example"),
        ("under_score.example", "under_score.example"),
    ],
)
def test_names_become_ascii(given: str, ascii_form: str) -> None:
    assert ascii_name(given) == ascii_form


def test_names_are_shown_as_people_write_them() -> None:
    assert shown("xn--mnchen-3ya.example") == "münchen.example"
    assert shown("xn--zzzzzzzzzzz99.example") == "xn--zzzzzzzzzzz99.example"
    with pytest.raises(ValueError, match=r"not allowed"):
        ascii_name("☃\u200b.example")

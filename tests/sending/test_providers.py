"""Who keeps a mailbox, as far as its address tells."""

import pytest

from sending.models import Provider
from sending.providers import domain_of, provider_of


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("ann@gmail.com", Provider.GMAIL),
        ("Ann@GoogleMail.COM", Provider.GMAIL),
        ("ann@outlook.com", Provider.MICROSOFT),
        ("ann@hotmail.co.uk", Provider.MICROSOFT),
        ("ann@live.nl", Provider.MICROSOFT),
        ("ann@msn.com", Provider.MICROSOFT),
        ("ann@yahoo.com", Provider.YAHOO),
        ("ann@yahoo.com.br", Provider.YAHOO),
        ("ann@ymail.com", Provider.YAHOO),
        ("ann@aol.com", Provider.YAHOO),
        ("ann@icloud.com", Provider.APPLE),
        ("ann@me.com", Provider.APPLE),
        ("ann@gmx.net", Provider.GMX),
        ("ann@web.de", Provider.GMX),
        ("ann@proton.me", Provider.PROTON),
        ("ann@protonmail.com", Provider.PROTON),
        # Another company.
        ("ann@yahoo.co.jp", Provider.OTHER),
        # Only the whole domain counts.
        ("ann@mail.gmail.com", Provider.OTHER),
        ("ann@notgmail.com", Provider.OTHER),
        ("ann@gmail.com.example", Provider.OTHER),
        ("gmail.com@example.net", Provider.OTHER),
        ('"ann@gmail.com"@example.net', Provider.OTHER),
        ("ann@", Provider.OTHER),
        ("", Provider.OTHER),
    ],
)
def test_the_domain_tells_the_provider(address: str, provider: Provider) -> None:
    assert provider_of(domain_of(address)) == provider

"""Whose address is believed."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from tenants.clients import client_ip, client_network


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "", "203.0.113.9"),
        (0, "198.51.100.1", "203.0.113.9"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "10.9.9.9, 198.51.100.1", "198.51.100.1"),
        (2, "6.6.6.6, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "203.0.113.9"),
        (1, "", "203.0.113.9"),
        (1, "<script>", "203.0.113.9"),
        (1, "2001:DB8::1", "2001:db8::1"),
    ],
)
def test_client_ip(settings: Settings, proxies: int, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="203.0.113.9")
    assert client_ip(request) == expected


def test_an_ipv6_subscriber_counts_as_one() -> None:
    factory = RequestFactory()
    one = factory.get("/", REMOTE_ADDR="2001:db8:1:2::3")
    two = factory.get("/", REMOTE_ADDR="2001:db8:1:2:ffff::4")
    assert client_network(one) == client_network(two) == "2001:db8:1:2::/64"
    assert client_network(factory.get("/", REMOTE_ADDR="203.0.113.9")) == "203.0.113.9"

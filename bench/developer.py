"""A developer's program that asks for mails by the API, one connection for each request."""

import os
import time
from dataclasses import dataclass

import requests

from tenants.models import Scope, Tenant, User
from tenants.services.api_keys import create_key

_MAIL = {
    "from": "Acme <orders@acme.example>",
    "subject": "Your order {{ number }}",
    "html": "<p>Hello, your order {{ number }} is on its way.</p>",
    "text": "Hello, your order {{ number }} is on its way.",
}


@dataclass(frozen=True)
class Asked:
    """When a mail was asked for and when the answer came, in seconds since 1970."""

    started: float
    answered: float


class Developer:
    """Holds a key of the workspace. `asked` has every mail by its recipient's address."""

    def __init__(self, tenant: Tenant) -> None:
        actor, _ = User.objects.get_or_create(email="developer@acme.example")
        made = create_key(tenant=tenant, actor=actor, name="Shop", scopes=[Scope.EMAILS_SEND])
        self._key = made.text
        self.asked: dict[str, Asked] = {}

    def ask(self) -> None:
        """Asks for one mail more. Raises HTTPError when it is refused."""
        number = len(self.asked)
        to = f"buyer{number}@example.org"
        started = time.time()
        answer = requests.post(
            f"{os.environ['SITE_URL']}/api/v1/emails",
            json=_MAIL | {"to": to, "data": {"number": number}},
            headers={"Authorization": f"Bearer {self._key}"},
            timeout=30,
        )
        answer.raise_for_status()
        self.asked[to] = Asked(started, time.time())

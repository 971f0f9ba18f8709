"""AWS for tests: a simulator, the platform's own account in it, and a tenant's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache

from sending import credentials
from sending.ses import client as ses_client
from simulator.client import SimulatorClient, SimulatorProcess

PLATFORM = "999988887777"
TENANT = "111122223333"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{TENANT}:role/bluefox"


@dataclass(frozen=True)
class Cloud:
    """The simulator, and the tenant's access key in it."""

    process: SimulatorProcess
    key_id: str
    secret: str

    @property
    def sim(self) -> SimulatorClient:
        return self.process.client

    def key(self, **fields: Any) -> ses_client.Credentials:
        """Another key of the tenant's account; `allowed` and `denied` are action patterns."""
        made = self.sim.add_key(TENANT, **fields)
        return ses_client.Credentials(made["id"], made["secret"])

    def region(self) -> dict[str, Any]:
        """What the tenant's account holds in the region."""
        found: dict[str, Any] = self.sim.account(TENANT)["regions"][REGION]
        return found


def forget() -> None:
    """Clients and sessions of an earlier endpoint or identity must not be used again."""
    ses_client._new_client.cache_clear()
    # The session stays for its service models; it remembers the platform's own credentials.
    ses_client._session()._credentials = None
    ses_client.endpoint.cache_clear()
    credentials._sessions.clear()
    cache.clear()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A running simulator in which time passes twenty times as fast."""
    with SimulatorProcess(tmp_path_factory.mktemp("ca")) as running:
        running.client.settings(time_scale=0.05)
        yield running


@pytest.fixture
def cloud(simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Empty accounts: the tenant's in the sandbox with acme.example, and the platform's."""
    sim = simulator.client
    sim.reset()
    platform = next(iter(sim.create_account(PLATFORM)["keys"].values()))
    tenant = sim.create_account(TENANT, identities={REGION: ["acme.example"]})
    sim.clear_faults(TENANT)
    key = next(iter(tenant["keys"].values()))
    for name, value in simulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", platform["id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", platform["secret"])
    forget()
    yield Cloud(simulator, key["id"], key["secret"])
    forget()

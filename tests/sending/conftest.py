"""A simulated SES over TLS for tests that send, and a connected account in it."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection

from sending import delivery, outbound
from sending.models import Message, SesAccount, Status
from sending.ses import client as aws
from simulator.client import SimulatorClient, SimulatorProcess

Start = Callable[..., subprocess.Popen[bytes]]

ACCOUNT, REGION = "111122223333", "eu-west-1"
A_FEW = 3  # mails that a busy machine may hold back


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("simulator")) as process:
        yield process


@dataclass(frozen=True)
class Ses:
    """The simulated AWS account that `ses_account` is connected to."""

    client: SimulatorClient
    environment: dict[str, str]

    def arrived(self) -> Counter[str]:
        """How often SES accepted a mail to each address."""
        return Counter(to for one in self.client.ledger(ACCOUNT) for to in one["recipients"])

    def fault(self, kind: str, **fields: Any) -> None:
        self.client.add_fault(ACCOUNT, kind, **fields)

    def throttled(self) -> int:
        """How many mails SES refused for the rate or the day.

        A rate that nobody keeps has half of them refused; one that is kept still loses the mail
        which a machine busy with other tests held back between its slot and its socket. That there
        is none on a quiet machine is measured in bench/pace.py.
        """
        return sum(map(len, self.client.refused(ACCOUNT).values()))

    def quota(self, **fields: Any) -> None:
        self.client.set_region(ACCOUNT, REGION, **fields)


@pytest.fixture
def ses(
    simulator_process: SimulatorProcess,
    ses_account: SesAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Ses]:
    """SES with Acme's account, its identity verified, nearly without limits."""
    client = simulator_process.client
    client.reset()
    client.settings(latency_ms=0)
    made = client.create_account(
        ACCOUNT,
        keys=[{"user": "sender"}],
        regions={
            REGION: {"sandbox": False, "max_24_hour_send": 1_000_000, "max_send_rate": 100_000}
        },
        identities={REGION: ["acme.example"]},
    )
    key = next(iter(made["keys"].values()))
    ses_account.credentials = {"access_key_id": key["id"], "secret_access_key": key["secret"]}
    ses_account.max_send_rate = 100_000
    ses_account.save()
    environment = simulator_process.environment(tls=True)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _forget_endpoints()
    yield Ses(client, environment)
    client.clear_faults(ACCOUNT)
    _forget_endpoints()


def _forget_endpoints() -> None:
    aws.endpoint.cache_clear()
    aws._new_client.cache_clear()
    outbound._skeleton.cache_clear()


@pytest.fixture
def start_worker(ses: Ses) -> Iterator[Start]:
    """Starts Celery worker nodes of two processes on this test's database and Valkey."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ,
        **ses.environment,
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "LOG_LEVEL": "WARNING",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(**changed: str) -> subprocess.Popen[bytes]:
        command = "-m celery -A bluefox worker -Q send,default,long -c 2 --without-gossip"
        name = f"w{len(started)}@test"
        started.append(
            subprocess.Popen(
                [sys.executable, *command.split(), "-l", "WARNING", "-n", name],
                env=environment | changed,
            )
        )
        return started[-1]

    yield start
    for worker in started:
        kill(worker)


def kill(worker: subprocess.Popen[bytes]) -> None:
    """kill -9 of a node and of all its processes."""
    with suppress(psutil.NoSuchProcess):
        node = psutil.Process(worker.pid)
        for one in [*node.children(recursive=True), node]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    worker.wait()


@pytest.fixture
def drain() -> Callable[..., None]:
    """Runs one drain to its end in this process."""

    def run(seconds: float = 20, stopping: Callable[[], bool] = lambda: False) -> None:
        with closing(delivery.Engine()) as engine:
            engine.run(seconds=seconds, stopping=stopping)

    return run


def two_at_once(drain: Callable[..., None]) -> None:
    """Runs two drains side by side to their ends."""
    threads = [threading.Thread(target=drain) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def statuses() -> Counter[Status]:
    """How many messages stand where."""
    return Counter(Status(one) for one in Message.unscoped.values_list("status", flat=True))

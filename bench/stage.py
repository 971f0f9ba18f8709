"""Where measurements take place: own servers, a simulator over TLS, and worker processes."""

import base64
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from embedded import services
from embedded.folder import status
from embedded.system import free_port
from simulator.client import SimulatorClient, SimulatorProcess

DATA = Path(".data/bench")
Figures = dict[str, float | int | str]


@dataclass(frozen=True)
class Run:
    """What a measurement is given. None leaves its length to the measurement's own constants."""

    simulator: SimulatorClient
    seconds: float | None = None
    recipients: int | None = None


def end_in_order() -> None:
    """Makes SIGTERM leave every `with` block, so that no process stays behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@contextmanager
def stage() -> Iterator[Callable[[list[str]], int]]:
    """Start servers that sync to disk as in production, and a simulator.

    Gives a function that runs a command with the settings that point at them and returns its exit
    code. The servers are the embedded ones whatever DATABASE_URL says: measurements empty tables.
    """
    with (
        services(DATA, environ={}) as urls,
        tempfile.TemporaryDirectory() as folder,
        SimulatorProcess(Path(folder), options=("--keep=100",)) as simulated,
    ):
        # SES does not wait for our cores: its clock must not be late because our workers are busy.
        with suppress(psutil.AccessDenied):
            psutil.Process(simulated.pid).nice(-10)
        environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "bluefox.settings",
            "SITE_URL": f"http://127.0.0.1:{free_port()}",
            "WEB_CONCURRENCY": "2",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "LINK_SIGNING_KEYS": secrets.token_urlsafe(32),
            "EMAIL_URL": "memorymail://",
            "DEFAULT_FROM_EMAIL": "Bluefox <bluefox@bluefox.example>",
            "LOG_LEVEL": "WARNING",
            "STATIC_ROOT": folder,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SNS_ORIGIN": simulated.url,
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
            "BENCH_SIMULATOR": simulated.url,
            "BENCH_SIMULATOR_PID": str(simulated.pid),
            "CELERY_BEAT_SCHEDULE_FILENAME": f"{folder}/beat-schedule",
            **urls.environ(),
            **simulated.environment(tls=True),
        }

        def run(command: list[str]) -> int:
            child = subprocess.Popen(command, env=environ)
            try:
                return child.wait()
            finally:  # also when we are told to end: it ends its workers then
                child.terminate()
                child.wait()

        if run([sys.executable, "manage.py", "migrate", "--verbosity=0"]):
            raise SystemExit("The tables for the measurements could not be made; see above.")
        yield run


def simulator() -> SimulatorClient:
    """The simulator of the stage that this process was run on."""
    return SimulatorClient(os.environ["BENCH_SIMULATOR"])


def servers() -> dict[str, psutil.Process]:
    """The processes of postgres, valkey and the simulator of this stage."""
    found = {name: psutil.Process(one[0]) for name, one in status(DATA).items() if one}
    return found | {"simulator": psutil.Process(int(os.environ["BENCH_SIMULATOR_PID"]))}


@contextmanager
def processes(commands: Sequence[str]) -> Iterator[list[psutil.Process]]:
    """Python processes for the block: ended by SIGTERM, killed when that takes too long."""
    started = [subprocess.Popen([sys.executable, *command.split()]) for command in commands]
    try:
        yield [psutil.Process(one.pid) for one in started]
    finally:
        for one in started:
            one.terminate()
        for one in started:
            try:
                one.wait(30)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


def wait_until(condition: Callable[[], bool], *, seconds: float) -> None:
    """Ask five times a second. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} seconds")
        time.sleep(0.2)

"""The whole product on this machine: servers, simulator, web, workers and beat, ready to use."""

import base64
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from embedded.folder import services
from embedded.processes import Processes
from embedded.system import ServiceError, free_port, write_private

ROOT = Path(__file__).resolve().parent.parent

_CELERY = ["celery", "--quiet", "-A", "bluefox"]
COMMANDS = {
    "web": ["gunicorn"],
    "default": [*_CELERY, "worker", "-Q", "default", "-n", "default@%h", "--concurrency", "2"],
    "long": [*_CELERY, "worker", "-Q", "long", "-n", "long@%h", "--concurrency", "2"],
    "beat": [*_CELERY, "beat"],
}


def send_node(name: str) -> list[str]:
    """Return the command of a worker that sends; any number of them run side by side."""
    worker = [*_CELERY, "worker", "-Q", "send", "-n", f"{name}@%h", "--concurrency", "2"]
    return [sys.executable, "-m", *worker]


class Ports(NamedTuple):
    """Ports on 127.0.0.1. Asked for, 0 means any; one that is taken is replaced."""

    web: int = 0
    simulator: int = 0
    simulator_tls: int = 0
    smtp: int = 0
    dns: int = 0


ANY = Ports()


@dataclass(frozen=True)
class Stack:
    """A running product; `environ` is what its processes see."""

    ports: Ports
    environ: dict[str, str]
    processes: Processes

    @property
    def site_url(self) -> str:
        return self.environ["SITE_URL"]

    @property
    def simulator_url(self) -> str:
        """Its inbox page, and what its admin API lies below."""
        return f"http://127.0.0.1:{self.ports.simulator}"

    def start(self, name: str) -> None:
        """Start one of COMMANDS, or a worker that sends, under this name."""
        if name not in COMMANDS:
            self.processes.start(name, send_node(name), self.environ)
            return
        arguments = [f"--bind=127.0.0.1:{self.ports.web}"] if name == "web" else []
        command = [sys.executable, "-m", *COMMANDS[name], *arguments]
        self.processes.start(name, command, self.environ)

    def run(self, *arguments: str) -> str:
        """Run Python to its end and return what it printed; ServiceError if it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServiceError(f"`python {shlex.join(arguments)}` failed.\n{done.stdout}")
        return done.stdout


@contextmanager
def stack(
    data: Path,
    ports: Ports = ANY,
    *,
    nodes: Sequence[str] = ("send",),
    simulator: Sequence[str] = ("--seed=1",),
    output: IO[str] = sys.stdout,
) -> Iterator[Stack]:
    """Run the product for the block, with everything it keeps in the folder `data`.

    `nodes` are the names of the workers that send, `simulator` further arguments of the simulator;
    what the processes write goes to `output`. ServiceError if a part cannot start.
    """
    data.mkdir(parents=True, mode=0o711, exist_ok=True)
    with services(data) as urls, Processes(data / "processes.json", output) as processes:
        ports = Ports(*(free_port(port) for port in ports))
        environ = _environ(data, ports) | _secrets(data) | urls.environ()
        running = Stack(ports, environ, processes)
        (data / "static").mkdir(exist_ok=True)
        processes.start("simulator", [*_simulator(data, ports), *simulator], environ)
        processes.wait_for_port("simulator", ports.simulator_tls)
        running.run("manage.py", "migrate", "--verbosity", "0")
        for name in (*COMMANDS, *nodes):
            running.start(name)
        processes.wait_for_port("web", ports.web)
        yield running


def _simulator(data: Path, ports: Ports) -> list[str]:
    command = [sys.executable, "-m", "simulator", "--port", str(ports.simulator)]
    command += ["--tls-port", str(ports.simulator_tls)]
    command += ["--smtp-port", str(ports.smtp), "--dns-port", str(ports.dns)]
    return [*command, "--data", str(data / "simulator"), "--ca-dir", str(data / "ca")]


def _environ(data: Path, ports: Ports) -> dict[str, str]:
    """Return our environment with the product's settings in it, and no AWS account of the user."""
    data = data.resolve()
    aws = f"https://127.0.0.1:{ports.simulator_tls}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "bluefox.settings",
        "SITE_URL": f"http://127.0.0.1:{ports.web}",
        "EMAIL_URL": f"smtp://127.0.0.1:{ports.smtp}",
        "DEFAULT_FROM_EMAIL": "Bluefox <bluefox@bluefox.example>",
        "WEB_CONCURRENCY": os.environ.get("WEB_CONCURRENCY", "2"),
        "MEDIA_ROOT": str(data / "media"),
        "STATIC_ROOT": str(data / "static"),  # stays empty: files are served from where they lie
        "CELERY_BEAT_SCHEDULE_FILENAME": str(data / "beat-schedule"),
        "AWS_ENDPOINT_URL_SESV2": aws,
        "AWS_ENDPOINT_URL_SNS": aws,
        "AWS_ENDPOINT_URL_SQS": aws,
        "AWS_ENDPOINT_URL_STS": aws,
        "AWS_CA_BUNDLE": str(data / "ca" / "ca.pem"),
        "AWS_SNS_ORIGIN": f"http://127.0.0.1:{ports.simulator}",
        "DNS_SERVERS": f"127.0.0.1:{ports.dns}",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Celery warns of root at length; all of this listens on loopback alone.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        # botocore looks for an account in no other place.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CONFIG_FILE": os.devnull,
    }


def _secrets(data: Path) -> dict[str, str]:
    """Return the secrets of this folder's installation, made once."""
    file = data / "secrets.json"
    if not file.exists():
        made = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "LINK_SIGNING_KEYS": secrets.token_urlsafe(32),
            # The platform's own AWS account, which exists in the simulator alone.
            "AWS_ACCESS_KEY_ID": "AKIA" + base64.b32encode(secrets.token_bytes(10)).decode(),
            "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
        }
        write_private(file, json.dumps(made, indent=1))
    kept: dict[str, str] = json.loads(file.read_text())
    return kept

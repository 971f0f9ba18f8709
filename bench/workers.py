"""The product's own processes, as many as a measurement wants."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
from celery import Celery

from bench.stage import processes, wait_until
from bluefox.celery import app as bluefox

_SEND = "-m celery -q -A bluefox worker -Q send -c 1 -l WARNING -n send{number}@bench"
_DEFAULT = "-m celery -q -A bluefox worker -Q default,long -c 2 -l WARNING -n default@bench"
_BEAT = "-m celery -q -A bluefox beat -l WARNING"


@dataclass(frozen=True)
class Workers:
    """Running nodes: those that send, each a parent with one child, and the others by name."""

    senders: list[psutil.Process]
    others: dict[str, psutil.Process]

    def sending_process(self, number: int) -> psutil.Process:
        """The child that sends, of a node."""
        child: psutil.Process = self.senders[number].children()[0]
        return child


@contextmanager
def workers(senders: int, *, web: bool = False, beat: bool = False) -> Iterator[Workers]:
    """So many Celery nodes of one sending process each, one node for all other tasks, and the web
    server and beat if asked for; ready when the block begins."""
    others = {"default": _DEFAULT}
    if web:
        others["web"] = f"-m gunicorn --log-level=warning --bind=127.0.0.1:{_web_port()}"
    if beat:
        others["beat"] = _BEAT
    send = [_SEND.format(number=number) for number in range(senders)]
    with processes([*send, *others.values()]) as started:
        wait_for_nodes(bluefox, senders + 1)
        if web:
            wait_until(_web_listens, seconds=120)
        yield Workers(started[:senders], dict(zip(others, started[senders:], strict=True)))


def wait_for_nodes(app: Celery, count: int) -> None:
    """Until so many nodes of a Celery application answer. Raises TimeoutError."""
    wait_until(lambda: len(app.control.ping(timeout=0.5) or []) == count, seconds=120)


def _web_port() -> int:
    return urlsplit(os.environ["SITE_URL"]).port or 80


def _web_listens() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", _web_port())) == 0

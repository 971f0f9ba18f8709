"""Child processes that live and die together, with their output under their names."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from embedded.system import ServiceError, write_private

STOP_SECONDS = 20  # a worker finishes what it has in hand
START_SECONDS = 120


class Processes:
    """A context manager; leaving it stops every process that `start` started.

    `record` is a file that names the processes while they run. Those that a killed predecessor
    left there are stopped on entry: they would hold our ports and take tasks from our queues.
    """

    def __init__(self, record: Path, output: IO[str] = sys.stdout) -> None:
        self.record = record
        self._output = output
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._started: dict[str, tuple[list[str], Mapping[str, str]]] = {}
        self._readers: list[threading.Thread] = []
        self._entries: list[tuple[int, float]] = []

    def __enter__(self) -> Self:
        stop_recorded(self.record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        children = list(self._running.values())
        try:
            self._stop(children[1:])
        finally:  # What was started first serves the others: workers still send to the simulator.
            self._stop(children[:1])
        for reader in self._readers:
            reader.join(timeout=2)  # a daemonised grandchild may hold the pipe open
        self.record.unlink(missing_ok=True)

    def start(self, name: str, command: list[str], environ: Mapping[str, str]) -> None:
        """Start a process; each line it writes appears as `name | line`."""
        child = subprocess.Popen(
            command,
            env={**environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C in the terminal reaches us alone, and we stop them in an orderly way.
            start_new_session=True,
        )
        self._running[name] = child
        self._started[name] = command, environ
        reader = threading.Thread(target=self._copy, args=(name, child), daemon=True)
        reader.start()
        self._readers.append(reader)
        self._entries.append((child.pid, psutil.Process(child.pid).create_time()))
        write_private(self.record, json.dumps(self._entries))

    def wait_for_port(self, name: str, port: int) -> None:
        """Wait until the process listens on the port; ServiceError if it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if ended := self.ended():
                raise ServiceError(ended)
            if time.monotonic() > deadline:
                raise ServiceError(f"{name} did not open port {port} within {START_SECONDS} s.")
            time.sleep(0.05)

    def ended(self) -> str | None:
        """Return a sentence about a process that has ended, or None while all of them run."""
        for name, child in self._running.items():
            if (code := child.poll()) is not None:
                how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
                return f"{name} ended with {how}; its last lines above say why."
        return None

    def start_ended_again(self) -> list[str]:
        """Start what has ended, as `restart: unless-stopped` of Compose does; return the names."""
        names = [name for name, child in self._running.items() if child.poll() is not None]
        for name in names:
            self.start(name, *self._started[name])
        return names

    def _stop(self, children: list[subprocess.Popen[str]]) -> None:
        stop_all([psutil.Process(child.pid) for child in children if child.poll() is None])
        for child in children:
            child.wait()

    def _copy(self, name: str, child: subprocess.Popen[str]) -> None:
        assert child.stdout  # noqa: S101 - PIPE was asked for
        for line in filter(str.strip, child.stdout):
            # Our terminal may be gone; the pipe is emptied all the same, or the child would stall.
            with contextlib.suppress(OSError):
                self._output.write(f"{name:>9} | {line.rstrip()}\n")
                self._output.flush()


def stop_recorded(record: Path) -> None:
    """Stop the processes that a killed predecessor left behind, if `record` names any."""
    if record.exists():
        left = [_find(entry) for entry in json.loads(record.read_text())]
        stop_all([process for process in left if process])
        record.unlink()


def stop_all(processes: list[psutil.Process]) -> None:
    """Ask processes to stop and wait; kill them with their groups when they take too long."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    try:
        psutil.wait_procs(processes, timeout=STOP_SECONDS)
    finally:  # also when a second Ctrl-C ends the wait
        for process in processes:
            if process.is_running():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _find(entry: tuple[int, float]) -> psutil.Process | None:
    """Return the recorded process if it still runs; its start time tells it from a later one."""
    pid, created = entry
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if abs(process.create_time() - created) < 1:
            return process
    return None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

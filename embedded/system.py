"""What the operating system is asked: accounts, processes, ports, locks."""

import fcntl
import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


class ServiceError(Exception):
    """A server cannot be started or used; the message says what to do about it."""


@dataclass(frozen=True)
class Account:
    """The unprivileged account that servers run as when we are root."""

    uid: int
    gid: int

    def reaches(self, program: Path) -> bool:
        """Return whether this account can execute (for a folder: enter) the path.

        The kernel is asked under that account, since no look at mode bits knows ACLs.
        """
        command = ["/bin/sh", "-c", 'test -x "$0"', str(program)]
        return (
            subprocess.run(command, cwd="/", check=False, **popen_arguments(self)).returncode == 0
        )


def server_account() -> Account | None:
    """Return the account for servers, or None where we are a normal user and run them as we are.

    PostgreSQL refuses to run as root. `nobody` exists everywhere, so no account is created.
    """
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def popen_arguments(account: Account | None) -> dict[str, Any]:
    """Return the subprocess arguments that start a program under the account; None: as we are."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def is_running(pid: int, *words: str) -> bool:
    """Return whether `pid` is a live process whose command line holds every one of `words`.

    The words tell our server from another program that was given the same pid later.
    """
    try:
        process = psutil.Process(pid)
        command = process.cmdline()
        return process.status() != psutil.STATUS_ZOMBIE and all(word in command for word in words)
    except psutil.Error:
        return False


def free_port(preferred: int | None = None) -> int:
    """Return `preferred` if nothing listens there on loopback, else a free port."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe:
            # As servers do: a port whose old connections are in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError("No free TCP port on 127.0.0.1.")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock on the file for the block, after waiting for whoever has it.

    The kernel frees the lock of a process that dies.
    """
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def try_lock(handle: Any) -> bool:
    """Return whether the open file could be locked for us alone, without waiting."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:  # noqa: PTH123
        handle.write(text)
    if account:
        os.chown(draft, account.uid, account.gid)
    draft.replace(path)

"""One server process each: how PostgreSQL and Valkey are prepared, started, asked and stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import psycopg2
import redis
from psycopg2 import sql

from embedded.system import (
    Account,
    ServiceError,
    free_port,
    is_running,
    popen_arguments,
    write_private,
)

READY_SECONDS = 60  # crash recovery of PostgreSQL after a power cut takes a while
STOP_SECONDS = 60
DATABASE = "bluefox"


@dataclass
class Server(ABC):
    """A server whose data, log and pid file lie in `home`; `durable` data survives a power cut."""

    binary: Path
    home: Path
    password: str
    durable: bool
    account: Account | None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    @property
    def folder(self) -> Path:
        """The server's data."""
        return self.home / self.name

    @property
    def log(self) -> Path:
        """What the server printed since its last start."""
        return self.home / f"{self.name}.log"

    @property
    @abstractmethod
    def pid_file(self) -> Path: ...

    @abstractmethod
    def prepare(self) -> None:
        """Create the data folder when it is not there yet, and clear what a crash left."""

    @abstractmethod
    def command(self, port: int) -> list[str]: ...

    @abstractmethod
    def ask(self, port: int) -> str | None:
        """Return None if the server answers as ours, else why not yet; ServiceError if never."""

    @abstractmethod
    def url(self, port: int) -> str: ...

    def pid(self) -> int | None:
        """Return the pid of this very server if it runs, whoever started it."""
        try:
            pid = int(self.pid_file.read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return pid if is_running(pid, str(self.folder)) else None

    def ensure(self, port: int | None) -> int:
        """Reuse the running server or start one, on `port` if that is free; return its port."""
        pid = self.pid()
        if port and pid and is_running(pid, str(port)):
            self._wait(port)
            return port
        self.stop()  # its starter was killed before it wrote the port down
        self.prepare()
        for _ in range(3):
            port = free_port(port)
            self._start(port)
            try:
                self._wait(port)
            except ServiceError:
                # Another program took the port between our look and the server's bind.
                if "Address already in use" not in self._last_words():
                    raise
                port = None
            else:
                return port
        raise ServiceError(f"{self.name}: every port tried was taken; see {self.log}")

    def stop(self) -> None:
        """Stop the server if it runs, and wait until it is gone."""
        pid = self.pid()
        if pid is None and self.process and self.process.poll() is None:
            pid = self.process.pid  # not so far yet as to write its pid file
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, self.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while is_running(pid, str(self.folder)):
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"{self.name} (pid {pid}) did not stop in {STOP_SECONDS} s; see {self.log}"
                )
            time.sleep(0.02)
        if self.process and self.process.pid == pid:
            self.process.wait()

    def _start(self, port: int) -> None:
        with self.log.open("wb") as log:
            # Its own session: Ctrl-C in the terminal reaches the processes that use the server
            # first, and the server outlives a killed parent for the next start to find.
            self.process = subprocess.Popen(
                self.command(port),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
                cwd=self.home,
                start_new_session=True,
                **popen_arguments(self.account),
            )
        assert self.process.stdin  # noqa: S101 - PIPE was asked for
        with contextlib.suppress(BrokenPipeError), self.process.stdin as stdin:
            stdin.write(self.secrets())

    def secrets(self) -> bytes:
        """Return what the server reads from standard input, so that no process list shows it."""
        return b""

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while problem := self.ask(port):
            if self.process and self.process.poll() is not None:
                raise ServiceError(f"{self.name} stopped at start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"{self.name} runs (pid {self.pid()}) but did not answer on port {port} within "
                    f"{READY_SECONDS} s: {problem}. See {self.log}; end it and try again."
                )
            time.sleep(0.02)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])


class Postgres(Server):
    """PostgreSQL over TCP on loopback; every connection needs the password (scram-sha-256)."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast shutdown": ends sessions, writes a checkpoint

    @property
    def pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def prepare(self) -> None:
        if (self.folder / "PG_VERSION").exists():
            self._check_version()
            self._disown_pid_file()
            return
        # initdb into a neighbour, renamed when whole: a killed initdb leaves no half cluster.
        draft = self.home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        password_file = self.home / "initdb-password"
        write_private(password_file, self.password + "\n", self.account)
        draft.mkdir(mode=0o700)
        if self.account:
            os.chown(draft, self.account.uid, self.account.gid)
        flags = ["--pgdata", str(draft), "--username=postgres", "--auth=scram-sha-256"]
        flags += ["--pwfile", str(password_file), "--encoding=UTF8"]
        # PostgreSQL's own C.UTF-8 folds é/É and needs no locale of the system.
        flags += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        flags += [] if self.durable else ["--no-sync"]
        try:
            done = subprocess.run(
                [str(self.binary.with_name("initdb")), *flags],
                capture_output=True,
                text=True,
                env=_environment(),
                cwd=self.home,
                check=False,
                **popen_arguments(self.account),
            )
        finally:
            password_file.unlink()
        if done.returncode:
            raise ServiceError(f"initdb failed: {done.stderr.strip()}")
        draft.rename(self.folder)

    def command(self, port: int) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            # A socket's path may have 107 bytes; that of a checkout can be longer.
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "random_page_cost": "1.1",
            "log_min_messages": "warning",
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        flags = [flag for key, value in settings.items() for flag in ("-c", f"{key}={value}")]
        return [str(self.binary), "-D", str(self.folder), "-p", str(port), *flags]

    def ask(self, port: int) -> str | None:
        try:
            connection = psycopg2.connect(self._dsn(port, "postgres"), connect_timeout=3)
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServiceError(
                    f"{self.folder} was made with another password than the one kept beside it. "
                    "Put the old state.json back, or empty the data folder."
                ) from error
            return str(error).strip()
        connection.close()
        return None

    def create_database(self, port: int) -> None:
        """Create the project's database unless it is there."""
        connection = psycopg2.connect(self._dsn(port, "postgres"))
        connection.autocommit = True  # CREATE DATABASE runs outside a transaction
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if not cursor.fetchone():
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def url(self, port: int) -> str:
        return self._dsn(port, DATABASE)

    def _dsn(self, port: int, database: str) -> str:
        return f"postgres://postgres:{self.password}@127.0.0.1:{port}/{database}"

    def _check_version(self) -> None:
        made_by = (self.folder / "PG_VERSION").read_text().strip()
        output = subprocess.run(
            [str(self.binary), "--version"], capture_output=True, text=True, check=True
        ).stdout
        installed = output.split()[-1].split(".")[0]  # "postgres (PostgreSQL) 18.6"
        if made_by != installed:
            raise ServiceError(
                f"{self.folder} was made by PostgreSQL {made_by}, installed is {installed}. "
                "Empty the data folder, or dump it with the old version first."
            )

    def _disown_pid_file(self) -> None:
        """Let PostgreSQL start over a pid file whose pid now belongs to another program.

        PostgreSQL would refuse. Deleting the file would also throw away the shared memory key by
        which it notices backends that outlived a killed postmaster; a file that names the server's
        parent (us) is not taken for a running server, and the key is still checked
        (CreateLockFile in src/backend/utils/init/miscinit.c).
        """
        if self.pid_file.exists():
            lines = self.pid_file.read_text().splitlines()[1:]
            write_private(self.pid_file, "\n".join([str(os.getpid()), *lines]) + "\n", self.account)


class Valkey(Server):
    """Valkey over TCP on loopback, with a password; durable: its log is synced each second."""

    name = "valkey"
    stop_signal = signal.SIGTERM  # flushes the append-only file

    @property
    def pid_file(self) -> Path:
        return self.folder / "valkey.pid"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            os.chown(self.folder, self.account.uid, self.account.gid)
        self.pid_file.unlink(missing_ok=True)

    def command(self, port: int) -> list[str]:
        # The title is kept, since the folder in the command line is what tells our server.
        flags = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        flags += ["--pidfile", str(self.pid_file), "--set-proc-title", "no", "--save", ""]
        flags += ["--appendonly", "yes" if self.durable else "no", "--appendfsync", "everysec"]
        return [str(self.binary), *flags, "-"]

    def secrets(self) -> bytes:
        return f"requirepass {self.password}\n".encode()

    def ask(self, port: int) -> str | None:
        client = redis.Redis(
            port=port,
            password=self.password,
            socket_timeout=3,
            socket_connect_timeout=3,
            decode_responses=True,
        )
        try:
            folder = client.config_get("dir")["dir"]
        except redis.AuthenticationError as error:
            raise ServiceError(
                f"The Valkey on port {port} has another password than ours."
            ) from error
        except redis.RedisError as error:
            return str(error)
        finally:
            client.close()
        if folder != str(self.folder):
            raise ServiceError(
                f"The Valkey on port {port} keeps its data in {folder}, not {self.folder}."
            )
        return None

    def url(self, port: int) -> str:
        return f"redis://:{self.password}@127.0.0.1:{port}/0"


def _environment() -> dict[str, str]:
    # PGPORT and the like would change our flags; without a locale, macOS starts a thread
    # in PostgreSQL, which then refuses to run.
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))
    }
    return kept | {"LC_ALL": "C"}

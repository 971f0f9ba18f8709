"""Does to a running product what a plan says."""

import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis

from embedded.folder import Folder
from embedded.processes import stop_all
from embedded.servers import Postgres
from embedded.stack import Stack
from simulator.client import SimulatorClient
from tests.chaos.plan import Act

_READY_SECONDS = 60
_BARRED_SHARE = 0.02  # of those who still wait, each time


@dataclass
class Havoc:
    """Kills, empties, restarts and refuses; counts what it did.

    `barred` says when each address was suppressed or unsubscribed (seconds since 1970).
    """

    running: Stack
    data: Path
    simulator: SimulatorClient
    aws_account: str
    batch: int
    storm: float
    nodes: list[str]
    chance: random.Random
    done: Counter[Act] = field(default_factory=Counter)
    barred: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> "Havoc":
        self._people = ThreadPoolExecutor(1)
        self._barring: list[Future[None]] = []
        return self

    def __exit__(self, *_error: object) -> None:
        self._people.shutdown()

    def do(self, act: Act) -> None:
        """Does one thing; suppressing goes on beside the next."""
        acts: dict[Act, Callable[[], None]] = {
            Act.KILL_NODE: self._kill_node,
            Act.KILL_CHILD: self._kill_child,
            Act.FLUSH: self._flush,
            Act.RESTART: self._restart,
            Act.STORM: self._refuse,
            Act.BAR: lambda: self._barring.append(self._people.submit(self._bar)),
        }
        acts[act]()
        self.done[act] += 1

    def wait(self) -> None:
        """Waits for what goes on beside; raises what went wrong there."""
        for one in self._barring:
            one.result()

    def _kill_node(self) -> None:
        name, node = self._victim()
        kill(node)
        self.running.start(name)

    def _kill_child(self) -> None:
        _, node = self._victim()
        with contextlib.suppress(psutil.NoSuchProcess):
            self.chance.choice(node.children()).kill()

    def _victim(self) -> tuple[str, psutil.Process]:
        """A node that is up: its pool has been forked."""
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end:
            nodes = [(name, node_of(name)) for name in self.nodes]
            up = [(name, node) for name, node in nodes if node and node.children()]
            if up:
                return self.chance.choice(up)
            time.sleep(0.1)
        raise TimeoutError(f"no worker came up within {_READY_SECONDS} seconds")

    def _flush(self) -> None:
        with redis.Redis.from_url(self.running.environ["REDIS_URL"]) as client:
            client.flushall()

    def _restart(self) -> None:
        self.wait()  # people would try again; here nobody does
        folder = Folder(self.data, durable=True)
        with folder.locked():
            (postgres,) = (one for one in folder.servers if isinstance(one, Postgres))
            pid = postgres.pid()
            assert pid is not None
            # "Immediate shutdown": sessions die without a word, the start recovers from the log.
            # https://www.postgresql.org/docs/current/server-shutdown.html
            os.kill(pid, signal.SIGQUIT)
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).wait(60)
            postgres.ensure(folder.state.ports[postgres.name])

    def _refuse(self) -> None:
        self.simulator.add_fault(self.aws_account, "throttle", seconds=self.storm)

    def _bar(self) -> None:
        asked = {"batch": self.batch, "share": _BARRED_SHARE}
        answer = json.loads(self.running.run("-m", "tests.chaos.product", "bar", json.dumps(asked)))
        self.barred |= dict.fromkeys(answer["who"], answer["at"])


def node_of(name: str) -> psutil.Process | None:
    """The worker node of this name that this process started."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if f"{name}@%h" in child.cmdline():  # nothing of a dead one is left there
                return child
    return None


def kill(node: psutil.Process) -> None:
    """kill -9 of a node and of everything it forked, the node first: it cannot fork again."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [node, *node.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family, timeout=10)


def end_in_order(names: Sequence[str], start: Callable[[str], None]) -> None:
    """Ends these nodes by SIGTERM, waits for them, and starts them again."""
    stop_all([node for name in names if (node := node_of(name)) is not None])
    for name in names:
        start(name)

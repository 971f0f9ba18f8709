"""Three workers as three hosts: network namespaces on a bridge, one of them cut off in the middle.

The cut takes the cable away: no FIN, no RST, for nobody. PostgreSQL and Valkey are reached through
a relay at the bridge's address, as they themselves listen on loopback alone; the simulator listens
there itself.
"""

import asyncio
import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from embedded.stack import Stack, send_node, stack
from embedded.system import ServiceError
from tests.chaos.count import Campaign, Status
from tests.chaos.havoc import end_in_order
from tests.chaos.machine import UNLIMITED, settle
from tests.chaos.world import Asked, Order, World

_HOSTS = 3
_CUT_AT = 0.3  # of the recipients
# Longer than a claim lasts; the short form makes the claims older instead.
_CUT_SECONDS, _SHORT_CUT_SECONDS = 150.0, 15.0


@dataclass(frozen=True)
class Network:
    """A bridge with an address of ours, and hosts on it."""

    bridge: str
    address: str
    hosts: Sequence[str]  # names of namespaces; the host's end of its cable is called the same

    def cut(self, host: str) -> None:
        """Takes the cable of a host away."""
        _ip("link", "set", host, "down")

    def mend(self, host: str) -> None:
        """Plugs it in again."""
        _ip("link", "set", host, "up")


@contextmanager
def network() -> Iterator[Network]:
    """Makes the bridge and the namespaces, and removes them. ServiceError where that is refused."""
    # Names have at most 15 characters; the address is one that only this process uses.
    number = os.getpid()
    subnet = f"10.{200 + number % 50}.{number // 50 % 250}"
    made = Network(f"bf{number}", f"{subnet}.1", [f"bf{number}h{i}" for i in range(1, _HOSTS + 1)])
    try:
        _ip("link", "add", made.bridge, "type", "bridge")
        _ip("address", "add", f"{made.address}/24", "dev", made.bridge)
        _ip("link", "set", made.bridge, "up")
        for last, host in enumerate(made.hosts, start=2):
            _ip("netns", "add", host)
            _ip("link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", host)
            _ip("link", "set", host, "master", made.bridge, "up")
            _ip("-n", host, "address", "add", f"{subnet}.{last}/24", "dev", "eth0")
            _ip("-n", host, "link", "set", "eth0", "up")
            _ip("-n", host, "link", "set", "lo", "up")
        yield made
    finally:
        for host in made.hosts:
            _ip("netns", "delete", host, check=False)  # its cable goes with it
        _ip("link", "delete", made.bridge, check=False)


def _ip(*arguments: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise ServiceError(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}")


def refused() -> str:
    """Why namespaces cannot be made here, "" if they can."""
    try:
        with network():
            return ""
    except (ServiceError, OSError) as error:
        return str(error)


@contextmanager
def relay(address: str, ports: Sequence[int]) -> Iterator[None]:
    """Passes connections to `address` on to the same ports on loopback, both ways."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve(port: int) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                there, here = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_copy(reader, here), _copy(there, writer))

        await asyncio.start_server(accept, address, port)

    try:
        for port in ports:
            asyncio.run_coroutine_threadsafe(serve(port), loop).result(10)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end_all() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def run(asked: Asked, output: IO[str]) -> list[Campaign]:
    """The campaign from both sides, when the cut-off host is back and all is over."""
    with ExitStack() as enter:
        net = enter.enter_context(network())
        simulator = (f"--seed={asked.seed}", "--keep=100", f"--address={net.address}")
        running = enter.enter_context(
            stack(asked.data, nodes=(), simulator=simulator, output=output)
        )
        ports = [_port(running, "DATABASE_URL"), _port(running, "REDIS_URL")]
        enter.enter_context(relay(net.address, ports))

        def start(host: str) -> None:
            start_on(host, running, net.address)

        for host in net.hosts:
            start(host)
        world = World(running, [Order("hosts", asked.recipients, UNLIMITED)], asked.seed)
        world.start()
        cut(world, net, asked)
        settle(world, calm=lambda: end_in_order(net.hosts, start), hurry=asked.short)
        return world.campaigns({})


def _port(running: Stack, variable: str) -> int:
    return urlsplit(running.environ[variable]).port or 0


def start_on(host: str, running: Stack, address: str) -> None:
    """Starts a worker in a namespace, which reaches everything at `address`."""
    wanted = ("DATABASE_URL", "REDIS_URL", *(n for n in running.environ if "ENDPOINT_URL" in n))
    moved = {name: running.environ[name].replace("127.0.0.1", address) for name in wanted}
    command = ["ip", "netns", "exec", host, *send_node(host)]
    running.processes.start(host, command, running.environ | moved)


def cut(world: World, net: Network, asked: Asked) -> None:
    """Cuts one host off in mid-campaign, and lets it come back when the others are through."""
    host, batch = net.hosts[asked.seed % _HOSTS], world.batches[0]
    seconds = _SHORT_CUT_SECONDS if asked.short else _CUT_SECONDS
    world.until("mails to leave", lambda: world.accepted() >= asked.recipients * _CUT_AT)
    net.cut(host)
    end = time.monotonic() + seconds
    world.say(f"{host} is cut off when {world.accepted()} mails are out")
    world.until_all_left()
    world.say(f"the others are through; in its hand: {world.standing(batch)[Status.SENDING]}")
    if asked.short:
        world.age_claims()
    world.until_claims_ended()
    time.sleep(max(0.0, end - time.monotonic()))
    net.mend(host)
    before = world.standing(batch)[Status.UNKNOWN]
    # Its connections find out when they next repeat themselves: after as long again at most.
    world.until("it to tell", lambda: world.standing(batch)[Status.UNKNOWN] < before, seconds)
    after = world.standing(batch)[Status.UNKNOWN]
    world.say(f"{host} was cut off for {seconds:.0f} s; unknown={before}, {after} when it had told")

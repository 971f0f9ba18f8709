"""Real name servers on loopback, in a thread: the simulator's, with zones of the test's own."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from sending.dns.exchange import Exchange, Server
from sending.dns.lookups import Lookups
from sending.dns.servers import Named
from simulator.nameserver import NameServer
from simulator.zones import Record, Zone, Zones

Lines = list[str]


def zone(name: str, lines: Lines, fault: str = "") -> Zone:
    """A zone of lines such as `_dmarc TXT "v=DMARC1"`, names relative to it, @ for its own."""
    records = []
    for line in lines:
        label, kind, value = line.split(" ", 2)
        full = name if label == "@" else f"{label}.{name}"
        records.append(Record(full, kind, value))
    return Zone(name, records, fault)


@contextmanager
def nameserver(*zones: Zone) -> Iterator[Server]:
    """A name server that serves these zones while the block runs."""
    served = Zones({})
    for one in zones:
        served.put(one)
    server = NameServer(served)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield _started(server, loop)
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def _started(server: NameServer, loop: asyncio.AbstractEventLoop) -> Server:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        try:
            asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", port), loop).result(5)
        except OSError:  # taken by UDP, or by somebody since
            continue
        return Server("127.0.0.1", port)


Ask = Callable[..., Lookups]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Lookups at one server for each list of zones given: `ask([zone, ...], [zone, ...])`."""
    with ExitStack() as running:

        def made(*servers: list[Zone], patience: float = 0.2) -> Lookups:
            started = [running.enter_context(nameserver(*zones)) for zones in servers]
            return Lookups(Exchange(patience=patience), Named(started))

        yield made

"""An authoritative name server, by UDP and TCP, for the zones of the simulated world."""

import asyncio
import struct
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from dns.rdataclass import IN
from dns.rdatatype import CNAME, SOA, RdataType

from simulator.zones import SLOW_SECONDS, Nodes, Zone, Zones

UDP_SIZE = 512
TTL = 300
_LENGTH = struct.Struct(">H")


def respond(query: dns.message.Message, zones: Zones) -> dns.message.Message:
    """Return the answer to a query. What lies in none of the zones does not exist (NXDOMAIN).

    That is said without authority, as a resolver would: there is no other DNS in this world.
    """
    reply = dns.message.make_response(query)
    question = query.question[0]
    zone = zones.covering(question.name.to_text())
    if zone is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif zone.fault == "refuse":
        reply.set_rcode(dns.rcode.REFUSED)
    elif zone.fault == "servfail":
        reply.set_rcode(dns.rcode.SERVFAIL)
    else:
        reply.flags |= dns.flags.AA
        _fill(reply, zone, question.name, question.rdtype)
    return reply


def _fill(reply: dns.message.Message, zone: Zone, name: dns.name.Name, kind: RdataType) -> None:
    nodes = zone.nodes()
    node = nodes.get(name) or _wildcard(nodes, name)
    found = node.get(CNAME) or node.get(kind)
    if found:
        reply.answer.append(dns.rrset.from_rdata_list(name, TTL, found))
        return
    origin = dns.name.from_text(zone.name)
    reply.authority.append(dns.rrset.from_rdata_list(origin, TTL, nodes[origin][SOA]))
    # A name that only has names below it is there, with nothing at it (RFC 8020).
    if not node and not any(other.is_subdomain(name) for other in nodes):
        reply.set_rcode(dns.rcode.NXDOMAIN)


def _wildcard(nodes: Nodes, name: dns.name.Name) -> dict[RdataType, list[dns.rdata.Rdata]]:
    """What a wildcard holds for a name that is not there: the one nearest above (RFC 4592)."""
    above = name
    while above != dns.name.root:
        above = above.parent()
        star = nodes.get(dns.name.Name(("*", *above.labels)))
        if star:
            return star
        if any(other.is_subdomain(above) for other in nodes):
            return {}
    return {}


async def answered(wire: bytes, zones: Zones, size: int) -> bytes | None:
    """Return the reply to what arrived, or None where none is sent."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if len(query.question) != 1 or query.question[0].rdclass != IN:
        return None
    zone = zones.covering(query.question[0].name.to_text())
    fault = zone.fault if zone else ""
    if fault == "drop":
        return None
    if fault == "slow":
        await asyncio.sleep(SLOW_SECONDS)
    return respond(query, zones).to_wire(max_size=size, prefer_truncation=True)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self._answer(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = await answered(data, self._zones, UDP_SIZE)
        if reply is not None:
            self._transport.sendto(reply, addr)


class NameServer:
    """Listens on one port, by UDP and TCP."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._listening: list[asyncio.DatagramTransport | asyncio.AbstractServer] = []

    async def start(self, host: str, port: int) -> None:
        """Listen from now on."""
        loop = asyncio.get_running_loop()
        udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._zones), local_addr=(host, port)
        )
        self._listening.append(udp)
        self._listening.append(await asyncio.start_server(self._stream, host, port))

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                reply = await answered(await reader.readexactly(length), self._zones, 65_535)
                if reply is not None:
                    writer.write(_LENGTH.pack(len(reply)) + reply)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def close(self) -> None:
        """Stop listening."""
        for one in self._listening:
            one.close()

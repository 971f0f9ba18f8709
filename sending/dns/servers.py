"""Which servers are asked about a name."""

import ipaddress
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.resolver
from dns.rdataclass import IN
from dns.rdatatype import AAAA, CNAME, NS, SOA, A, RdataType

from sending.dns.exchange import Exchange, NoAnswer, Server

# Of each zone; some have a dozen, and each would be asked everything.
SERVERS_ASKED = 4
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Servers(Protocol):
    """Names the servers for a name; `recurse` whether they look further for us."""

    recurse: bool

    def of(self, name: dns.name.Name) -> Sequence[Server]:
        """The servers to ask, in order. Raises NoAnswer when they cannot be found."""
        ...


class Named:
    """The servers that the operator names, for every question."""

    recurse = True

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers

    def of(self, name: dns.name.Name) -> Sequence[Server]:
        return self._servers


def public_only(address: str) -> Server | None:
    """Where a name server is asked, or None where we must not ask.

    Anybody can write 127.0.0.1 or 169.254.169.254 into the address of a name server; a packet of
    ours must not reach what is inside our network. An IPv6 address may hold an IPv4 one.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None and not inner.is_global:
            return None
    if not found.is_global or found.is_multicast or found.is_reserved:
        return None
    return Server(address)


def system_resolvers() -> list[Server]:
    """The resolvers of this machine. They only tell us who is responsible for a zone."""
    try:
        known = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        return []
    return [Server(str(address)) for address in known]


class Authority:
    """The authoritative servers of each name's zone, found from its NS records.

    What they say is true at once; a resolver may keep what it heard for days.
    """

    recurse = False

    def __init__(
        self,
        exchange: Exchange,
        resolvers: Sequence[Server],
        reach: Callable[[str], Server | None] = public_only,
    ) -> None:
        """`resolvers` find the zones; `reach` says where a server's address is asked, if it may."""
        self._exchange = exchange
        self._resolvers = resolvers
        self._reach = reach
        self._servers: dict[dns.name.Name, Sequence[Server]] = {}

    def of(self, name: dns.name.Name) -> Sequence[Server]:
        zone = self._zone_of(name)
        if zone not in self._servers:
            self._servers[zone] = self._servers_of(zone)
        return self._servers[zone]

    def _zone_of(self, name: dns.name.Name) -> dns.name.Name:
        """The zone that a name lies in: whose SOA a resolver shows when asked for the name's."""
        wanted = name
        while wanted != dns.name.root:
            answer = self._resolve(wanted, SOA)
            owners = {
                rrset.name
                for rrset in [*answer.answer, *answer.authority]
                if rrset.rdtype == SOA and name.is_subdomain(rrset.name)
            }
            # Of an alias, the SOA is that of its target's zone, which may lie above its own.
            is_alias = any(rrset.rdtype == CNAME for rrset in answer.answer)
            if wanted in owners or (owners and not is_alias):
                return max(owners, key=len)
            wanted = wanted.parent()
        return dns.name.root

    def _servers_of(self, zone: dns.name.Name) -> Sequence[Server]:
        names = sorted(rdata.to_text() for rdata in self._records(zone, NS))
        hosts = [dns.name.from_text(name) for name in names[:SERVERS_ASKED]]
        addresses = [address for host in hosts if (address := self._address(host))]
        found = [server for address in addresses if (server := self._reach(address))]
        if not found:
            what = "none with a public address" if addresses else "none that has an address"
            raise NoAnswer(f"of the name servers of {_words(zone)} there is {what}")
        return list(dict.fromkeys(found))

    def _address(self, host: dns.name.Name) -> str:
        """One address of a name server, or "" where none can be found: others may have one."""
        with suppress(NoAnswer):
            found = self._records(host, A) or self._records(host, AAAA)
            return found[0].to_text() if found else ""
        return ""

    def _records(self, name: dns.name.Name, kind: RdataType) -> list[dns.rdata.Rdata]:
        answer = self._resolve(name, kind)
        rrset = answer.get_rrset(answer.answer, name, IN, kind)
        return list(rrset) if rrset else []

    def _resolve(self, name: dns.name.Name, kind: RdataType) -> dns.message.Message:
        trouble = NoAnswer("this server knows no resolver to ask")
        for resolver in self._resolvers:
            try:
                answer = self._exchange.ask(resolver, name, kind.name, recurse=True)
            except NoAnswer as error:
                trouble = error
                continue
            if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return answer
            code = dns.rcode.to_text(answer.rcode())
            trouble = NoAnswer(f"the zone of {_words(name)} cannot be found ({code})")
        raise trouble


def _words(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)

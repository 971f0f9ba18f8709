"""Looks records up: asks the servers of a zone, follows aliases, tells answers apart."""

from collections.abc import Iterable

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
from dns.rdataclass import IN
from dns.rdatatype import CNAME, RdataType

from sending.dns.answers import Answer, Status, View, text_of
from sending.dns.exchange import Exchange, NoAnswer, Server
from sending.dns.servers import Authority, Named, Servers, system_resolvers

ALIASES_FOLLOWED = 8


class Lookups:
    """The lookups of one check; each name is asked for once."""

    def __init__(self, exchange: Exchange, servers: Servers) -> None:
        self._exchange = exchange
        self._servers = servers
        self._known: dict[tuple[dns.name.Name, RdataType], list[View]] = {}

    def find(self, name: str, kind: str) -> Answer:
        """What the servers of its zone say of a name: records of the type, aliases followed.

        For CNAME itself the alias is the answer. Raises nothing: a name that cannot be asked for
        has an Answer that says why.
        """
        try:
            asked = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return Answer((View(Status.FAILED, why=f"{name} is no name of the DNS"),))
        return Answer.of(self._views(asked, RdataType.make(kind), ()))

    def _views(
        self, name: dns.name.Name, kind: RdataType, passed: tuple[dns.name.Name, ...]
    ) -> list[View]:
        if name in passed or len(passed) > ALIASES_FOLLOWED:
            return [View(Status.LOOP)]
        key = (name, kind)
        if key not in self._known:
            self._known[key] = self._ask_all(name, kind, passed)
        return self._known[key]

    def _ask_all(
        self, name: dns.name.Name, kind: RdataType, passed: tuple[dns.name.Name, ...]
    ) -> list[View]:
        try:
            servers = self._servers.of(name)
        except NoAnswer as error:
            return [_trouble(error)]
        return [view for server in servers for view in self._ask(server, name, kind, passed)]

    def _ask(
        self,
        server: Server,
        name: dns.name.Name,
        kind: RdataType,
        passed: tuple[dns.name.Name, ...],
    ) -> list[View]:
        try:
            answer = self._exchange.ask(server, name, kind.name, recurse=self._servers.recurse)
        except NoAnswer as error:
            return [_trouble(error)]
        code = answer.rcode()
        if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return [View(Status.FAILED, why=f"{server.host} said {dns.rcode.to_text(code)}")]
        if not self._servers.recurse and not answer.flags & dns.flags.AA:
            return [View(Status.FAILED, why=f"{server.host} does not serve this zone")]
        found = answer.get_rrset(answer.answer, name, IN, kind)
        if found:
            return [View(Status.FOUND, tuple(sorted({text_of(rdata) for rdata in found})))]
        alias = answer.get_rrset(answer.answer, name, IN, CNAME)
        if alias:
            # Only the alias is taken: what stands behind it is for its own zone to say.
            return self._views(alias[0].target, kind, (*passed, name))
        return [View(Status.NO_NAME if code == dns.rcode.NXDOMAIN else Status.NO_TYPE)]


def _trouble(error: NoAnswer) -> View:
    return View(Status.TIMEOUT if error.late else Status.FAILED, why=error.why)


def lookups(named: Iterable[tuple[str, int]]) -> Lookups:
    """For one check: of the servers that the operator names, or else of the authoritative ones."""
    exchange = Exchange()
    chosen = [Server(host, port) for host, port in named]
    servers: Servers = Named(chosen) if chosen else Authority(exchange, system_resolvers())
    return Lookups(exchange, servers)

"""One question to one server, within what a whole check may cost."""

import time
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query

# A check of a domain asks some 40 questions when all is well; a hostile zone may not make it
# thousands, nor hold a worker for minutes.
QUERIES = 150
SECONDS = 20.0
PATIENCE = 1.5  # seconds, then once more: UDP loses packets
TRIES = 2


class Server(NamedTuple):
    host: str
    port: int = 53

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class NoAnswer(Exception):
    """No usable answer; `why` says what came instead, `late` that it was nothing."""

    def __init__(self, why: str, *, late: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.late = late


class Exchange:
    """Asks servers for one check of a domain, and counts what that costs.

    A server that was silent is not asked again in the same check.
    """

    def __init__(
        self, *, queries: int = QUERIES, seconds: float = SECONDS, patience: float = PATIENCE
    ) -> None:
        self._left = queries
        self._ends = time.monotonic() + seconds
        self._patience = patience
        self._silent: set[Server] = set()

    def ask(
        self, server: Server, name: dns.name.Name, kind: str, *, recurse: bool
    ) -> dns.message.Message:
        """The server's answer, over TCP where UDP is too small. Raises NoAnswer.

        No EDNS: what is too old to know it answers FORMERR, and TCP carries all that is large.
        """
        if server in self._silent:
            raise NoAnswer(f"{server.host} did not answer", late=True)
        query = dns.message.make_query(name, kind, use_edns=False)
        if not recurse:
            query.flags &= ~dns.flags.RD
        for _ in range(TRIES):
            seconds = min(self._patience, self._ends - time.monotonic())
            if self._left <= 0 or seconds <= 0:
                raise NoAnswer("the check took too long and was ended", late=True)
            self._left -= 1
            try:
                # A forged or broken datagram is passed over until the right one comes.
                answer, _ = dns.query.udp_with_fallback(
                    query, server.host, seconds, server.port,
                    ignore_unexpected=True, ignore_errors=True,
                )  # fmt: skip
            except dns.exception.Timeout:
                continue
            except (OSError, EOFError, dns.exception.DNSException) as error:
                raise NoAnswer(
                    f"{server.host} could not be asked ({type(error).__name__})"
                ) from error
            return answer
        self._silent.add(server)
        raise NoAnswer(f"{server.host} did not answer", late=True)

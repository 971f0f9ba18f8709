"""HTTP/1.1 POST over kept-alive connections, and no more of HTTP than SES's API needs.

A general client costs a third of a whole send here, and does not say what we must know: whether a
byte of the request was written when it broke (RFC 9112; docs/decisions/asyncio-sender.md).
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import cast
from urllib.parse import SplitResult

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
# Shorter than any server's own idle time: a connection that the server just closed would make an
# ambiguous send of a good one.
_IDLE_SECONDS = 10.0
_LARGEST_ANSWER = 1024 * 1024


class NotSent(Exception):
    """No connection was made, so no byte of the request was written."""


class NoAnswer(Exception):
    """The request was written, in part or whole, and no complete answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, header section and body, as received."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: bytes) -> str:
        """The first value of a header, given in lower case; "" when there is none."""
        return _header(self.head, self.head.lower(), name).decode("latin-1")


class Connection(asyncio.Protocol):
    """One request at a time; whoever has taken it from its client uses it or gives it back."""

    def __init__(self, idle: list["Connection"]) -> None:
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def post(self, request: bytes) -> Answer:
        """Writes the request once, returns the answer, and gives the connection back.

        Raises NoAnswer.
        """
        assert self._transport is not None  # noqa: S101 (the pool gives open connections)
        self._buffer.clear()
        self._answer = self._loop.create_future()
        timer = self._loop.call_later(_ANSWER_SECONDS, self._fail, "it took 30 seconds")
        self._transport.write(request)
        try:
            answer = await self._answer
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            timer.cancel()
            self._answer = None
        self.give_back()
        return answer

    def give_back(self) -> None:
        """Keeps it for the next request, if it is still open."""
        if self.is_open:
            self.idle_since = time.monotonic()
            self._idle.append(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # an answer to nothing: whatever follows could not be told apart
            return
        self._buffer += data
        try:
            self._read(ended=False)
        except ValueError:
            self._fail("it is not HTTP")

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is None or self._answer.done():
            return
        try:
            self._read(ended=True)
        except ValueError:
            self._fail("it is not HTTP")
        self._fail(str(exc) if exc else "the connection was closed")

    def _read(self, *, ended: bool) -> None:
        """Gives the answer if the buffer holds all of it. Raises ValueError for what is no HTTP."""
        if self._answer is None or self._answer.done():
            return
        answer = read_answer(self._buffer, ended=ended)
        if answer is not None:
            if not ended and b"\r\nconnection: close" in answer.head.lower():
                self.close()
            self._answer.set_result(answer)
        elif len(self._buffer) > _LARGEST_ANSWER:
            self._fail("it is larger than a megabyte")

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NoAnswer(why))
        self.close()


class Client:
    """The connections of one event loop, kept by host; close() ends them."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._idle: dict[str, list[Connection]] = {}

    async def connection(self, url: SplitResult) -> Connection:
        """A kept connection, else a new one. Raises NotSent."""
        idle = self._idle.setdefault(url.netloc, [])
        while idle:
            kept = idle.pop()  # the one used last: the others may grow too old
            if kept.is_open:
                if time.monotonic() - kept.idle_since < _IDLE_SECONDS:
                    return kept
                kept.close()
        return await self._open(url, idle)

    def close(self) -> None:
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()

    async def _open(self, url: SplitResult, idle: list[Connection]) -> Connection:
        tls, host = url.scheme == "https", str(url.hostname)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(idle),
                    host,
                    url.port or (443 if tls else 80),
                    ssl=self._tls if tls else None,
                    server_hostname=host if tls else None,
                )
        except TimeoutError:
            raise NotSent(f"no connection to {host} within 5 seconds") from None
        except OSError as error:
            raise NotSent(str(error)) from error
        return connection


def read_answer(buffer: bytearray, *, ended: bool) -> Answer | None:
    """The answer in a buffer, or None while it is not complete; `ended`: nothing will follow.

    Raises ValueError for what is no HTTP.
    """
    while True:
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(buffer[: end + 2])
        if not head.startswith(b"HTTP/1."):
            raise ValueError("no status line")
        status = int(head[9:12])
        if status >= 200:
            break
        del buffer[: end + 4]  # 100 Continue and the like come before the answer
    lowered, start = head.lower(), end + 4
    length = _header(head, lowered, b"content-length")
    if b"chunked" in _header(head, lowered, b"transfer-encoding").lower():
        body = _chunks(buffer, start)
    elif length:
        body = bytes(buffer[start : start + int(length)])
        if len(body) < int(length):
            return None
    elif status in (204, 304):
        body = b""
    else:
        body = bytes(buffer[start:]) if ended else None
    return None if body is None else Answer(status, head, body)


def _chunks(buffer: bytearray, at: int) -> bytes | None:
    """A chunked body, or None while its last chunk has not come."""
    body = bytearray()
    while True:
        line = buffer.find(b"\r\n", at)
        if line < 0:
            return None
        size = int(buffer[at:line].partition(b";")[0], 16)
        at = line + 2
        if size == 0:
            # The trailer section ends with an empty line; without trailers that is the next one.
            return bytes(body) if buffer.find(b"\r\n", at) >= 0 else None
        if len(buffer) < at + size + 2:
            return None
        body += buffer[at : at + size]
        at += size + 2


def _header(head: bytes, lowered: bytes, name: bytes) -> bytes:
    start = lowered.find(b"\r\n%b:" % name)
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.index(b"\r\n", start)].strip()

"""A small HTTP/1.1 server protocol: keep-alive, ordered answers, delays, hangs and resets."""

import asyncio
import sys
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

import httptools

from simulator.web import ApiError, Request, Response, json_error

MAX_BODY = 64 * 1024 * 1024  # a 40 MB message in base64, and its envelope
REASONS = {status.value: status.phrase for status in HTTPStatus}

Handler = Callable[[Request], Response | Awaitable[Response]]


class HttpProtocol(asyncio.Protocol):
    """One connection. Requests are answered in order, one at a time."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._busy = False
        self._waiting: deque[Request] = deque()
        self._writable = asyncio.Event()
        self._writable.set()
        self._url = b""
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = 0

    # transport callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else "127.0.0.1"

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(400, f"The request is not valid HTTP/1.1: {error}")

    # parser callbacks

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = {}
        self._chunks = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known},{text}"

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > MAX_BODY:
            self._refuse(413, "The request body is larger than 64 MB.")
            return
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        path, _, query = self._url.decode("latin-1").partition("?")
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, path, query, self._headers, body, self._peer)
        if self._busy:
            self._waiting.append(request)
        else:
            self._start(request)

    # answering

    def _start(self, request: Request) -> None:
        try:
            result = self._handle(request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            result = json_error(
                ApiError("InternalFailure", "The simulator failed; see stderr.", 500)
            )
        if isinstance(result, Response):
            self._deliver(result)
            return
        self._busy = True
        task = asyncio.ensure_future(result)
        task.add_done_callback(self._resolved)

    def _resolved(self, task: "asyncio.Future[Response]") -> None:
        error = task.exception()
        if error is not None:
            traceback.print_exception(error, file=sys.stderr)
            failure = ApiError("InternalFailure", "The simulator failed; see stderr.", 500)
            self._deliver(json_error(failure))
        else:
            self._deliver(task.result())

    def _deliver(self, response: Response) -> None:
        if response.drop == "hang":
            self._busy = True  # never answered; the peer's timeout ends the connection
        elif response.drop == "reset":
            if self._transport:
                self._transport.abort()
        elif response.delay > 0:
            self._busy = True
            asyncio.get_running_loop().call_later(response.delay, self._write, response)
        elif response.stream is not None:
            self._busy = True
            task = asyncio.ensure_future(self._write_stream(response))
            task.add_done_callback(lambda _: self._next())
        else:
            self._write(response)

    def _write(self, response: Response) -> None:
        if self._transport is not None and not self._transport.is_closing():
            head = _head(response) + f"Content-Length: {len(response.body)}\r\n\r\n"
            self._transport.write(head.encode("latin-1") + response.body)
        self._next()

    async def _write_stream(self, response: Response) -> None:
        assert response.stream is not None
        if self._transport is None:
            return
        self._transport.write((_head(response) + "Transfer-Encoding: chunked\r\n\r\n").encode())
        async for chunk in response.stream:
            await self._writable.wait()
            if self._transport is None:
                return
            self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self._transport.write(b"0\r\n\r\n")

    def _next(self) -> None:
        self._busy = False
        if not self._parser.should_keep_alive() and not self._waiting and self._transport:
            self._transport.close()
        elif self._waiting:
            self._start(self._waiting.popleft())

    def _refuse(self, status: int, message: str) -> None:
        if self._transport is None:
            return
        self._write(json_error(ApiError("BadRequestException", message, status)))
        self._transport.close()


def _head(response: Response) -> str:
    extra = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    return (
        f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}\r\n"
        f"Content-Type: {response.content_type}\r\n{extra}"
    )

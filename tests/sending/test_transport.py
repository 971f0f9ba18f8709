"""Signing against botocore's own, and what each way of ending a request means."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message

import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from sending.decide import Action, Decision
from sending.http import Connection
from sending.ses.client import Credentials
from sending.signing import Signer
from sending.transport import Accepted, Transport

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY = b'{"x": 1}'


def headers_of(request: bytes) -> Message:
    """The headers of a request whose body is ours, whole and once."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, _, fields = head.partition(b"\r\n")
    assert line == b"POST /v2/email/outbound-emails HTTP/1.1"
    assert body == BODY
    return message_from_bytes(fields)


@pytest.mark.parametrize("token", ["", "session/token+with=signs"])
def test_the_signature_is_botocores(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Signer(
        Credentials("AKIAEXAMPLE", "secret/key", token),
        "eu-west-1",
        "https://email.eu-west-1.amazonaws.com",
    )
    now = time.time()
    headers = headers_of(ours.request(BODY, now))
    request = AWSRequest(
        "POST", ours.url.geturl(), data=BODY, headers={"Content-Type": "application/json"}
    )
    moment = datetime.fromtimestamp(int(now), UTC).replace(tzinfo=None)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)
    credentials = BotoCredentials("AKIAEXAMPLE", "secret/key", token or None)
    SigV4Auth(credentials, "ses", "eu-west-1").add_auth(request)
    assert headers["Authorization"] == request.headers["Authorization"]
    assert headers["X-Amz-Date"] == request.headers["X-Amz-Date"]
    assert headers.get("X-Amz-Security-Token") == request.headers.get("X-Amz-Security-Token")


def test_a_new_second_is_signed_with_its_own_time() -> None:
    signer = Signer(Credentials("A", "s"), "eu-west-1", "https://ses.example")
    first = headers_of(signer.request(BODY, 1_790_000_000.9))
    second = headers_of(signer.request(BODY, 1_790_086_400.1))
    assert first["X-Amz-Date"] != second["X-Amz-Date"]
    assert first["Authorization"] != second["Authorization"]


async def connect_and_send(transport: Transport, signer: Signer) -> Accepted | Decision:
    connection = await transport.connect(signer)
    if isinstance(connection, Decision):
        return connection
    return await transport.send(connection, signer, BODY, "a@example.net")


def send(handler: Handler, times: int = 1) -> list[Accepted | Decision]:
    """Sends to a local server that answers as the handler does."""

    async def run() -> list[Accepted | Decision]:
        application = web.Application()
        application.router.add_post("/v2/email/outbound-emails", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        signer = Signer(Credentials("A", "s"), "eu-west-1", f"http://127.0.0.1:{port}")
        try:
            with closing(Transport()) as transport:
                return [await connect_and_send(transport, signer) for _ in range(times)]
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def answer(status: int, body: str, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        assert await request.read() == BODY
        return web.Response(status=status, text=body, headers=headers)

    return handler


def test_accepted() -> None:
    assert send(answer(200, '{"MessageId": "0102-1"}')) == [Accepted("0102-1")]


def test_accepted_even_when_the_answer_cannot_be_read() -> None:
    assert send(answer(200, "<html>")) == [Accepted("")]


@pytest.mark.parametrize(
    ("handler", "action"),
    [
        (
            answer(429, '{"message": "slow"}', **{"x-amzn-ErrorType": "TooManyRequestsException"}),
            Action.THROTTLE,
        ),
        (
            answer(
                400,
                '{"message": "no"}',
                **{"x-amzn-ErrorType": "BadRequestException:http://internal.amazon.com/"},
            ),
            Action.FAIL,
        ),
        (answer(403, '{"__type": "com.amazon#ExpiredTokenException"}'), Action.RENEW),
        (answer(403, '{"Message": "no"}'), Action.PARK_ACCOUNT),
        (answer(500, "oops"), Action.UNKNOWN),
        (answer(302, "", Location="http://127.0.0.1:9/"), Action.UNKNOWN),
    ],
)
def test_refused(handler: Handler, action: Action) -> None:
    [reply] = send(handler)
    assert isinstance(reply, Decision)
    assert reply.action is action


def test_a_connection_that_breaks_after_the_request_is_ambiguous_and_not_repeated() -> None:
    """Also on a kept-alive connection, where clients like to try again by themselves."""
    seen = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(await request.read())
        if len(seen) == 2:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(text='{"MessageId": "0102-1"}')

    first, second = send(handler, times=2)
    assert first == Accepted("0102-1")
    assert isinstance(second, Decision)
    assert second.action is Action.UNKNOWN
    assert len(seen) == 2


def test_a_connection_that_was_never_made_is_safe_to_repeat() -> None:
    signer = Signer(Credentials("A", "s"), "eu-west-1", "https://127.0.0.1:9498")

    async def run() -> Accepted | Decision:
        with closing(Transport()) as transport:
            return await connect_and_send(transport, signer)

    reply = asyncio.run(run())
    assert isinstance(reply, Decision)
    assert reply.action is Action.HOLD


def test_a_connection_that_was_given_back_is_used_next() -> None:
    opened = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await reader.readuntil(BODY)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{"MessageId": "0102-1"}')
        await reader.read()
        writer.close()

    async def run() -> Accepted | Decision:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        signer = Signer(Credentials("A", "s"), "eu-west-1", f"http://127.0.0.1:{port}")
        async with server:
            transport = Transport()
            connection = await transport.connect(signer)
            assert isinstance(connection, Connection)
            connection.give_back()
            return await connect_and_send(transport, signer)

    assert asyncio.run(run()) == Accepted("0102-1")
    assert len(opened) == 1

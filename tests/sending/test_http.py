"""Answers as servers may send them, whole and in pieces, and what connections are kept."""

import asyncio
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sending import http
from sending.http import Answer, Client, NoAnswer, NotSent, read_answer

LENGTH = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
)
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\nhello"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (LENGTH, 200, b"hello"),
        (CHUNKED, 400, b"hello"),
        (CONTINUED, 200, b"hello"),
        (EMPTY, 204, b""),
    ],
)
def test_an_answer_is_complete_at_its_last_byte_and_not_before(
    raw: bytes, status: int, body: bytes
) -> None:
    for size in range(len(raw)):
        assert read_answer(bytearray(raw[:size]), ended=False) is None
    answer = read_answer(bytearray(raw), ended=False)
    assert answer is not None
    assert (answer.status, answer.body) == (status, body)


def test_without_a_length_the_answer_ends_with_the_connection() -> None:
    assert read_answer(bytearray(TO_THE_END), ended=False) is None
    answer = read_answer(bytearray(TO_THE_END), ended=True)
    assert answer is not None
    assert answer.body == b"hello"


@pytest.mark.parametrize("raw", [LENGTH, CHUNKED])
def test_an_answer_that_was_cut_off_is_none(raw: bytes) -> None:
    assert read_answer(bytearray(raw[:-3]), ended=True) is None


@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_waited_for(rubbish: bytes) -> None:
    try:
        answer = read_answer(bytearray(rubbish + b"\r\n\r\n"), ended=True)
    except ValueError:
        return
    assert answer is None or isinstance(answer, Answer)


def test_a_header_is_found_whatever_its_case() -> None:
    answer = Answer(400, b"HTTP/1.1 400 x\r\nX-Amzn-ErrorType:  Bad:x \r\n", b"")
    assert answer.header(b"x-amzn-errortype") == "Bad:x"
    assert answer.header(b"x-other") == ""


Reply = Callable[[int, int], bytes | None]


def posts(reply: Reply, times: int) -> tuple[list[Answer | Exception], int]:
    """Posts in turn; `reply(connection, request)` gives the bytes, None closes. And connections."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        mine, request = connections, 0
        while await reader.read(1000):
            request += 1
            answer = reply(mine, request)
            if answer is None:
                break
            for at in range(0, len(answer), 7):
                writer.write(answer[at : at + 7])
                await writer.drain()
        writer.close()

    async def run() -> list[Answer | Exception]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = urlsplit(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x")
        client = Client(ssl.create_default_context())
        got: list[Answer | Exception] = []
        for _ in range(times):
            try:
                connection = await client.connection(url)
                got.append(await connection.post(b"POST"))
            except (NotSent, NoAnswer) as error:
                got.append(error)
        client.close()
        server.close()
        return got

    return asyncio.run(run()), connections


def test_a_connection_is_kept() -> None:
    got, connections = posts(lambda *_: LENGTH, 3)
    assert [type(one) for one in got] == [Answer] * 3
    assert connections == 1


def test_a_connection_that_the_server_wants_closed_is_not_used_again() -> None:
    closing = LENGTH.replace(b"X-A: b", b"Connection: close")
    got, connections = posts(lambda *_: closing, 2)
    assert [type(one) for one in got] == [Answer] * 2
    assert connections == 2


def test_a_connection_that_breaks_fails_its_request_and_the_next_one_gets_a_new_one() -> None:
    got, connections = posts(lambda connection, _: None if connection == 1 else LENGTH, 2)
    assert [type(one) for one in got] == [NoAnswer, Answer]
    assert connections == 2


def test_half_an_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_ANSWER_SECONDS", 0.1)
    got, _ = posts(lambda *_: LENGTH[:-2], 1)
    assert isinstance(got[0], NoAnswer)


def test_an_answer_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_ANSWER_SECONDS", 0.1)
    got, _ = posts(lambda *_: b"", 1)
    assert isinstance(got[0], NoAnswer)


def test_what_is_not_http_is_no_answer() -> None:
    got, _ = posts(lambda *_: b"SSH-2.0-hello\r\n\r\n", 1)
    assert isinstance(got[0], NoAnswer)

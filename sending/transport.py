"""One signed POST over a kept-alive connection, and what its end means.

Nothing is repeated here: who repeats a send that SES may have accepted mails somebody twice.
"""

import os
import ssl
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import certifi
import orjson

from sending.decide import Decision, broken_off, decide, unreachable
from sending.signing import Signer

_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=5, sock_read=30)
# Shorter than any server's own idle time: a connection that the server just closed would make an
# ambiguous send of a good one.
_IDLE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Accepted:
    """SES has the message, under this id ("" if its answer could not be read)."""

    ses_message_id: str


class Transport:
    """The connections of one event loop; use as an async context manager."""

    def __init__(self) -> None:
        context = ssl.create_default_context(
            cafile=os.environ.get("AWS_CA_BUNDLE") or certifi.where()
        )
        connector = aiohttp.TCPConnector(
            ssl=context, limit=0, keepalive_timeout=_IDLE_SECONDS, ttl_dns_cache=60
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=_TIMEOUT,
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, signer: Signer, body: bytes, recipient: str) -> Accepted | Decision:
        """Posts once. Never raises for what the network or SES does: that is a Decision."""
        try:
            async with self._session.post(
                signer.url,
                data=body,
                headers=signer.headers(body, time.time()),
                allow_redirects=False,
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return unreachable(str(error) or type(error).__name__)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return broken_off(str(error) or type(error).__name__)
        if response.status == 200:
            return Accepted(str(_json(answer).get("MessageId", "")))
        said = _json(answer)
        # The header may carry a namespace or an address behind the code.
        code = response.headers.get("x-amzn-ErrorType", "").partition(":")[0].rpartition("#")[2]
        return decide(
            code or str(said.get("__type", "")).rpartition("#")[2],
            response.status,
            str(said.get("message") or said.get("Message") or ""),
            recipient=recipient,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()


def _json(answer: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}

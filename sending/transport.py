"""One signed POST, and what its end means.

Nothing is repeated here: who repeats a send that SES may have accepted mails somebody twice.
"""

import os
import ssl
import time
from dataclasses import dataclass
from typing import Any

import certifi
import orjson

from sending.decide import Decision, broken_off, decide, unreachable
from sending.http import Client, Connection, NoAnswer, NotSent
from sending.signing import Signer


@dataclass(frozen=True, slots=True)
class Accepted:
    """SES has the message, under this id ("" if its answer could not be read)."""

    ses_message_id: str


class Transport:
    """The connections of one event loop."""

    def __init__(self) -> None:
        trusted = os.environ.get("AWS_CA_BUNDLE") or certifi.where()
        self._client = Client(ssl.create_default_context(cafile=trusted))

    async def connect(self, signer: Signer) -> Connection | Decision:
        """A connection for one send, else what it means that there is none."""
        try:
            return await self._client.connection(signer.url)
        except NotSent as error:
            return unreachable(str(error))

    async def send(
        self, connection: Connection, signer: Signer, body: bytes, recipient: str
    ) -> Accepted | Decision:
        """Posts once. Never raises for what the network or SES does: that is a Decision."""
        try:
            answer = await connection.post(signer.request(body, time.time()))
        except NoAnswer as error:
            return broken_off(str(error))
        said = _json(answer.body)
        if answer.status == 200:
            return Accepted(str(said.get("MessageId", "")))
        # The header may carry a namespace before the code or an address behind it.
        code = answer.header(b"x-amzn-errortype") or str(said.get("__type", ""))
        return decide(
            code.partition(":")[0].rpartition("#")[2],
            answer.status,
            str(said.get("message") or said.get("Message") or ""),
            recipient=recipient,
        )

    def close(self) -> None:
        """Ends the connections that are kept."""
        self._client.close()


def _json(answer: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}

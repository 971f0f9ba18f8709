"""The ground truth: every message accepted and every send refused, with its time.

Columns of plain arrays and one packed bytes object an entry: about 250 bytes a message.
"""

import asyncio
from array import array
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.messages import Message
from simulator.outcomes import Outcome

SEPARATOR = "\x1f"
DUPLICATES_SHOWN = 100
PAUSE_EVERY = 1_000  # entries read between two looks at the sockets


@dataclass(frozen=True, slots=True)
class Context:
    """What many messages share; kept once."""

    account: str
    region: str
    source: str
    configuration_set: str
    key_id: str


class Ledger:
    """Accepted messages in order, and refusals by account and code."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._contexts: list[Context] = []
        self._context_ids: dict[Context, int] = {}
        self._times = array("q")
        self._context = array("I")
        self._sizes = array("I")
        self._entries: list[bytes] = []
        self._refused: dict[tuple[str, str], array[int]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def accept(self, time_ns: int, context: Context, message: Message, size: int) -> None:
        """Add one accepted message; `size` is that of its MIME source in bytes."""
        number = self._context_ids.get(context)
        if number is None:
            number = self._context_ids[context] = len(self._contexts)
            self._contexts.append(context)
        self._times.append(time_ns)
        self._context.append(number)
        self._sizes.append(size)
        parts = [message.id, str(len(message.outcomes))]
        parts += [outcome + address for address, outcome in message.outcomes]
        for name, value in message.tags.items():
            parts += (name, value)
        self._entries.append(SEPARATOR.join(parts).encode())

    def refuse(self, time_ns: int, account: str, code: str) -> None:
        """Count one refused send."""
        times = self._refused.get((account, code))
        if times is None:
            times = self._refused[account, code] = array("q")
        times.append(time_ns)

    def entry(self, index: int) -> dict[str, Any]:
        """Return one accepted message as a JSON value."""
        context = self._contexts[self._context[index]]
        parts = self._entries[index].decode().split(SEPARATOR)
        count = int(parts[1])
        recipients = parts[2 : 2 + count]
        rest = parts[2 + count :]
        return {
            "time": self._times[index] / 1e9,
            "time_ns": self._times[index],
            "account": context.account,
            "region": context.region,
            "message_id": parts[0],
            "from": context.source,
            "recipients": [item[1:] for item in recipients],
            "outcomes": [Outcome(item[0]).name.lower() for item in recipients],
            "tags": dict(zip(rest[::2], rest[1::2], strict=True)),
            "configuration_set": context.configuration_set,
            "access_key": context.key_id,
            "size": self._sizes[index],
        }

    def select(self, account: str = "", since: float = 0.0) -> Iterator[int]:
        """Yield the numbers of the entries of an account (empty: all) at or after `since`."""
        wanted = {n for n, c in enumerate(self._contexts) if not account or c.account == account}
        for index, time_ns in enumerate(self._times):
            if time_ns / 1e9 >= since and self._context[index] in wanted:
                yield index

    async def ndjson(self, account: str = "", since: float = 0.0) -> AsyncIterator[bytes]:
        """Yield the selected entries as JSON lines, many to a chunk."""
        chunk: list[bytes] = []
        for index in self.select(account, since):
            chunk.append(orjson.dumps(self.entry(index)))
            if len(chunk) >= PAUSE_EVERY:
                yield b"\n".join(chunk) + b"\n"
                chunk = []
                await asyncio.sleep(0)
        if chunk:
            yield b"\n".join(chunk) + b"\n"

    def refusals(self, account: str = "", since: float = 0.0) -> dict[str, list[float]]:
        """Return the times of refused sends by code."""
        found: dict[str, list[float]] = {}
        for (owner, code), times in self._refused.items():
            if not account or owner == account:
                found.setdefault(code, []).extend(t / 1e9 for t in times if t / 1e9 >= since)
        return found

    async def summary(self, account: str = "", since: float = 0.0, tag: str = "") -> dict[str, Any]:
        """Return totals; with `tag`, also the messages that share a value of it.

        Addresses and tag values are told apart by their 64-bit hash, for the memory's sake.
        """
        outcomes: Counter[str] = Counter()
        addresses: set[int] = set()
        values: set[int] = set()
        repeated: Counter[str] = Counter()
        times, counts = array("q"), array("B")
        size = tagged = 0
        for position, index in enumerate(self.select(account, since)):
            parts = self._entries[index].decode().split(SEPARATOR)
            end = 2 + int(parts[1])
            for recipient in parts[2:end]:
                outcomes[recipient[0]] += 1
                addresses.add(hash(recipient[1:]))
            if tag and tag in parts[end::2]:
                value = parts[end + 1 :: 2][parts[end::2].index(tag)]
                tagged += 1
                if hash(value) in values:
                    repeated[value] += 1
                values.add(hash(value))
            times.append(self._times[index])
            counts.append(end - 2)
            size += self._sizes[index]
            if position % PAUSE_EVERY == 0:
                await asyncio.sleep(0)
        refused = {code: len(found) for code, found in self.refusals(account, since).items()}
        result: dict[str, Any] = {
            "accepted": len(times),
            "recipients": sum(counts),
            "distinct_recipients": len(addresses),
            "outcomes": {Outcome(letter).name.lower(): n for letter, n in outcomes.items()},
            "refused": {code: count for code, count in refused.items() if count},
            "bytes": size,
            "first": times[0] / 1e9 if times else None,
            "last": times[-1] / 1e9 if times else None,
            "max_recipients_in_a_second": busiest_second(zip(times, counts, strict=True)),
        }
        if tag:
            result["tag"] = tag
            result["tagged"] = tagged
            result["duplicates"] = sum(repeated.values())
            shown = repeated.most_common(DUPLICATES_SHOWN)
            result["duplicated_values"] = {value: more + 1 for value, more in shown}
        return result


def busiest_second(sends: Iterable[tuple[int, int]]) -> int:
    """Return the most recipients in any sliding second; `sends` are (ns, recipients) in order."""
    window: deque[tuple[int, int]] = deque()
    total = most = 0
    for time_ns, recipients in sends:
        while window and window[0][0] <= time_ns - 1_000_000_000:
            total -= window.popleft()[1]
        window.append((time_ns, recipients))
        total += recipients
        most = max(most, total)
    return most

"""Delivery of SNS messages to HTTP subscribers: signing, retries, dead letters."""

import asyncio
import random
import ssl
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from simulator import sns_envelope
from simulator.accounts import Subscription
from simulator.certs import Signer
from simulator.dead_letters import bury
from simulator.ledger import Ledger
from simulator.messages import timestamp
from simulator.settings import Settings
from simulator.sns_policy import retry_delays, retry_policy
from simulator.store import Store

IN_FLIGHT = 32
TIMEOUT = 15  # seconds SNS waits for an answer
DEAD_LETTERS_KEPT = 10_000
SAMPLE = 0.25  # seconds between two looks at the send rate


@dataclass(slots=True)
class Delivery:
    """One message on its way to one subscription."""

    subscription: Subscription
    make: Callable[[], str]
    subject: str | None
    kind: str = "Notification"
    created: float = field(default_factory=time.time)
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    attempts: int = 0
    repeated: bool = False


class Publisher:
    """A queue, and a bounded number of workers that post what is in it."""

    def __init__(self, store: Store, settings: Settings, signer: Signer, ledger: Ledger) -> None:
        self._store = store
        self._settings = settings
        self._signer = signer
        self._ledger = ledger
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._random = random.Random(1)
        self._threads = ThreadPoolExecutor(2, "sign")
        self._workers: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None
        self._sampled = (0.0, 0)
        self._busy = False
        self._slot = 0.0
        self.dead_letters: deque[dict[str, Any]] = deque(maxlen=DEAD_LETTERS_KEPT)
        self.counts = {"delivered": 0, "retried": 0, "dead": 0}
        self.waiting_retries = 0
        self.in_flight = 0

    async def start(self, ca_file: Path | None) -> None:
        """Start the workers; subscribers' TLS certificates may also come from `ca_file`."""
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=IN_FLIGHT * 2, ssl=context),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._workers = [asyncio.create_task(self._work()) for _ in range(IN_FLIGHT)]

    async def stop(self) -> None:
        """Stop the workers; what is queued is lost, as the state file does not hold it."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def reset(self) -> None:
        """Drop what waits and what died."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self.dead_letters.clear()
        self.counts = dict.fromkeys(self.counts, 0)

    @property
    def queued(self) -> int:
        """Return how many deliveries wait, are under way or wait for a retry."""
        return self._queue.qsize() + self.in_flight + self.waiting_retries

    def publish(self, topic_arn: str, make: Callable[[], str], subject: str | None) -> int:
        """Queue a notification for each confirmed subscription; return how many.

        `make` returns the Message text and is called when the turn of the delivery comes.
        """
        subscribers = self.subscribers(topic_arn)
        for subscription in subscribers:
            self._enqueue(Delivery(subscription, make, subject))
        return len(subscribers)

    def subscribers(self, topic_arn: str) -> list[Subscription]:
        """Return the confirmed subscriptions of a topic."""
        _, _, _, region_name, account_id, _ = topic_arn.split(":", 5)
        account = self._store.accounts.get(account_id)
        region = account.regions.get(region_name) if account else None
        if region is None or topic_arn not in region.topics:
            return []
        return [
            s for s in region.subscriptions.values() if s.topic_arn == topic_arn and s.confirmed
        ]

    def confirm(self, subscription: Subscription, kind: str) -> None:
        """Queue a SubscriptionConfirmation or UnsubscribeConfirmation."""
        self._enqueue(Delivery(subscription, str, None, kind))

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Post once and return status and text; raises aiohttp.ClientError or TimeoutError."""
        assert self._http is not None
        async with self._http.post(url, data=body, headers=headers, allow_redirects=False) as reply:
            return reply.status, (await reply.read())[:500].decode("utf-8", "replace")

    def _enqueue(self, delivery: Delivery) -> None:
        settings = self._settings
        delay = settings.notification_delay
        if self._random.random() < settings.reorder_share:
            delay += settings.reorder_seconds
        if delay:
            self._later(delay * settings.time_scale, delivery)
        else:
            self._queue.put_nowait(delivery)

    def _later(self, seconds: float, delivery: Delivery) -> None:
        self.waiting_retries += 1
        asyncio.get_running_loop().call_later(seconds, self._due, delivery)

    def _due(self, delivery: Delivery) -> None:
        self.waiting_retries -= 1
        self._queue.put_nowait(delivery)

    async def _work(self) -> None:
        while True:
            delivery = await self._queue.get()
            self.in_flight += 1
            try:
                await self._pace()
                await self._deliver(delivery)
            except Exception:  # one message that cannot be made must not end the worker
                traceback.print_exc(file=sys.stderr)
            finally:
                self.in_flight -= 1

    async def _pace(self) -> None:
        """Wait while deliveries are held, and step back while the send path is busy."""
        while not self._settings.deliver:
            await asyncio.sleep(0.05)
        now = time.monotonic()
        moment, accepted = self._sampled
        if now - moment >= SAMPLE:
            count = len(self._ledger)
            self._busy = (count - accepted) / (now - moment) > self._settings.busy_sends
            self._sampled = (now, count)
        if self._busy:
            self._slot = max(now, self._slot + 1 / self._settings.busy_deliveries)
            await asyncio.sleep(self._slot - now)

    async def _deliver(self, delivery: Delivery) -> None:
        if not delivery.body:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._threads, self._sign, delivery)
        delivery.attempts += 1
        try:
            status, text = await self.post(
                delivery.subscription.endpoint, delivery.body, delivery.headers
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            status, text = 0, f"{type(error).__name__}: {error}"
        if 200 <= status < 300:
            self.counts["delivered"] += 1
            if not delivery.repeated and self._random.random() < self._settings.duplicate_share:
                delivery.repeated = True
                self._queue.put_nowait(delivery)
        elif status in (0, 429) or status >= 500:
            self._retry(delivery, status, text)
        else:  # the subscriber says the request itself is wrong: SNS does not repeat it
            self._bury(delivery, status, text)

    def _sign(self, delivery: Delivery) -> None:
        subscription = delivery.subscription
        topic = self._topic(subscription)
        version = sns_envelope.version_of(topic) if topic else "1"
        now = timestamp(delivery.created)
        if delivery.kind == "Notification":
            text = delivery.make()
            envelope = sns_envelope.notification(
                subscription.topic_arn, subscription.arn, text, delivery.subject, now
            )
        else:
            envelope = sns_envelope.confirmation(delivery.kind, subscription, now)
        headers = sns_envelope.headers(envelope, subscription.arn)
        raw = subscription.attributes.get("RawMessageDelivery", "false") == "true"
        if raw and delivery.kind == "Notification":
            delivery.body = envelope["Message"].encode()
            headers["x-amz-sns-rawdelivery"] = "true"
        else:
            delivery.body = orjson.dumps(sns_envelope.signed(envelope, self._signer, version))
        delivery.headers = headers
        delivery.delays = retry_delays(retry_policy(subscription, topic))

    def _topic(self, subscription: Subscription) -> Any:
        _, _, _, region, account, _ = subscription.topic_arn.split(":", 5)
        owner = self._store.accounts.get(account)
        return owner.region(region).topics.get(subscription.topic_arn) if owner else None

    def _retry(self, delivery: Delivery, status: int, text: str) -> None:
        if delivery.attempts > len(delivery.delays):
            self._bury(delivery, status, text)
            return
        self.counts["retried"] += 1
        wait = delivery.delays[delivery.attempts - 1] * self._settings.time_scale
        self._later(wait, delivery)

    def _bury(self, delivery: Delivery, status: int, text: str) -> None:
        self.counts["dead"] += 1
        if delivery.kind == "Notification":
            bury(delivery.subscription, self._store, delivery.body.decode("utf-8", "replace"))
        self.dead_letters.append(
            {
                "subscription": delivery.subscription.arn,
                "endpoint": delivery.subscription.endpoint,
                "queue": delivery.subscription.attributes.get("RedrivePolicy", ""),
                "attempts": delivery.attempts,
                "status": status,
                "error": text,
                "time": time.time(),
                "body": delivery.body.decode("utf-8", "replace"),
            }
        )

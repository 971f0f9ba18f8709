"""What happens to a message after it was accepted: events, and the account suppression list."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from zlib import crc32

import orjson

from simulator import events
from simulator.accounts import Identity, Region, Suppressed
from simulator.mailbox import Mailbox
from simulator.messages import Message
from simulator.outcomes import Outcome, is_simulator
from simulator.publisher import Publisher
from simulator.settings import Settings
from simulator.sns_policy import ses_may_publish
from simulator.store import Store

SUBJECT = "Amazon SES Email Event Notification"
VALIDATION = "Successfully validated SNS topic for Amazon SES event publishing."
GREETING = "AmazonSnsSubscriptionSucceeded"
BOUNCE_KINDS = {
    Outcome.HARD_BOUNCE: "hard",
    Outcome.SOFT_BOUNCE: "soft",
    Outcome.GLOBAL_SUPPRESSED: "global",
    Outcome.ON_ACCOUNT_LIST: "account",
}
SUPPRESSING = (Outcome.HARD_BOUNCE, Outcome.COMPLAINT)
Record = Callable[[float], dict[str, Any]]


class Feedback:
    """Follows accepted messages and publishes their events."""

    def __init__(
        self, store: Store, settings: Settings, publisher: Publisher, mailbox: Mailbox
    ) -> None:
        self._store = store
        self._settings = settings
        self._publisher = publisher
        self._mailbox = mailbox

    def follow(self, message: Message) -> None:
        """Schedule everything that comes of a message."""
        if not self._watched(message):
            return
        self.emit("Send", message, lambda now: events.send(message))
        groups: dict[Outcome, list[str]] = {}
        for address, outcome in message.outcomes:
            groups.setdefault(outcome, []).append(address)
        settings = self._settings
        for outcome, addresses in groups.items():
            if outcome in BOUNCE_KINDS:
                if outcome is Outcome.HARD_BOUNCE and self._late(addresses[0]):
                    self._after(settings.delivery_after, self._delivery, message, addresses)
                self._after(settings.bounce_after, self._bounce, message, addresses, outcome)
                continue
            wait = settings.delivery_after
            if outcome is Outcome.DELAY:
                self._after(wait, self._delay, message, addresses)
                wait += settings.bounce_after
            self._after(wait, self._delivery, message, addresses)
            if outcome is Outcome.AUTO_REPLY:
                self._after(settings.bounce_after, self._auto_reply, message, addresses)
            elif outcome is Outcome.COMPLAINT:
                self._after(settings.complaint_after, self.complain, message, addresses)

    def emit(self, kind: str, message: Message, record: Record) -> None:
        """Publish a record where the configuration set, or the identity, wants it."""
        now = time.time()
        listeners = 0
        topics, identity = self._topics(message, kind), self._notified(message, kind)
        if len(topics) + (identity is not None) > 1:  # one bounce has one feedbackId everywhere
            record = _always(record(now))
        for topic_arn in topics:
            listeners += self._publisher.publish(
                topic_arn, lambda: orjson.dumps(record(now)).decode() + "\n", SUBJECT
            )
        if identity is not None:
            headers = kind in identity.headers_in
            listeners += self._publisher.publish(
                identity.notifications[kind],
                lambda: orjson.dumps(events.notification(record(now), message, headers)).decode(),
                None,
            )
        mail = self._mailbox.get(message.id)
        if mail is not None and listeners:
            mail.events.append({"type": kind, "time": now})

    def validate(self, topic_arn: str) -> None:
        """Publish the plain sentence that opens event publishing to a topic."""
        self._publisher.publish(topic_arn, lambda: VALIDATION, SUBJECT)

    def greet(self, topic_arn: str, identity: str, kind: str) -> None:
        """Publish what opens notifications of an identity to a topic."""
        words = (
            f"You have successfully subscribed your Amazon SNS topic '{topic_arn}' to receive "
            f"'{kind}' notifications from Amazon SES for identity '{identity}'."
        )
        text = orjson.dumps({"notificationType": GREETING, "message": words}).decode() + "\n"
        self._publisher.publish(topic_arn, lambda: text, None)

    def complain(self, message: Message, addresses: list[str], kind: str = "abuse") -> None:
        """Publish one Complaint of that feedback type for the addresses and suppress them."""
        if kind != "not-spam":
            self._suppress(message, addresses, "COMPLAINT")
        self.emit("Complaint", message, lambda now: events.complaint(message, addresses, now, kind))

    def bounce(self, message: Message, addresses: list[str], kind: str) -> None:
        """Publish one Bounce of that kind (events.BOUNCES); a hard one suppresses."""
        if kind == "hard":
            self._suppress(message, addresses, "BOUNCE")
        self.emit("Bounce", message, lambda now: events.bounce(message, addresses, kind, now))

    def _bounce(self, message: Message, addresses: list[str], outcome: Outcome) -> None:
        self.bounce(message, addresses, BOUNCE_KINDS[outcome])

    def _delivery(self, message: Message, addresses: list[str]) -> None:
        by_host: dict[str, list[str]] = {}
        for address in addresses:
            by_host.setdefault(address.rpartition("@")[2].lower(), []).append(address)
        for group in by_host.values():
            self._deliver_to(message, group)

    def _deliver_to(self, message: Message, group: list[str]) -> None:
        self.emit("Delivery", message, lambda now: events.delivery(message, group, now))

    def _delay(self, message: Message, addresses: list[str]) -> None:
        self.emit(
            "DeliveryDelay", message, lambda now: events.delivery_delay(message, addresses, now)
        )

    def _auto_reply(self, message: Message, addresses: list[str]) -> None:
        self.emit("Bounce", message, lambda now: events.auto_reply(message, addresses, now))

    def _late(self, address: str) -> bool:
        """Return whether the bounce comes after a Delivery, decided by the address alone."""
        return crc32(address.lower().encode()) / 2**32 < self._settings.late_bounce_share

    def _after(self, seconds: float, call: Callable[..., None], *args: object) -> None:
        asyncio.get_running_loop().call_later(seconds * self._settings.time_scale, call, *args)

    def _region(self, message: Message) -> Region | None:
        account = self._store.accounts.get(message.account)
        return account.regions.get(message.region) if account else None

    def _watched(self, message: Message) -> bool:
        """Return whether anything can come of a message: a listener, or a suppression."""
        region = self._region(message)
        found = region.configuration_sets.get(message.configuration_set) if region else None
        if found is not None and any(d.enabled for d in found.destinations.values()):
            return True
        sender = region.identities.get(message.identity) if region else None
        if sender is not None and sender.notifications:
            return True
        return any(outcome in SUPPRESSING for _, outcome in message.outcomes)

    def _topics(self, message: Message, kind: str) -> list[str]:
        region = self._region(message)
        found = region.configuration_sets.get(message.configuration_set) if region else None
        if region is None or found is None:
            return []
        wanted = events.DESTINATION_TYPES[kind]
        arn = f"arn:aws:ses:{message.region}:{message.account}:configuration-set/{found.name}"
        topics = []
        for destination in found.destinations.values():
            if destination.enabled and wanted in destination.types and destination.topic_arn:
                topic = region.topics.get(destination.topic_arn)
                if topic is not None and ses_may_publish(topic, message.account, arn):
                    topics.append(destination.topic_arn)
        return topics

    def _notified(self, message: Message, kind: str) -> Identity | None:
        """Return the identity of the mail if it has a topic for such notifications."""
        region = self._region(message)
        identity = region.identities.get(message.identity) if region else None
        if region is None or identity is None:
            return None
        topic = region.topics.get(identity.notifications.get(kind, ""))
        if topic is None or not ses_may_publish(topic, message.account, message.source_arn):
            return None
        return identity

    def _suppress(self, message: Message, addresses: list[str], reason: str) -> None:
        region = self._region(message)
        if region is None or reason not in region.reasons_for(message.configuration_set):
            return
        for address in addresses:
            if not is_simulator(address):
                region.suppressed[address.lower()] = Suppressed(
                    address.lower(), reason, time.time(), message.id
                )
        self._store.touch()


def _always(made: dict[str, Any]) -> Record:
    return lambda _: made

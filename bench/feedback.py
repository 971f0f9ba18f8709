"""What SES tells, at full rate: signed notifications to the webhook, as SNS posts them.

Steady: 600 a second over kept-alive connections to the web server as it runs everywhere, each
verified and stored before its 200. Restart: the same while PostgreSQL is restarted; what is
answered by 5xx, or not at all, is posted again as SNS does. Flood: 100,000 posts of duplicated,
reordered events, translated by a worker; the counts must be exact. The sender shares the cores.
"""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connection, connections

from bench import people, seen
from bench.cpu import Meter, server_groups
from bench.posting import TOKEN, TOPIC, certificates, request, send
from bench.stage import DATA, Figures, Run, wait_until
from bench.workers import workers
from embedded.folder import Folder
from embedded.servers import Postgres
from lists.models import Suppression
from sending.models import Batch, BatchState, Message, MessageEvent, Outcome, SesAccount, Status
from sending.services.feedback import token_hash
from webhooks.models import SnsMessage

_RATE = 600
_SECONDS = 20.0
_WARM = 600
_FLOOD = 100_000


def feedback(run: Run) -> Figures:
    """Latency and CPU of a notification, what a restart loses, and the counts after a flood."""
    seconds = run.seconds or _SECONDS
    steady = round(_RATE * seconds)
    flood = run.recipients or _FLOOD
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    account = _account(run)
    events = _Events(account, key, flood)
    with (
        certificates(key) as origin,
        mock.patch.dict(os.environ, AWS_SNS_ORIGIN=origin),
        workers(0, web=True) as running,
    ):
        posts = events.plain(_WARM + 2 * steady)
        groups = {"web": [running.others["web"]], **server_groups()}
        running.others["default"].suspend()  # what comes of the events is measured by the flood
        send(posts[:_WARM], rate=_RATE)
        meter = Meter(groups)
        answers = send(posts[_WARM : _WARM + steady], rate=_RATE)
        cpu = meter.for_each_of(steady)
        restarter = threading.Timer(seconds / 2, _restart_postgres)
        restarter.start()
        restarted = send(posts[_WARM + steady :], rate=_RATE)
        restarter.join()
        connections.close_all()
        stored = SnsMessage.unscoped.count()
        _forget()
        took = [one.done - one.due for one in answers]
        figures: Figures = {
            "per_second": _RATE,
            "seconds": seconds,
            "p50_ms": round(seen.percentile(took, 0.5) * 1000, 1),
            "p99_ms": round(seen.percentile(took, 0.99) * 1000, 1),
            "repeated": sum(one.attempts - 1 for one in answers),
            **{name: value for name, value in cpu.items() if not name.startswith("simulator")},
            "restart_repeated": sum(one.attempts - 1 for one in restarted),
            "restart_longest_s": round(max(one.done - one.due for one in restarted), 1),
            "lost": len(posts) - stored,
        }
        running.others["default"].resume()
        return figures | _flood(events, flood)


def _flood(events: "_Events", count: int) -> Figures:
    posts = events.flood(count)
    start = time.monotonic()
    answers = send(posts, rate=None)
    posted = time.monotonic()
    waiting = SnsMessage.unscoped.filter(processed_at=None)
    wait_until(lambda: not waiting.exists(), seconds=600)
    return {
        "flood": len(posts),
        "flood_per_second": round(len(posts) / (max(a.done for a in answers) - start)),
        "flood_translated_after_s": round(time.monotonic() - posted, 1),
        "flood_events": MessageEvent.unscoped.count(),
        "flood_wrong": events.wrong(),
    }


def _account(run: Run) -> SesAccount:
    account = people.make_world(run.simulator, rate=_RATE)
    account.topic_arn, account.topic_signature_version = TOPIC, "2"
    account.subscription_arn, account.events_published = f"{TOPIC}:1", True
    account.webhook_token, account.webhook_token_hash = {"token": TOKEN}, token_hash(TOKEN)
    account.save()
    return account


class _Events:
    """Signed envelopes about the mails of one campaign, and what must come of them."""

    def __init__(self, account: SesAccount, key: rsa.RSAPrivateKey, flood: int) -> None:
        self._account, self._key = account, key
        self._batch = people.make_campaign(account, flood // 20)
        people.make_messages(self._batch)
        Message.unscoped.update(status=Status.SENT)
        Batch.unscoped.update(state=BatchState.DONE)
        self._mails = list(Message.unscoped.order_by("pk").values_list("pk", "email"))
        self._expected: Counter[Outcome] = Counter()
        self._events = 0

    def plain(self, count: int) -> list[bytes]:
        """So many envelopes of Delivery events."""
        mails = [self._mails[number % len(self._mails)] for number in range(count)]
        return [request(_event("Delivery", *mail), self._key) for mail in mails]

    def flood(self, count: int) -> list[bytes]:
        """So many posts in any order: copies of envelopes, and envelopes of the same event."""
        chance = random.Random(7)
        envelopes: list[bytes] = []
        for number, mail in enumerate(self._mails):
            kinds = ["Send", "Delivery"]
            outcome = Outcome.DELIVERED
            if number % 10 == 0:  # a bounce that comes after the delivery
                kinds.append("Bounce")
                outcome = Outcome.HARD_BOUNCED
            elif number % 25 == 1:
                kinds.append("Complaint")
                outcome = Outcome.COMPLAINED
            self._expected[outcome] += 1
            self._events += len(kinds)
            for kind in kinds:
                event = _event(kind, *mail)
                envelopes += [request(event, self._key) for _ in range(chance.choice((1, 2, 3)))]
        posts = envelopes + chance.choices(envelopes, k=max(0, count - len(envelopes)))
        chance.shuffle(posts)
        return posts

    def wrong(self) -> int:
        """How many figures are not what they must be: outcomes, tallies, suppressions, events."""
        found = Counter(Message.unscoped.values_list("outcome", flat=True))
        tallies = Counter[str]()
        for one in self._batch.tallies.values("delivered", "bounced", "complained"):
            tallies.update(one)
        bounced, complained = (
            self._expected[one] for one in (Outcome.HARD_BOUNCED, Outcome.COMPLAINED)
        )
        pairs = [
            *((found[int(one)], wanted) for one, wanted in self._expected.items()),
            (tallies["delivered"], len(self._mails) - bounced),
            (tallies["bounced"], bounced),
            (tallies["complained"], complained),
            (Suppression.unscoped.count(), bounced + complained),
            (MessageEvent.unscoped.count(), self._events),
        ]
        return sum(is_ != wanted for is_, wanted in pairs)


def _event(kind: str, message_id: int, email: str) -> str:
    now = "2026-11-20T10:00:00.000Z"
    mail = {
        "timestamp": now,
        "source": people.FROM,
        "sourceArn": f"arn:aws:ses:{people.REGION}:{people.ACCOUNT}:identity/acme.example",
        "sendingAccountId": people.ACCOUNT,
        "messageId": f"0102-{message_id}",
        "destination": [email],
        "headersTruncated": False,
        "headers": [{"name": f"Header-{n}", "value": "x" * 60} for n in range(8)],
        "tags": {"bf_msg": [str(message_id)], "ses:configuration-set": ["bench"]},
    }
    named = [{"emailAddress": email, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1"}]
    details = {
        "Send": ("send", {}),
        "Delivery": ("delivery", {"timestamp": now, "recipients": [email]}),
        "Bounce": (
            "bounce",
            {
                "bounceType": "Permanent", "bounceSubType": "General", "timestamp": now,
                "bouncedRecipients": named, "feedbackId": f"b-{message_id}",
            },
        ),
        "Complaint": (
            "complaint",
            {
                "complaintFeedbackType": "abuse", "timestamp": now,
                "complainedRecipients": named, "feedbackId": f"c-{message_id}",
            },
        ),
    }  # fmt: skip
    name, detail = details[kind]
    return json.dumps({"eventType": kind, "mail": mail, name: detail})


def _restart_postgres() -> None:
    folder = Folder(DATA, durable=True)
    with folder.locked():
        (postgres,) = (one for one in folder.servers if isinstance(one, Postgres))
        pid = postgres.pid()
        assert pid is not None
        # Fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
        os.kill(pid, signal.SIGINT)
        wait_until(lambda: postgres.pid() is None, seconds=60)
        postgres.ensure(folder.state.ports[postgres.name])


def _forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE webhooks_snsmessage, sending_messageevent CASCADE")
    Message.unscoped.update(outcome=Outcome.NONE, counted=0)

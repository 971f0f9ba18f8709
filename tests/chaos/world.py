"""A running product with campaigns in it: started, watched, settled and counted."""

import contextlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from embedded.stack import Stack
from simulator.client import Json, SimulatorClient
from tests.chaos.count import Campaign, Status, ask, audience_of, rows_of

REGION = "eu-west-1"
RATES = {"hard_bounce": 0.02, "complaint": 0.0005, "soft_bounce": 0.005}
STANDSTILL = 240.0  # seconds without any change after which a wait is given up
HOPELESS = 10.0  # the same after one has been given up: the run is lost, and is to end and be told
QUOTA_ERRORS = ("TooManyRequestsException", "LimitExceededException")


@dataclass(frozen=True)
class Asked:
    """What the command line says; `short` is the form for `make test`."""

    data: Path
    recipients: int
    seed: int
    short: bool
    events: bool


@dataclass(frozen=True)
class Order:
    """A campaign that is wanted, and what its AWS account allows (-1: any number a day).

    `storms`: somebody will order refusals for the rate, which then prove nothing.
    """

    name: str
    recipients: int
    rate: float
    day_quota: int = -1
    storms: bool = False


@dataclass
class World:
    """Campaigns through AWS accounts of their own."""

    running: Stack
    orders: list[Order]
    seed: int
    events: bool = True
    accounts: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    patience: float = STANDSTILL

    @property
    def simulator(self) -> SimulatorClient:
        return SimulatorClient(self.running.simulator_url)

    @property
    def database_url(self) -> str:
        return self.running.environ["DATABASE_URL"]

    def start(self) -> None:
        """Makes the accounts at the simulator and presses send."""
        self.simulator.settings(duplicate_share=0.05, reorder_share=0.05, late_bounce_share=0.1)
        campaigns = []
        for order in self.orders:
            limits = {
                "sandbox": False,
                "max_send_rate": order.rate,
                "max_24_hour_send": order.day_quota,
                # As SES counts. Whether a sliding second ever holds more is measured by `make
                # bench`: here it would count how processes on two cores wait for each other.
                "quota_mode": "bucket",
            }
            made = self.simulator.create_account(
                seed=self.seed,
                keys=[{"user": "sender"}],
                regions={REGION: limits},
                identities={REGION: ["acme.example"]},
                rates=RATES,
            )
            self.accounts.append(made["id"])
            (key,) = made["keys"].values()
            campaigns.append(
                {
                    "slug": order.name,
                    "key": key["id"],
                    "secret": key["secret"],
                    "recipients": order.recipients,
                }
            )
        self.batches = self.product("start", campaigns=campaigns, events=self.events)

    def product(self, command: str, **given: Any) -> Any:
        """What a command of tests.chaos.product answers."""
        return json.loads(self.running.run("-m", "tests.chaos.product", command, json.dumps(given)))

    def say(self, words: str) -> None:
        """A line about how the run goes."""
        print(f"{self.orders[0].name}: {time.strftime('%H:%M:%S')} {words}", flush=True)

    def fault(self, kind: str, **given: Any) -> None:
        """A fault at every account."""
        for account in self.accounts:
            self.simulator.add_fault(account, kind, **given)

    def accepted(self) -> int:
        """How many mails SES took so far."""
        return int(self.simulator.health()["accepted"])

    def standing(self, batch: int) -> Counter[Status]:
        """How many messages of a batch stand where."""
        sql = "SELECT status, count(*) FROM sending_message WHERE batch_id = %s GROUP BY status"
        found = ask(self.database_url, sql, batch)
        return Counter({Status(status): number for status, number in found})

    def age_claims(self) -> None:
        """What two minutes without an answer would do."""
        older = "claimed_at = claimed_at - interval '2 minutes'"
        sql = f"UPDATE sending_message SET {older} WHERE status = %s"  # noqa: S608 (constants)
        connection = psycopg2.connect(self.database_url)
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute(sql, [Status.SENDING])

    # --- waiting --------------------------------------------------------------------------------
    def until(
        self, what: str, condition: Callable[[], bool], standstill: float | None = None
    ) -> bool:
        """Waits; False, and a word about it, when nothing changes for so many seconds.

        Meanwhile a process that ended by itself is started again: Compose does so, and Celery
        counts on it when a process of its pool is killed before the pool has started.
        """
        seen: Any = None
        changed = time.monotonic()
        while True:
            for name in self.running.processes.start_ended_again():
                self.say(f"{name} ended by itself and is started again")
            try:
                if condition():
                    return True
                now = [self.simulator.health(), *map(self.standing, self.batches)]
            except psycopg2.OperationalError:  # it is just being restarted
                continue
            if now != seen:
                seen, changed = now, time.monotonic()
            if time.monotonic() - changed > (standstill or self.patience):
                self.say(f"nothing changes any more while waiting for {what}: {now}")
                if standstill is None:
                    self.patience = HOPELESS
                return False
            time.sleep(0.25)

    def until_all_left(self) -> bool:
        """Waits until nobody is queued but those whom a day's quota holds."""
        return self.until("the last mail", lambda: all(map(self._left, self.batches)))

    def _left(self, batch: int) -> bool:
        sql = (
            "SELECT a.parked_reason, b.audience_at FROM sending_sesaccount a "
            "JOIN sending_batch b ON b.ses_account_id = a.id WHERE b.id = %s"
        )
        ((parked, written),) = ask(self.database_url, sql, batch)
        held = parked.startswith("Daily quota")
        return written is not None and (held or not self.standing(batch)[Status.QUEUED])

    def until_claims_ended(self) -> bool:
        """Waits for answers, and for the sweep to call unknown what dead workers had in hand."""

        def ended() -> bool:
            return not any(self.standing(batch)[Status.SENDING] for batch in self.batches)

        return self.until("the end of claims", ended)

    def until_events_came(self) -> bool:
        """Waits until SNS has told everything and it is translated."""
        sql = "SELECT count(*) FROM webhooks_snsmessage WHERE processed_at IS NULL"

        def came() -> bool:
            queued = self.simulator.notifications()["queued"]
            return not queued and not ask(self.database_url, sql)[0][0]

        return self.until("the events", came)

    # --- counting -------------------------------------------------------------------------------
    def campaigns(self, barred: dict[str, float]) -> list[Campaign]:
        """Every campaign from both sides; `barred` are people of the first."""
        shown = self.product("shown", batches=self.batches)
        return [
            self._campaign(number, shown[number], {} if number else barred)
            for number in range(len(self.orders))
        ]

    def _campaign(self, number: int, shown: dict[str, int], barred: dict[str, float]) -> Campaign:
        order, account, batch = self.orders[number], self.accounts[number], self.batches[number]
        accepted = defaultdict[str, list[float]](list)
        outcomes = Counter[str]()
        for entry in self.simulator.ledger(account):
            outcomes.update(entry["outcomes"])
            for address in entry["recipients"]:
                accepted[address].append(entry["time"])
        refused: Json = self.simulator.refused(account)
        counted = QUOTA_ERRORS[1:] if order.storms else QUOTA_ERRORS
        for code, times in refused.items():
            self.say(f"{order.name}: {len(times)} refusals {code}")
        used = "SELECT coalesce(sum(sent), 0) FROM sending_sentminute WHERE pace_key = %s"
        return Campaign(
            audience=audience_of(self.database_url, batch),
            accepted=accepted,
            rows=rows_of(self.database_url, batch),
            shown=shown,
            refused=sum(len(refused.get(code, ())) for code in counted),
            used=int(ask(self.database_url, used, f"{account}:{REGION}")[0][0]),
            outcomes=outcomes,
            barred=barred,
            day_quota=order.day_quota if order.day_quota >= 0 else None,
        )

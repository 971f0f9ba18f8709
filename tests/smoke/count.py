"""The figures of the smoke run, counted from two sides: simulator's ledger and database."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum

import psycopg2

from tests.smoke.job import Job

# Once somebody has connected, the permission check sends one mail that must be refused: its sender
# is verified by nobody.
_ASKED_IN_VAIN = 1


@dataclass(frozen=True)
class Counted:
    """`accepted`, `second`, `lost`, `duplicated`, `to_suppressed`, `throttled` are the ledger's,
    the others the database's."""

    recipients: int
    accepted: int
    delivered: int
    bounced: int
    complained: int
    unsubscribed: int
    suppressed: int
    second: int
    lost: int
    duplicated: int
    to_suppressed: int
    throttled: int
    expected_bounced: int
    expected_complained: int
    expected_unsubscribed: int

    def line(self) -> str:
        """`smoke: recipients=1000 accepted=… throttled=0`"""
        shown = {k: v for k, v in asdict(self).items() if not k.startswith("expected_")}
        return "smoke: " + " ".join(f"{name}={value}" for name, value in shown.items())

    def broken(self) -> list[str]:
        """Each promise that was not kept, in words."""
        return list(self._broken())

    def _broken(self) -> Iterator[str]:
        for name in ("lost", "duplicated", "to_suppressed", "throttled"):
            if getattr(self, name):
                yield f"{name} is {getattr(self, name)}, not 0"
        for name in ("bounced", "complained", "unsubscribed"):
            expected = getattr(self, f"expected_{name}")
            if not expected:
                yield f"nobody {name}, so nothing was proven"
            if getattr(self, name) != expected:
                yield f"{name} is {getattr(self, name)} in the database, {expected} happened"
        if self.delivered != self.accepted - self.bounced - self.complained:
            yield "delivered is not accepted less bounced and complained"
        if self.suppressed != self.bounced + self.complained:
            yield "not every bounce and complaint is in the suppression table, or more is"
        reachable = self.recipients - self.suppressed - self.unsubscribed
        if self.second != reachable:
            yield f"the second campaign reached {self.second}, not the {reachable} that are left"


def count(job: Job, database_url: str) -> Counted:
    """Counts when both campaigns are over."""
    first, second = Counter[str](), Counter[str]()
    refused = {code: len(times) for code, times in job.simulator.refused(job.aws_account).items()}
    asked_in_vain = refused.pop("MessageRejected", 0)
    for entry in job.simulator.ledger(job.aws_account):
        target = second if entry["time_ns"] >= job.second_started_ns else first
        addresses = {address.lower() for address in entry["recipients"]}
        # The self-test's mails are of no campaign.
        target.update(one for one in addresses if not one.endswith("@simulator.amazonses.com"))
    barred = job.bounced | job.complained | job.unsubscribed
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:

        def rows(table: str, condition: str = "true") -> int:
            """Rows of the job's workspace."""
            cursor.execute(
                f"SELECT count(*) FROM {table} JOIN tenants_tenant t ON t.id = tenant_id "  # noqa: S608
                f"WHERE t.slug = %s AND {condition}",
                [job.workspace],
            )
            (number,) = cursor.fetchone() or (0,)
            return int(number)

        def first_ended_as(outcome: Outcome) -> int:
            newer = "(SELECT max(batch_id) FROM sending_message m WHERE m.tenant_id = t.id)"
            return rows("sending_message", f"batch_id < {newer} AND outcome = {outcome.value}")

        return Counted(
            recipients=len(job.addresses),
            accepted=len(first),
            delivered=first_ended_as(Outcome.DELIVERED),
            bounced=first_ended_as(Outcome.HARD_BOUNCED),
            complained=first_ended_as(Outcome.COMPLAINED),
            unsubscribed=rows("lists_subscription", "status = 'unsubscribed'"),
            suppressed=rows("lists_suppression"),
            second=len(second),
            lost=len(job.addresses - first.keys()),
            duplicated=sum(n - 1 for each in (first, second) for n in each.values()),
            to_suppressed=len(second.keys() & barred),
            throttled=sum(refused.values()) + abs(asked_in_vain - _ASKED_IN_VAIN),
            expected_bounced=len(job.bounced),
            expected_complained=len(job.complained),
            expected_unsubscribed=len(job.unsubscribed),
        )


class Outcome(Enum):
    """As sending.models.Outcome numbers them; read here as a stranger to the product would."""

    DELIVERED = 3
    HARD_BOUNCED = 5
    COMPLAINED = 6

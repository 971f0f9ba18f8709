"""What a refusal means for more than its message: slower, parked, paused. Done once in a drain."""

import logging
import time
from collections.abc import Collection

from sending import parking, queue, quota
from sending.decide import Action, Decision
from sending.outbound import Outbound
from sending.threads import Threads

logger = logging.getLogger(__name__)

_UNREACHABLE_REST = 2.0
_BURST = 0.5  # seconds in which refusals belong together, and in which nothing more is sent


class Stops:
    """What a drain has learned must not be sent for now."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._pace_keys: set[str] = set()
        self._accounts: set[int] = set()
        self._batches: set[int] = set()
        self._not_running: Collection[int] = ()
        self._slowed_at: dict[str, float] = {}

    def hold(self, out: Outbound) -> bool:
        """Whether a message of this batch must go back instead of out."""
        return self.stopped(out) or (
            time.monotonic() - self._slowed_at.get(out.pace_key, 0.0) < _BURST
        )

    def stopped(self, out: Outbound) -> bool:
        """Whether nothing more of this batch leaves by this drain, as far as it knows now."""
        return self._refused(out) or out.batch_id in self._not_running

    def heard(self, not_running: Collection[int]) -> None:
        """Takes which batches are paused or cancelled just now; others may go on."""
        self._not_running = not_running

    def _refused(self, out: Outbound) -> bool:
        return (
            out.batch_id in self._batches
            or out.account_id in self._accounts
            or out.pace_key in self._pace_keys
        )

    async def obey(self, decision: Decision, out: Outbound) -> None:
        """Carries out a decision that is about the pace, the account or the sender."""
        key = out.pace_key
        match decision.action:
            case Action.THROTTLE:
                if self._first_in_a_while(key):
                    await self._threads.run(queue.throttle, key)
            case Action.HOLD:
                if self._first_in_a_while(key):
                    _warn(decision, out)
                    await self._threads.run(queue.rest, key, _UNREACHABLE_REST)
            case _ if not self._refused(out):
                _warn(decision, out)
                await self._stop(decision, out)

    async def _stop(self, decision: Decision, out: Outbound) -> None:
        key = out.pace_key
        match decision.action:
            case Action.PARK_QUOTA:
                self._pace_keys.add(key)
                await self._threads.run(quota.refused, key, decision)
            case Action.PARK_AWS:
                self._pace_keys.add(key)
                await self._threads.run(
                    parking.park_aws_for, key, decision.reason, decision.retry_after
                )
            case Action.PAUSE_IDENTITY:
                self._batches.add(out.batch_id)
                await self._threads.run(parking.pause_identity, out.batch_id, decision.reason)
            case _:
                self._accounts.add(out.account_id)
                await self._threads.run(parking.park_account, out.account_id, decision.reason)

    def _first_in_a_while(self, key: str) -> bool:
        now = time.monotonic()
        if now - self._slowed_at.get(key, 0.0) < _BURST:
            return False
        self._slowed_at[key] = now
        return True


def _warn(decision: Decision, out: Outbound) -> None:
    logger.warning(
        "Batch %d through %s: %s",
        out.batch_id,
        out.pace_key,
        decision.reason,
        extra={"pace_key": out.pace_key},
    )

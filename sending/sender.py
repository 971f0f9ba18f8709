"""Sends claimed messages at their slots, so many at once, and says what came of each."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Collection

from sending.decide import Action, Decision, after_renewal
from sending.errors import RenderError
from sending.flight import MOST, Window
from sending.http import Connection
from sending.models import Status
from sending.outbound import Outbound, no_access, signer_of
from sending.pace import FAST
from sending.recording import Recorder
from sending.schedule import Job
from sending.ses.errors import SesError
from sending.signing import Signer
from sending.slotless import Slotless
from sending.stops import Stops
from sending.threads import Threads
from sending.transport import Accepted, Transport
from tenants.errors import SecretUnreadable

logger = logging.getLogger(__name__)

_GIVEN_UP = "No answer from Amazon SES before the worker ended"


class Sender:
    """The messages of a drain that are on their way, and those that wait for a place."""

    def __init__(
        self,
        transport: Transport,
        threads: Threads,
        window: Window,
        recorder: Recorder,
        slotless: Slotless,
    ) -> None:
        self._transport = transport
        self._threads = threads
        self._recorder = recorder
        self._slotless = slotless
        self._stops = Stops(threads)
        self._signers: dict[int, Signer] = {}
        self._window = window
        self._flight: set[asyncio.Task[None]] = set()
        self._waiting: deque[Job] = deque()
        self._landing = False

    def __len__(self) -> int:
        return len(self._flight) + len(self._waiting)

    @property
    def window(self) -> int:
        """How many may be in flight just now, of those without a pace."""
        return self._window.size

    @property
    def waiting(self) -> int:
        """How many wait for a place in flight."""
        return len(self._waiting)

    async def prepare(self, out: Outbound) -> None:
        """Makes an account ready to sign. Where AWS gives no access, what is sent goes back."""
        if out.account_id in self._signers:
            return
        if out.signer is not None:
            self._signers[out.account_id] = out.signer
            return
        try:
            self._signers[out.account_id] = await self._threads.run(signer_of, out.account_id)
        except (SesError, SecretUnreadable) as error:
            await self._stops.obey(no_access(error), out)

    async def heard(self, not_running: Collection[int]) -> None:
        """Takes which batches are paused or cancelled: what waits of them goes back."""
        self._stops.heard(not_running)
        waiting, self._waiting = self._waiting, deque()
        for job in waiting:
            if self._stops.hold(job.outbound):
                self._recorder.give_back(job)
            else:
                self._waiting.append(job)
        for job in await self._slotless.withdraw(self._stops.stopped):
            self._recorder.give_back(job)

    def start(self, job: Job) -> None:
        """Sends a job whose slot has come, now or when one in flight is answered."""
        most = MOST if job.interval > 1 / FAST else self._window.size
        if len(self._flight) >= most and not self._landing:
            self._waiting.append(job)
        else:
            self._launch(job)

    def land(self) -> None:
        """Starts nothing more; what waits is given back."""
        self._landing = True
        while self._waiting:
            self._recorder.give_back(self._waiting.popleft())

    async def finish(self, end: float) -> None:
        """Waits for answers until `end` (monotonic); what stays unanswered becomes unknown."""
        if self._flight:
            await asyncio.wait(self._flight, timeout=max(0.0, end - time.monotonic()))
        unanswered = list(self._flight)
        for task in unanswered:
            task.cancel()
        await asyncio.gather(*unanswered, return_exceptions=True)

    def _launch(self, job: Job) -> None:
        out = job.outbound
        if self._landing or self._stops.hold(out) or out.account_id not in self._signers:
            self._recorder.give_back(job)
            return
        task = asyncio.get_running_loop().create_task(self._send(job))
        self._flight.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._flight.discard(task)
        while self._waiting and len(self._flight) < self._window.size:
            self._launch(self._waiting.popleft())

    async def _send(self, job: Job) -> None:
        out, recipient = job.outbound, job.claimed.recipient
        connection = await self._connect(job)
        if connection is None:
            return
        try:
            body = out.skeleton.body(recipient)
        except RenderError as error:
            connection.give_back()
            self._recorder.settle(job, Status.FAILED, str(error))
            return
        except Exception:
            connection.give_back()
            logger.exception("Message %d: a fault of ours in its content", recipient.message_id)
            self._recorder.settle(job, Status.FAILED, "An internal error in its content")
            return
        try:
            reply = await self._post(connection, job, body)
        except asyncio.CancelledError:
            self._recorder.settle(job, Status.UNKNOWN, _GIVEN_UP)
            raise
        except Exception:
            logger.exception("Message %d: a fault of ours while it was sent", recipient.message_id)
            self._recorder.settle(job, Status.UNKNOWN, "An internal error while it was sent")
            return
        if isinstance(reply, Accepted):
            self._recorder.settle(job, Status.SENT, ses_message_id=reply.ses_message_id)
        elif reply.action is Action.FAIL:
            self._recorder.settle(job, Status.FAILED, reply.reason)
        elif reply.action is Action.UNKNOWN:
            self._recorder.settle(job, Status.UNKNOWN, reply.reason)
        else:
            self._recorder.give_back(job)
            await self._stops.obey(reply, out)

    async def _connect(self, job: Job) -> Connection | None:
        """What the send needs; None when there is none, or its slot or its claim has passed.

        A connection takes longer to open than a send may be late: without this, the first mails of
        a drain come so late that the second after them holds more than the quota.
        """
        out = job.outbound
        try:
            connection = await self._transport.connect(self._signers[out.account_id])
        except asyncio.CancelledError:
            self._recorder.give_back(job)  # nothing was written
            raise
        if isinstance(connection, Decision):
            self._window.failed()
            self._recorder.give_back(job)
            await self._stops.obey(connection, out)
            return None
        now = time.monotonic()
        outlived = job.outlived(now)
        if not outlived and self._slotless.may_leave(job, now):
            return connection
        connection.give_back()
        if self._landing or outlived:
            self._recorder.give_back(job)
        else:
            self._slotless.missed(job)
        return None

    async def _post(self, connection: Connection, job: Job, body: bytes) -> Accepted | Decision:
        out, email = job.outbound, job.claimed.recipient.email
        signer = self._signers[out.account_id]
        asked = time.monotonic()
        # What this turn of the loop writes leaves at its end, behind all that it does until then.
        asyncio.get_running_loop().call_soon(self._slotless.left, job)
        reply = await self._transport.send(connection, signer, body, email)
        self._window.answered(time.monotonic() - asked, in_flight=len(self._flight))
        if isinstance(reply, Accepted) or reply.action is not Action.RENEW:
            return reply
        if self._signers[out.account_id] is signer:  # the first of those refused together
            try:
                fresh = await self._threads.run(lambda: signer_of(out.account_id, renew=True))
            except (SesError, SecretUnreadable) as error:
                return no_access(error)
            self._signers[out.account_id] = fresh
        signer = self._signers[out.account_id]
        again = await self._transport.connect(signer)
        if isinstance(again, Decision):
            return again
        reply = await self._transport.send(again, signer, body, email)
        return reply if isinstance(reply, Accepted) else after_renewal(reply)

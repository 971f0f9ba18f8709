"""How one message leaves, once: the ledger that PostgreSQL keeps and Valkey only rings for."""

from sending.models.accounts import (
    QUOTA_REACHED,
    QUOTA_REFUSED,
    Review,
    SenderIdentity,
    SesAccount,
    SesAuth,
    SesState,
    new_external_id,
    pace_key,
)
from sending.models.batches import Batch, BatchState, BatchTally, Lane
from sending.models.domains import DomainAlert, DomainRecord, Purpose, RecordState
from sending.models.events import CONTENT_REFUSED, MACHINE, PERSON, EventKind, MessageEvent
from sending.models.messages import Message, MessageData, Outcome, Status
from sending.models.quota import SentMinute
from sending.models.reputation import AccountHour, BatchDay, Count, Provider
from sending.models.selftest import SelfTest
from sending.models.suppression import SuppressionChange, SuppressionMirror

__all__ = [
    "CONTENT_REFUSED",
    "MACHINE",
    "PERSON",
    "QUOTA_REACHED",
    "QUOTA_REFUSED",
    "AccountHour",
    "Batch",
    "BatchDay",
    "BatchState",
    "BatchTally",
    "Count",
    "DomainAlert",
    "DomainRecord",
    "EventKind",
    "Lane",
    "Message",
    "MessageData",
    "MessageEvent",
    "Outcome",
    "Provider",
    "Purpose",
    "RecordState",
    "Review",
    "SelfTest",
    "SenderIdentity",
    "SentMinute",
    "SesAccount",
    "SesAuth",
    "SesState",
    "Status",
    "SuppressionChange",
    "SuppressionMirror",
    "new_external_id",
    "pace_key",
]

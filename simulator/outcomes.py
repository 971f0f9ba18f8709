"""What becomes of an accepted recipient, decided by nothing but address, rates and seed."""

from enum import StrEnum
from hashlib import blake2b

from simulator.accounts import Rates

SIMULATOR_DOMAIN = "simulator.amazonses.com"


class Outcome(StrEnum):
    """One letter for the ledger; the name for people."""

    DELIVERY = "d"
    HARD_BOUNCE = "b"
    COMPLAINT = "c"  # delivered, and complained of later
    SOFT_BOUNCE = "s"
    DELAY = "y"  # delayed, then delivered
    AUTO_REPLY = "o"  # delivered, and answered out of office
    GLOBAL_SUPPRESSED = "g"
    ON_ACCOUNT_LIST = "a"


# the mailbox simulator (SES Developer Guide, "Using the mailbox simulator")
MAILBOX_SIMULATOR = {
    "success": Outcome.DELIVERY,
    "bounce": Outcome.HARD_BOUNCE,
    "complaint": Outcome.COMPLAINT,
    "ooto": Outcome.AUTO_REPLY,
    "suppressionlist": Outcome.GLOBAL_SUPPRESSED,
}


def is_simulator(address: str) -> bool:
    """Return whether the address is one of the mailbox simulator's."""
    return address.lower().endswith("@" + SIMULATOR_DOMAIN)


def outcome_for(address: str, rates: Rates, seed: int) -> Outcome:
    """Return the address's outcome: the same for the same seed and rates, in any process.

    A hash of seed and lower-cased address gives a number in [0, 1); the rates cut that line in
    the order hard bounce, complaint, soft bounce, delay; what is left is delivered. Mailbox
    simulator addresses have the outcome of their name, labels aside.
    """
    lowered = address.lower()
    if is_simulator(lowered):
        local = lowered.partition("@")[0].partition("+")[0]
        return MAILBOX_SIMULATOR.get(local, Outcome.DELIVERY)
    digest = blake2b(f"{seed}:{lowered}".encode(), digest_size=8).digest()
    point = int.from_bytes(digest, "big") / 2**64
    for share, outcome in (
        (rates.hard_bounce, Outcome.HARD_BOUNCE),
        (rates.complaint, Outcome.COMPLAINT),
        (rates.soft_bounce, Outcome.SOFT_BOUNCE),
        (rates.delay, Outcome.DELAY),
    ):
        if point < share:
            return outcome
        point -= share
    return Outcome.DELIVERY

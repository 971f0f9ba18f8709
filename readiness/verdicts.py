"""What a line comes to: a state, the evidence in words, and a way to mend it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    GOOD = "good"
    PARTLY = "partly"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Action:
    """A button: `mend` names what one press does (readiness.services.mending), else it leads to
    the page `page`, of the thing with the public id `of` where it is not the workspace's.
    """

    label: str
    mend: str = ""
    page: str = ""
    of: str = ""


@dataclass(frozen=True)
class Verdict:
    """`at`: when the evidence was last looked at, None where it is as of now. `waits`: it may
    become better by itself within minutes.
    """

    state: State
    evidence: str
    action: Action | None = None
    at: datetime | None = None
    waits: bool = False


def good(evidence: str, *, at: datetime | None = None) -> Verdict:
    return Verdict(State.GOOD, evidence, at=at)


def listed(names: list[str], most: int = 3) -> str:
    """“News, Offers and 4 more”."""
    if len(names) <= most:
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def many(count: int, one: str, more: str = "") -> str:
    """“1 list”, “1,204 lists”."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"

"""What a record should be, and what is to be said of what was found."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sending.dns.answers import Answer, Status, View
from sending.models import Purpose, RecordState


@dataclass(frozen=True)
class Wanted:
    """A record that a domain should have; `value` as it is typed into a DNS host's form."""

    purpose: Purpose
    kind: str
    name: str
    value: str


@dataclass(frozen=True)
class Verdict:
    """How a record stands. `words` say what it means and what to do, in at most three sentences."""

    state: RecordState
    words: str
    found: tuple[str, ...] = ()
    found_at: str = ""
    organization: str = ""  # of DMARC: the Organizational Domain


def settle(answer: Answer, judge: Callable[[View], Verdict]) -> Verdict:
    """One verdict of what all servers say: where they disagree, that is what is wrong."""
    verdicts = [judge(view) for view in answer.views]
    found = tuple(dict.fromkeys(value for verdict in verdicts for value in verdict.found))
    first = replace(verdicts[0], found=found)
    if len({verdict.state for verdict in verdicts}) == 1:
        return first
    return replace(
        first,
        state=RecordState.WRONG,
        words="Your name servers give different answers, so the record is right for some receivers "
        "only. After a change this passes within the hour; if it stays, ask your DNS host.",
    )


def unless_found(view: View, kind: str) -> Verdict | None:
    """The verdict where there is no record to judge; None where there is one."""
    match view.status:
        case Status.FOUND:
            return None
        case Status.NO_NAME:
            return Verdict(RecordState.MISSING, "There is nothing at this name yet.")
        case Status.NO_TYPE:
            return Verdict(
                RecordState.MISSING, f"There are records at this name, but no {kind} record."
            )
        case Status.LOOP:
            return Verdict(
                RecordState.WRONG,
                "The name is an alias (CNAME) that leads in a circle. Remove it and put in the "
                "record shown here.",
            )
        case Status.TIMEOUT | Status.FAILED:
            return Verdict(
                RecordState.UNKNOWN,
                f"No answer, so nothing is known: {view.why}. The record may be there; Bluefox "
                "looks again by itself.",
            )

"""Everything that AWS asks, judged by the facts, and what it comes to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from readiness import at_aws, at_home
from readiness.asked import LINES, Asked
from readiness.selectors.facts import Facts
from readiness.verdicts import State, Verdict

_JUDGES: dict[str, Callable[[Facts], Verdict]] = {
    "connection": at_aws.connection,
    "company": at_home.company,
    "domain": at_aws.domain,
    "dns": at_aws.dns,
    "feedback": at_aws.feedback,
    "suppression": at_aws.suppression,
    "optin": at_home.optin,
    "captcha": at_home.captcha,
    "preferences": at_home.preferences,
    "unsubscribe": at_home.unsubscribe,
    "one_click": at_home.one_click,
    "queue": at_aws.queue,
    "rates": at_aws.rates,
    "access": at_aws.access,
}
_SHARE = {State.GOOD: 1.0, State.PARTLY: 0.5, State.BAD: 0.0, State.UNKNOWN: 0.0}


@dataclass(frozen=True)
class Line:
    """One thing that AWS asks, and how the workspace answers it."""

    asked: Asked
    verdict: Verdict

    @property
    def key(self) -> str:
        return self.asked.key

    @property
    def is_good(self) -> bool:
        return self.verdict.state == State.GOOD


def judge(facts: Facts) -> list[Line]:
    """Every line, in the order in which they are best put right."""
    return [Line(asked, _JUDGES[asked.key](facts)) for asked in LINES]


def score(lines: Sequence[Line]) -> int:
    """0 to 100: the weights of what is good, and half the weights of what partly is."""
    return int(sum(line.asked.weight * _SHARE[line.verdict.state] for line in lines))


def is_ready(lines: Sequence[Line]) -> bool:
    """Whether everything but the request itself is green."""
    return all(line.is_good for line in lines if line.asked.weight)


def states(lines: Sequence[Line]) -> dict[str, str]:
    """Key -> state, to keep."""
    return {line.key: line.verdict.state.value for line in lines}

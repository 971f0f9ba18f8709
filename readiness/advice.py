"""What a month's figures mean and what to do next: pure functions of MonthlyReport.figures."""

from dataclasses import dataclass
from typing import Any

from readiness.asked import BY_KEY, Asked
from readiness.verdicts import State, many
from reputation.selectors.rates import BOUNCES, COMPLAINTS, Rates

# Below AWS's lines there is time to act: https://docs.aws.amazon.com/ses/latest/dg/ recommends
# staying under 2 % and 0.05 %.
_BOUNCE_WARN, _COMPLAINT_WARN = 0.02, 0.0005
_UNENGAGED_WARN = 0.3
_DOUBTFUL_WARN = 0.05


@dataclass(frozen=True)
class Reading:
    """A month's figures, read: what the mail and the page print."""

    rates: Rates
    before: Rates
    score: int
    worse: list[Asked]
    open: list[Asked]
    lists: dict[str, int]
    hygiene: dict[str, int | None]
    advice: list[str]

    @property
    def unengaged_share(self) -> float | None:
        """Of all contacts; None where nobody is called unengaged."""
        found, contacts = self.hygiene["unengaged"], self.hygiene["contacts"]
        return None if found is None else found / contacts if contacts else 0.0

    @property
    def grown(self) -> int:
        return self.lists["joined"] - self.lists["left"]


def read(figures: dict[str, Any]) -> Reading:
    """The figures as they were kept, in order, with advice."""
    lines = {key: state for key, state in figures["lines"].items() if key in BY_KEY}
    reading = Reading(
        rates=Rates(**figures["rates"]),
        before=Rates(**figures["rates_before"]),
        score=figures["score"],
        worse=[BY_KEY[key] for key in figures["worse"] if key in BY_KEY],
        open=[BY_KEY[key] for key, state in lines.items() if state != State.GOOD],
        lists=figures["lists"],
        hygiene=figures["hygiene"],
        advice=[],
    )
    reading.advice.extend(_advice(reading))
    return reading


def _advice(month: Reading) -> list[str]:
    return [*_on_rates(month), *_on_hygiene(month), *_on_lists(month)]


def _on_rates(month: Reading) -> list[str]:
    found = []
    bounces, complaints = month.rates.bounce_rate, month.rates.complaint_rate
    if bounces >= BOUNCES.review:
        found.append(
            f"{bounces:.1%} of your mails bounced; AWS reviews an account at 5 %. Stop writing to "
            "lists that you have not written to for long, and find out where the addresses came "
            "from."
        )
    elif bounces >= _BOUNCE_WARN:
        found.append(
            f"{bounces:.1%} of your mails bounced. That is below AWS's line of 5 %, but above the "
            "2 % that careful senders keep. Look at the campaign with the most bounces."
        )
    if complaints >= COMPLAINTS.review:
        found.append(
            f"{complaints:.2%} of those who got your mail marked it as spam; AWS reviews an "
            "account at 0.1 %. Write less often, say in the first line why it comes, and leave "
            "out who has not opened for months."
        )
    elif complaints >= _COMPLAINT_WARN:
        found.append(
            f"{complaints:.2%} marked your mail as spam. That is close to AWS's line of 0.1 %."
        )
    return found


def _on_hygiene(month: Reading) -> list[str]:
    found = []
    hygiene, share = month.hygiene, month.unengaged_share
    imported = hygiene["imported"] or 0
    doubtful = (hygiene["role"] or 0) + (hygiene["disposable"] or 0)
    if share is None:
        found.append(
            "Say in Settings, under Limits, after how many days somebody counts as unengaged. "
            "Campaigns can then leave them out."
        )
    elif share > _UNENGAGED_WARN:
        found.append(
            f"{share:.0%} of your contacts have opened or clicked nothing for "
            f"{many(hygiene['unengaged_days'] or 0, 'day')}. Leave them out of your next campaign: "
            "they bring bounces and complaints, and no reader."
        )
    if imported and doubtful / imported > _DOUBTFUL_WARN:
        found.append(
            f"{doubtful:,} of {many(imported, 'imported address', 'imported addresses')} belong to "
            "an office or to a throw-away domain. Ask where that file came from."
        )
    return found


def _on_lists(month: Reading) -> list[str]:
    if month.lists["left"] > month.lists["joined"] and month.lists["left"] >= 10:
        return [
            f"More people left your lists ({month.lists['left']:,}) than joined "
            f"({month.lists['joined']:,}). Each list's page says why they left."
        ]
    return []

"""What AWS says of an account, in words, and what to do about it. As last read from SES."""

from dataclasses import dataclass
from datetime import datetime

from sending.models import SesAccount


@dataclass(frozen=True)
class Word:
    """One thing that AWS says of an account; tone as in the `notice` tag. AWS does not say since
    when; `since` is when we saw it first. `page` is the name of an address."""

    tone: str
    title: str
    meaning: str
    todo: str = ""
    page: str = ""
    since: datetime | None = None


def words_of(account: SesAccount) -> list[Word]:
    """What AWS says, the worst first; one good word where there is nothing bad."""
    if account.quota_read_at is None:
        return [
            Word("info", "Not read yet", "Bluefox reads the account's state once it is connected.")
        ]
    found = []
    if account.enforcement_status == "SHUTDOWN":
        found.append(
            Word(
                "error",
                "AWS has paused sending",
                "AWS refuses every mail of this account after a review of its bounces, complaints "
                "or content.",
                "Find below which campaign, list or import brought them, take those addresses "
                "away, then ask AWS for another review in the case that it opened with you.",
                since=account.enforcement_since,
            )
        )
    elif account.enforcement_status == "PROBATION":
        found.append(
            Word(
                "warning",
                "Under review at AWS",
                "AWS watches the account until the review ends, and may pause it if the rates do "
                "not fall. Mail still leaves.",
                "Send only to people who opened or clicked lately, take away the lists and imports "
                "that brought the bounces, and answer the mail in which AWS told you.",
                since=account.enforcement_since,
            )
        )
    if not account.sending_enabled and account.enforcement_status != "SHUTDOWN":
        found.append(
            Word(
                "error",
                "Sending is switched off",
                "Somebody, or an alarm in AWS, has switched sending off for this account and "
                "region.",
                "Switch it on again in the SES console, under Account dashboard. Bluefox goes on "
                "by itself within a quarter of an hour.",
            )
        )
    if not account.production_access:
        found.append(
            Word(
                "info",
                "In the sandbox",
                "AWS lets the account write to verified addresses and domains only, and to 200 "
                "recipients a day. Mail to a verified domain counts for no rate.",
                "Ask AWS for production access.",
                page="readiness:index",
            )
        )
    return found or [Word("success", "Healthy", "AWS has nothing against this account's sending.")]

"""The SPF record of a MAIL FROM domain (RFC 7208)."""

import re
from collections.abc import Callable

from sending.dns.answers import Status, View
from sending.dns.lookups import Lookups
from sending.dns.verdicts import Verdict, Wanted, settle, unless_found
from sending.models import RecordState

AMAZON = "amazonses.com"
MAX_LOOKUPS = 10  # RFC 7208 4.6.4: with more, the whole record counts as broken

_RECORD = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)
_TERM = re.compile(
    r"[+\-~?]?(?:all|include:\S+|ptr(?::\S+)?|exists:\S+|ip[46]:\S+|(?:a|mx)(?:[:/]\S+)?)"
    r"|[a-z][a-z0-9_.\-]*=\S*",
    re.IGNORECASE,
)
_LOOKS_UP = re.compile(
    r"[+\-~?]?(?:include:|exists:|(?:a|mx|ptr)(?:[:/]|\Z))|redirect=", re.IGNORECASE
)
_LEADS_ON = re.compile(r"[+\-~?]?include:(\S+)|redirect=(\S+)", re.IGNORECASE)


def records(view: View) -> list[str]:
    """The SPF records among the TXT records of a name."""
    return [value for value in view.values if _RECORD.match(value)]


def check_spf(wanted: Wanted, lookups: Lookups) -> Verdict:
    """Exactly one record, which lets Amazon send and does not ask for too many lookups."""

    def judge(view: View) -> Verdict:
        missing = unless_found(view, "TXT")
        if missing:
            return missing
        found = records(view)
        if not found:
            return Verdict(
                RecordState.MISSING,
                "There are TXT records at this name, but none begins with v=spf1.",
                view.values,
            )
        wrong = _trouble(found, lambda name: _record_at(lookups, name))
        state = RecordState.WRONG if wrong else RecordState.OK
        return Verdict(state, wrong or _praise(found[0]), tuple(found))

    return settle(lookups.find(wanted.name, "TXT"), judge)


def _trouble(found: list[str], record_at: Callable[[str], str]) -> str:
    """What is wrong with the SPF records of a name, or ""."""
    if len(found) > 1:
        return (
            f"There are {len(found)} SPF records; receivers then take none of them. Put everything "
            "into one."
        )
    terms = found[0].split()[1:]
    for term in terms:
        if not _TERM.fullmatch(term):
            return f"“{term[:60]}” is no word of SPF, so receivers take none of the record."
    if not _allows_amazon(terms):
        return f"Amazon may not send by this record. Put include:{AMAZON} before the last word."
    looked = count_lookups(found[0], record_at)
    if looked > MAX_LOOKUPS:
        return (
            f"This record makes receivers look up more than {MAX_LOOKUPS} names, and they then "
            "take none of it. Remove services that you no longer use."
        )
    return ""


def _allows_amazon(terms: list[str]) -> bool:
    """Whether include:amazonses.com stands before the word (all) that ends the reading."""
    for term in terms:
        word = term.lower().removeprefix("+")
        if word == f"include:{AMAZON}":
            return True
        if word.lstrip("-~?") == "all":
            return False
    return False


def _praise(record: str) -> str:
    if {"+all", "all"} & set(record.lower().split()):
        return "Amazon may send by it, but so may everybody (+all). Change its last word to ~all."
    return "Says that Amazon may send for this name."


def count_lookups(record: str, record_at: Callable[[str], str]) -> int:
    """How many lookups a receiver needs; stops counting at one over the limit.

    `record_at` gives the SPF record of a name, or "" where there is none to be had: what stands
    behind it is then not counted. Amazon's own has none behind it, and is not looked up. A record
    that includes itself is over the limit, as it is for a receiver.
    """
    count, waiting = 0, [record]
    while waiting and count <= MAX_LOOKUPS:
        for term in waiting.pop().split()[1:]:
            if not _LOOKS_UP.match(term):
                continue
            count += 1
            leads = _LEADS_ON.fullmatch(term)
            name = (leads[1] or leads[2]).lower().rstrip(".") if leads else ""
            if count > MAX_LOOKUPS:
                break
            if name and name != AMAZON and "%" not in name:
                waiting.append(record_at(name))
    return count


def _record_at(lookups: Lookups, name: str) -> str:
    views = lookups.find(name, "TXT").views
    found = records(views[0]) if views[0].status == Status.FOUND else []
    return found[0] if len(found) == 1 else ""

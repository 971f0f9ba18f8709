"""The tree walk of RFC 9989 4.10: which DMARC record holds for a domain, and whose it is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sending.dns.answers import Answer, View
from sending.dns.dmarc import Dmarc, is_dmarc, parse
from sending.dns.lookups import Lookups
from sending.dns.verdicts import Verdict, Wanted, settle, unless_found
from sending.models import RecordState

MOST_LABELS = 8


def targets(domain: str) -> Iterator[str]:
    """The names to ask, the domain first: at most eight, however long it is."""
    labels = domain.split(".")
    yield domain
    labels = labels[1:] if len(labels) < MOST_LABELS else labels[1 - MOST_LABELS :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


@dataclass(frozen=True)
class Level:
    """One name of the walk; `record` is the DMARC record there, if there is one that counts."""

    domain: str
    verdict: Verdict
    record: Dmarc | None = None


def walk(domain: str, lookups: Lookups) -> list[Level]:
    """The levels from the domain upward, until a record says where the organization ends."""
    levels: list[Level] = []
    for target in targets(domain):
        level = _level(target, lookups.find(f"_dmarc.{target}", "TXT"))
        levels.append(level)
        if level.record and level.record.psd != "u":
            break
    return levels


def _level(domain: str, answer: Answer) -> Level:
    verdict = settle(answer, _judge)
    record = parse(verdict.found[0]) if verdict.state == RecordState.OK else None
    return Level(domain, verdict, record)


def _judge(view: View) -> Verdict:
    missing = unless_found(view, "TXT")
    if missing:
        return missing
    found = tuple(value for value in view.values if is_dmarc(value))
    if len(found) > 1:
        return Verdict(
            RecordState.WRONG,
            f"There are {len(found)} DMARC records; receivers then act as if there were none. "
            "Keep one.",
            found,
        )
    record = parse(found[0]) if found else None
    if record and record.applies:
        return Verdict(
            RecordState.OK,
            "Receivers know what you want done with forged mail, if only to report it.",
            found,
        )
    if record:
        return Verdict(
            RecordState.WRONG,
            "It asks for a policy that DMARC does not know, so receivers drop the record. Write "
            "p=none, p=quarantine or p=reject.",
            found,
        )
    if any("dmarc" in value.lower() for value in view.values):
        return Verdict(
            RecordState.WRONG,
            "This is meant for DMARC but cannot be read: it must begin with v=DMARC1, then a "
            "semicolon.",
            view.values,
        )
    return Verdict(
        RecordState.MISSING,
        "There are TXT records at this name, but none is for DMARC.",
        view.values,
    )


def organization(levels: list[Level]) -> str:
    """The Organizational Domain of the walk's first name (RFC 9989 4.10.2)."""
    found = [(level.domain, level.record) for level in levels if level.record]
    start = levels[0].domain
    for domain, record in found:
        if record.psd == "n":
            return domain
        if record.psd == "y" and domain != start:
            below = domain.count(".") + 2
            return ".".join(start.split(".")[-below:])
    return found[-1][0] if found else start


def check_dmarc(wanted: Wanted, lookups: Lookups) -> Verdict:
    """Whether a DMARC policy holds for the domain, its own or that of the organization above."""
    levels = walk(wanted.name.removeprefix("_dmarc."), lookups)
    own, above = levels[0], organization(levels)
    if own.verdict.state != RecordState.MISSING:
        return replace(own.verdict, organization=above)
    for level in levels[1:]:
        if level.record and level.domain == above:
            return Verdict(
                RecordState.OK,
                f"None of its own; that of {above} holds for it.",
                level.verdict.found,
                f"_dmarc.{above}",
                above,
            )
    for level in levels[1:]:
        if level.verdict.state == RecordState.UNKNOWN:
            return level.verdict
    words = own.verdict.words if own.verdict.found else "No DMARC record holds for this domain."
    if levels[-1].record:
        words = f"There is none but that of the registry, {levels[-1].domain}."
    return replace(own.verdict, words=words, organization=above)

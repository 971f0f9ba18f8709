"""A definition as a sentence."""

import re

from lists.segments.language import SOURCES, Condition, Definition, Takes, operators_of
from lists.segments.names import Names
from lists.segments.reading import day

_GONE = {Takes.LIST: "a deleted list", Takes.TAG: "deleted", Takes.CAMPAIGN: "a deleted campaign"}


def words(definition: Definition, names: Names) -> str:
    """The definition in words: `On Newsletter, city is Oslo, and opened a mail within 30 days.`"""
    groups = [_joined([_phrase(one, names) for one in group]) for group in definition.groups]
    sentence = "; or ".join(groups)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _joined(phrases: list[str]) -> str:
    if len(phrases) < 3:
        return " and ".join(phrases)
    return f"{', '.join(phrases[:-1])}, and {phrases[-1]}"


def _phrase(condition: Condition, names: Names) -> str:
    operator = operators_of(condition.what)[condition.op]
    values = [
        _value(takes, value, names)
        for takes, value in zip(operator.takes, condition.values, strict=True)
    ]
    phrase = operator.phrase.format(*values, what=_lowered(names.subject(condition)))
    return re.sub(r"\b1 days\b", "1 day", phrase) if Takes.DAYS in operator.takes else phrase


def _lowered(label: str) -> str:
    """`City` as it stands in a sentence; `VIP` stays."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _value(takes: Takes, value: str | int | float, names: Names) -> str:
    match takes:
        case Takes.LIST | Takes.TAG | Takes.CAMPAIGN:
            try:
                return names.name(takes, str(value))
            except KeyError:
                return _GONE[takes]
        case Takes.SOURCE:
            return SOURCES[str(value)].lower().replace("api", "API").replace("amazon ses", "SES")
        case Takes.DATE:
            moment = day(value)
            return f"{moment.day} {moment:%b %Y}"
        case Takes.NUMBER | Takes.DAYS:
            return f"{value:,}"
        case _:
            text = str(value)
            return text if re.fullmatch(r"[\w@.+-]+", text) else f"“{text}”"

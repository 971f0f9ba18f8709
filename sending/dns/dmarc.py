"""DMARC records as RFC 9989 reads them.

Unknown tags are ignored, wrong values take their default; pct, rf and ri are no tags any more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Policy = Literal["none", "quarantine", "reject"]
POLICIES: tuple[Policy, ...] = ("none", "quarantine", "reject")

# The version is case sensitive and comes first (RFC 9989 4.8, formal definition).
_IS_DMARC = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_TAG = re.compile(r"[ \t]*([A-Za-z]+)[ \t]*=[ \t]*(.*?)[ \t]*", re.DOTALL)
_REPORT_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s,]+")
REMOVED = ("pct", "rf", "ri")
_KNOWN = ("v", "p", "sp", "np", "adkim", "aspf", "fo", "psd", "rua", "ruf", "t")
_MAX_TAGS = 50


@dataclass(frozen=True)
class Dmarc:
    """One record. `sp` and `np` are what holds, given or inherited; `strange` was passed over."""

    p: Policy
    sp: Policy
    np: Policy
    adkim: Literal["r", "s"]
    aspf: Literal["r", "s"]
    psd: Literal["y", "n", "u"]
    testing: bool
    rua: tuple[str, ...]
    ruf: tuple[str, ...]
    given: frozenset[str]
    strange: tuple[str, ...]
    applies: bool

    def policy_for(self, *, subdomain: bool) -> Policy:
        """What is asked of receivers for failing mail; in a test (t=y) one step less."""
        asked = self.sp if subdomain else self.p
        return POLICIES[max(0, POLICIES.index(asked) - 1)] if self.testing else asked


def is_dmarc(text: str) -> bool:
    """Whether a TXT value is a DMARC record; others at the same name are none of its business."""
    return _IS_DMARC.match(text) is not None


def parse(text: str) -> Dmarc | None:
    """The record in a TXT value, or None where it is none.

    A policy that is no policy makes the record one for reports only, as if it said p=none, and
    without an address for reports receivers drop it: `applies` is then false.
    """
    if not is_dmarc(text):
        return None
    tags, strange = _tags(text)
    wrong = [name for name in ("p", "sp", "np") if name in tags and _policy(tags[name]) is None]
    p = _policy(tags.get("p", "none"))
    if wrong or p is None:
        p, sp, np = POLICIES[0], None, None
    else:
        sp, np = _policy(tags.get("sp", "")), _policy(tags.get("np", ""))
    rua = _uris(tags.get("rua", ""))
    strange += [f"{name}={tags[name]}" for name in wrong]
    return Dmarc(
        p=p,
        sp=sp or p,
        np=np or sp or p,
        adkim="s" if tags.get("adkim", "").lower() == "s" else "r",
        aspf="s" if tags.get("aspf", "").lower() == "s" else "r",
        psd=_psd(tags.get("psd", "")),
        testing=tags.get("t", "").lower() == "y",
        rua=rua,
        ruf=_uris(tags.get("ruf", "")),
        given=frozenset(tags),
        strange=tuple(cut(one) for one in strange),
        applies=bool(rua) or not wrong,
    )


def _tags(text: str) -> tuple[dict[str, str], list[str]]:
    """The known tags, the first of each; and what is no tag or an unknown one."""
    tags: dict[str, str] = {}
    strange: list[str] = []
    for part in text.split(";")[:_MAX_TAGS]:
        if not part.strip():
            continue
        found = _TAG.fullmatch(part)
        name = found[1].lower() if found else ""
        if found and name in _KNOWN and name not in tags:
            tags[name] = found[2]
        else:
            strange.append(part.strip())
    return tags, strange


def _policy(value: str) -> Policy | None:
    return next((policy for policy in POLICIES if policy == value.lower()), None)


def _psd(value: str) -> Literal["y", "n", "u"]:
    found: dict[str, Literal["y", "n", "u"]] = {"y": "y", "n": "n"}
    return found.get(value.lower(), "u")


def _uris(value: str) -> tuple[str, ...]:
    parts = [part.strip() for part in value.split(",")]
    return tuple(part for part in parts if _REPORT_URI.fullmatch(part))


def cut(text: str) -> str:
    """At most 60 characters of what somebody else wrote."""
    return text if len(text) <= 60 else f"{text[:59]}…"


_SUBJECT = {
    "none": "Mail that fails is delivered as if nothing were wrong",
    "quarantine": "Mail that fails goes to the spam folder",
    "reject": "Mail that fails is refused",
}


def explain(record: Dmarc, *, inherited_from: str = "") -> list[tuple[str, str]]:
    """(what the record says, what that means) for the page, the most important first."""
    asked = record.sp if inherited_from else record.p
    tag = "sp" if inherited_from and "sp" in record.given else "p"
    lines = [(f"{tag}={asked}", f"{_SUBJECT[asked]}.")]
    if inherited_from:
        lines.append((inherited_from, "The record stands there and speaks for its subdomains."))
    elif record.sp != record.p:
        lines.append((f"sp={record.sp}", f"{_SUBJECT[record.sp]}, from subdomains."))
    if record.np not in (record.sp, asked):
        words = f"{_SUBJECT[record.np]}, from subdomains that do not exist."
        lines.append((f"np={record.np}", words))
    if record.testing:
        lines.append(("t=y", "A test: receivers are asked to do one step less than it says."))
    if record.rua:
        lines.append(("rua", f"Daily reports go to {_addresses(record.rua)}."))
    else:
        lines.append(("no rua", "Nobody gets reports of who sends in this name."))
    if record.ruf:
        lines.append(("ruf", f"Copies of failures go to {_addresses(record.ruf)}, from few."))
    lines += _alignment_words(record)
    if record.psd == "y":
        lines.append(("psd=y", "Says that this is a registry's name, such as co.uk."))
    lines += [(one, _strange_words(one)) for one in record.strange[:5]]
    return lines


def _alignment_words(record: Dmarc) -> Iterable[tuple[str, str]]:
    if record.adkim == "s":
        yield "adkim=s", "The signature must name exactly the domain in From, no subdomain."
    if record.aspf == "s":
        yield (
            "aspf=s",
            "The bounce address must be at exactly the domain in From: a MAIL FROM "
            "name of your own does not count then, the signature does.",
        )


def _strange_words(part: str) -> str:
    name = part.partition("=")[0].strip().lower()
    if name in REMOVED:
        return "No longer part of DMARC; receivers pass it over."
    if name in ("p", "sp", "np"):
        return "This is no policy, so receivers act as if it said none."
    return "Receivers pass this over."


def _addresses(uris: tuple[str, ...]) -> str:
    return ", ".join(cut(uri.removeprefix("mailto:")) for uri in uris[:3])


# To begin with: it changes nothing, and is all that Gmail and Yahoo ask for.
FIRST_RECORD = "v=DMARC1; p=none"


@dataclass(frozen=True)
class Advice:
    """The next step; `record` is what to publish then, or ""."""

    words: str
    record: str = ""


def advise(text: str, domain: str, *, aligned: bool, inherited: bool) -> Advice:
    """The next step from none to reject; `text` is the record that holds, or ""."""
    record = parse(text)
    if record is None or not record.applies:
        return Advice(
            "Publish a record that asks for nothing but reports. Gmail, Yahoo and Outlook want one "
            "of everybody who sends in bulk.",
            FIRST_RECORD,
        )
    if inherited:
        return Advice(
            "The record of the domain above holds for this one too. You need none of your own; "
            "publish one only to ask for something else."
        )
    if not aligned:
        return Advice(
            "First mend DKIM above. A stricter policy now would take your own mail for forged."
        )
    if not record.rua:
        return Advice(
            "Ask for reports first, to a mailbox or a DMARC service that reads them: they show "
            "every program that sends in your name.",
            f"{text.rstrip('; ')}; rua=mailto:dmarc@{domain}",
        )
    if record.testing:
        return Advice(
            "Once the reports show nothing of yours that fails, end the test.",
            re.sub(r";[ \t]*t[ \t]*=[ \t]*y\b", "", text, flags=re.IGNORECASE),
        )
    if record.p == "reject":
        return Advice("There is nothing stricter: forged mail in your name is refused.")
    stricter = POLICIES[POLICIES.index(record.p) + 1]
    return Advice(
        f"Read the reports for some weeks. When everything of yours passes, go to {stricter}: "
        f"{_SUBJECT[stricter].lower()}.",
        _with_policy(text, stricter),
    )


def _with_policy(text: str, policy: Policy) -> str:
    given = re.compile(r"(;[ \t]*p[ \t]*=[ \t]*)[A-Za-z]+", re.IGNORECASE)
    if given.search(text):
        return given.sub(rf"\g<1>{policy}", text, count=1)
    return f"{text.rstrip('; ')}; p={policy}"

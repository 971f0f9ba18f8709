"""The text of a request for production access, written from the facts: no sentence without one.

What a line does not bear out is not claimed; it stands under "Still open" in so many words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from readiness.lines import Line
from readiness.selectors.facts import DAYS, Facts
from readiness.verdicts import State, listed, many

# Section -> its heading in the text, in order.
HEADINGS: dict[str, str] = {
    "use_case": "WHAT WE SEND",
    "collection": "HOW ADDRESSES ARE COLLECTED",
    "bounces": "HOW WE HANDLE BOUNCES",
    "complaints": "HOW WE HANDLE COMPLAINTS",
    "unsubscribes": "HOW PEOPLE UNSUBSCRIBE",
    "sending": "HOW WE SEND",
    "volumes": "VOLUMES",
    "sample": "A SAMPLE",
    "open": "STILL OPEN",
}
_SAMPLE_LENGTH = 600


@dataclass(frozen=True)
class Answers:
    """What no fact gives, as a person has typed it."""

    about: str = ""
    monthly_mails: int | None = None


@dataclass(frozen=True)
class Latest:
    """The newest campaign, for the sample: its subject and its text."""

    subject: str = ""
    text: str = ""


@dataclass(frozen=True)
class Draft:
    """Text by section, as `written` from the facts but where a person has `edited` it."""

    written: Mapping[str, str]
    edits: Mapping[str, str] = field(default_factory=dict)

    @property
    def edited(self) -> frozenset[str]:
        return frozenset(self.edits)

    @property
    def texts(self) -> dict[str, str]:
        return {**self.written, **self.edits}

    @property
    def whole(self) -> str:
        """What AWS gets as UseCaseDescription, without what is empty."""
        return whole(self.texts)


def whole(texts: Mapping[str, str]) -> str:
    """The sections with their headings, in order, without what is empty."""
    parts = [
        f"{heading}\n{texts[key].strip()}"
        for key, heading in HEADINGS.items()
        if texts.get(key, "").strip()
    ]
    return "\n\n".join(parts)


def draft(
    facts: Facts,
    lines: Sequence[Line],
    answers: Answers,
    latest: Latest,
    edits: Mapping[str, str] | None = None,
) -> Draft:
    """Every section from the facts, but for those in `edits`."""
    good = {line.key for line in lines if line.is_good}
    written = {
        "use_case": _use_case(facts, good, answers),
        "collection": _collection(facts, good),
        "bounces": _bounces(facts, good),
        "complaints": _complaints(facts, good),
        "unsubscribes": _unsubscribes(facts, good),
        "sending": _sending(facts, good),
        "volumes": _volumes(facts, answers),
        "sample": _sample(latest),
        "open": _open(lines),
    }
    return Draft(written, edits or {})


def _joined(sentences: Sequence[str | None]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _use_case(facts: Facts, good: set[str], answers: Answers) -> str:
    tenant = facts.tenant
    site = f" ({tenant.website})" if tenant.website else ""
    domains = [one.name for one in facts.domains if one.verified and one.state.dkim.ok]
    described = [
        f"“{one.name}”: {one.description.rstrip('.')}."
        for one in facts.lists
        if one.is_public and one.description
    ]
    return _joined(
        [
            f"We are {tenant.name}{site}.",
            answers.about.strip() or None,
            f"We send from {listed(domains)}, signed with DKIM." if domains else None,
            "The domain has SPF, a MAIL FROM name of its own and a DMARC policy."
            if "dns" in good
            else None,
            f"Our lists: {' '.join(described)}" if described else None,
        ]
    )


def _collection(facts: Facts, good: set[str]) -> str:
    joined = facts.joined
    return _joined(
        [
            "People sign up by themselves through a form that says what they will get."
            if facts.forms
            else None,
            "Every list asks for double opt-in: who signs up is mailed only after a click on the "
            "link in a confirmation mail."
            if "optin" in good
            else None,
            "Time, IP address, form and wording of each consent are kept."
            if "optin" in good and facts.forms
            else None,
            "Each form is protected by a captcha." if "captcha" in good else None,
            f"So far {many(joined.confirmed, 'person has', 'people have')} confirmed."
            if joined.confirmed
            else None,
            f"{many(joined.imported, 'person was', 'people were')} imported from files; who "
            "imported them has attested that each agreed to get our mail. Imports never revive an "
            "address that unsubscribed, bounced or complained."
            if joined.imported
            else None,
            f"{many(joined.by_hand, 'person was', 'people were')} entered by hand, with the same "
            "attestation."
            if joined.by_hand
            else None,
            f"{many(joined.by_api, 'person', 'people')} joined through our own programs, which "
            "pass on the wording that was agreed to."
            if joined.by_api
            else None,
        ]
    )


def _bounces(facts: Facts, good: set[str]) -> str:
    if facts.account is None or "feedback" not in good:
        return ""
    return _joined(
        [
            "SES publishes every bounce to an SNS topic of our account; its signature is verified, "
            "and the address of a hard bounce is put on our suppression list within seconds. "
            "Nothing is sent to an address on that list, whatever campaign or program asks for it.",
            "We have proved it end to end with the mailbox simulator of SES on "
            f"{facts.account.selftest_passed_at:%d %b %Y}."
            if facts.account.selftest_passed_at
            else None,
            f"{many(facts.suppressed, 'address is', 'addresses are')} on the list today."
            if facts.suppressed
            else None,
            f"A campaign pauses by itself above {facts.tenant.bounce_limit:g} % bounces and our "
            "members are told by mail.",
        ]
    )


def _complaints(facts: Facts, good: set[str]) -> str:
    if "feedback" not in good:
        return ""
    return _joined(
        [
            "Complaints come back the same way. The address is suppressed at once, for all lists "
            "and for good; it comes back only by a person's decision, which is logged.",
            f"A campaign pauses by itself above {facts.tenant.complaint_limit:g} % complaints.",
        ]
    )


def _unsubscribes(facts: Facts, good: set[str]) -> str:
    return _joined(
        [
            "Every campaign has a visible unsubscribe link, in HTML and in text; it works without "
            "a login."
            if "unsubscribe" in good
            else None,
            "Every campaign carries List-Unsubscribe and List-Unsubscribe-Post (RFC 8058), so one "
            "click in the mail program is enough."
            if "one_click" in good
            else None,
            "On the preference page people leave one list or all, or pause."
            if "preferences" in good
            else None,
            "Whoever leaves is left out from that moment, of campaigns under way too."
            if good & {"unsubscribe", "one_click"}
            else None,
            "Our postal address stands in each campaign."
            if facts.tenant.postal_address.strip() and facts.sample.address
            else None,
        ]
    )


def _sending(facts: Facts, good: set[str]) -> str:
    if "queue" not in good:
        return ""
    return (
        "Mail leaves through a queue that keeps below the rate and the daily quota that "
        "GetAccount tells and slows down when SES asks for it. Nobody gets a campaign twice."
    )


def _volumes(facts: Facts, answers: Answers) -> str:
    return _joined(
        [
            f"Our lists have {many(facts.members, 'member')} today." if facts.members else None,
            f"We expect about {many(answers.monthly_mails, 'mail')} a month."
            if answers.monthly_mails
            else None,
            f"In the last {DAYS} days we sent {many(facts.rates.sent, 'mail')}; "
            f"{facts.rates.bounce_rate:.2%} bounced, {facts.rates.complaint_rate:.3%} drew a "
            "complaint."
            if facts.rates.sent
            else None,
        ]
    )


def _sample(latest: Latest) -> str:
    if not latest.subject:
        return ""
    text = " ".join(latest.text.split())
    if len(text) > _SAMPLE_LENGTH:
        text = text[:_SAMPLE_LENGTH].rsplit(" ", 1)[0] + " …"
    return f"Subject: {latest.subject}\n{text}"


def _open(lines: Sequence[Line]) -> str:
    """What is not in place, in the words of the lines; "" where all is."""
    left = [line for line in lines if line.asked.weight and not line.is_good]
    doing = {State.PARTLY: "in part", State.BAD: "not yet", State.UNKNOWN: "not checked yet"}
    return "\n".join(f"{line.asked.title}: {doing[line.verdict.state]}." for line in left)


@dataclass(frozen=True)
class Refusal:
    """What is known of the request that was refused: when, its case, how the lines stood."""

    filed: str
    refused: str
    case_id: str
    lines: Mapping[str, str]


def appeal(lines: Sequence[Line], refusal: Refusal, text: str) -> str:
    """What to answer in the case: what is better since, and the whole text anew."""
    better = [line for line in lines if line.is_good and _was_worse(line, refusal)]
    case = f" (case {refusal.case_id})" if refusal.case_id else ""
    asked = f"We asked for production access{case}" + (
        f" on {refusal.filed}, and were refused on {refusal.refused}."
        if refusal.filed
        else f" and were refused on {refusal.refused}."
    )
    parts = [f"{asked} Please look at our account again."]
    if better:
        told = "\n".join(f"- {line.asked.title}. {line.verdict.evidence}" for line in better)
        parts.append(f"WHAT WE HAVE CHANGED SINCE\n{told}")
    return "\n\n".join([*parts, text])


def _was_worse(line: Line, refusal: Refusal) -> bool:
    before = refusal.lines.get(line.key)
    return bool(line.asked.weight) and before is not None and before != State.GOOD

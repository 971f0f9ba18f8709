"""The lines that are about AWS, DNS and mail that has left."""

from datetime import timedelta

from readiness.selectors.facts import DAYS, Domain, Facts
from readiness.verdicts import Action, State, Verdict, good, listed, many
from reputation.selectors.rates import Level
from sending.models import RecordState, Review, SesState
from sending.selectors.domains import Part
from sending.selectors.feedback import HealthState

# The clock reads the quota of an account that sends nothing each quarter of an hour.
_STALE = timedelta(hours=1)
_NOT_CONNECTED = Verdict(State.UNKNOWN, "Nothing can be said before Amazon SES is connected.")


def connection(facts: Facts) -> Verdict:
    account = facts.account
    if account is None:
        return Verdict(
            State.BAD,
            "No Amazon SES account is connected yet.",
            Action("Connect Amazon SES", page="sending:connect"),
        )
    if account.state == SesState.NEW:
        return Verdict(
            State.BAD,
            f"{account.name} is begun, but AWS has not let us in yet.",
            Action("Go on connecting", page="sending:access", of=str(account.public_id)),
        )
    if account.state == SesState.FAILED:
        return Verdict(
            State.BAD,
            f"AWS refuses us: {account.last_error}",
            Action("Test again", mend="connection"),
        )
    return good(
        f"AWS account {account.aws_account_id}, region {account.region}.", at=account.quota_read_at
    )


def domain(facts: Facts) -> Verdict:
    if facts.account is None or facts.account.state != SesState.CONNECTED:
        return _NOT_CONNECTED
    if not facts.domains:
        return Verdict(
            State.BAD,
            "No domain is set up yet. A single verified address is not enough for newsletters.",
            Action("Add your domain", page="domains:new"),
        )
    signed = [one for one in facts.domains if one.verified and one.state.dkim.ok]
    if signed:
        names = listed([one.name for one in signed])
        rest = len(facts.domains) - len(signed)
        waiting = f" {many(rest, 'other domain')} not yet." if rest else ""
        return good(
            f"{names}: verified by SES, DKIM records found in your DNS.{waiting}",
            at=signed[0].state.checked_at,
        )
    first = max(facts.domains, key=lambda one: (one.verified, one.name))
    if first.verified:
        return _in_dns(first, first.state.dkim, f"SES has verified {first.name}. DKIM")
    return _in_dns(first, first.state.dkim, f"SES has not verified {first.name} yet. DKIM")


def dns(facts: Facts) -> Verdict:
    if facts.account is None or facts.account.state != SesState.CONNECTED:
        return _NOT_CONNECTED
    if not facts.domains:
        return Verdict(State.UNKNOWN, "This is looked up once you have added your domain.")
    first = max(facts.domains, key=lambda one: _right(one) + one.verified)
    parts = {
        "DMARC": first.state.dmarc,
        "SPF": first.state.spf,
        "MAIL FROM": first.state.mail_from,
    }
    if all(part.ok for part in parts.values()):
        policy = first.state.dmarc.words.rstrip(".")
        return good(
            f"{first.name}: DMARC, SPF and MAIL FROM are right. {policy}.",
            at=first.state.checked_at,
        )
    words: dict[str, list[str]] = {}
    for name, part in parts.items():
        if not part.ok:
            words.setdefault(_sentence(part.words), []).append(name)
    wrong = " ".join(f"{listed(names)}: {sentence}" for sentence, names in words.items())
    # DMARC with one aligned signature is what receivers demand; the rest makes it firm.
    state = State.PARTLY if first.state.dmarc.ok else _state_of(first.state.dmarc)
    return Verdict(
        state,
        f"{first.name}: {wrong}",
        Action("See the records", page="domains:domain", of=first.public_id),
        at=first.state.checked_at,
        waits=True,
    )


def _right(one: Domain) -> int:
    return sum(part.ok for part in (one.state.dmarc, one.state.spf, one.state.mail_from))


def _in_dns(one: Domain, part: Part, before: str) -> Verdict:
    return Verdict(
        State.PARTLY if part.ok or one.verified else _state_of(part),
        f"{before}: {_sentence(part.words)}",
        Action("Look again", mend="domain"),
        at=one.state.checked_at,
        waits=True,
    )


def _state_of(part: Part) -> State:
    doubtful = part.state in (RecordState.UNKNOWN, RecordState.UNCHECKED)
    return State.UNKNOWN if doubtful else State.BAD


def _sentence(words: str) -> str:
    return words.rstrip(".") + "."


def feedback(facts: Facts) -> Verdict:
    account, health = facts.account, facts.health
    if account is None or health is None or account.state != SesState.CONNECTED:
        return _NOT_CONNECTED
    by_hand = Action("Go on by hand", page="sending:own_topic", of=str(account.public_id))
    if health.state == HealthState.WAITING:
        action = by_hand if account.feedback_manual else None
        return Verdict(State.PARTLY, health.words, action, waits=True)
    if health.state == HealthState.OFF or account.events_stopped_at:
        ours = Action("Set up feedback", mend="feedback")
        action = by_hand if account.feedback_manual else ours
        return Verdict(State.BAD, health.words, action, waits=account.feedback_manual)
    if health.state == HealthState.STOPPED:
        return Verdict(State.BAD, health.words, Action("Run the self-test", mend="selftest"))
    if account.selftest_passed_at is None:
        return _unproved(facts)
    return good(
        "Three test mails came back to us through your SNS topic as they should: one delivered, "
        f"one bounced, one complained of. {health.words}",
        at=account.selftest_passed_at,
    )


def _unproved(facts: Facts) -> Verdict:
    """Everything is in place, and no self-test has passed."""
    if facts.selftest in ("waiting", "running"):
        return Verdict(State.PARTLY, "The self-test is running; it takes a minute.", waits=True)
    if facts.selftest == "failed" and facts.account is not None:
        return Verdict(
            State.PARTLY,
            "The self-test did not bring everything back. Its page says what to look at.",
            Action("See the self-test", page="sending:account", of=str(facts.account.public_id)),
        )
    return Verdict(
        State.PARTLY,
        "Everything is in place, but no bounce has come back through it yet.",
        Action("Run the self-test", mend="selftest"),
    )


def suppression(facts: Facts) -> Verdict:
    account = facts.account
    ours = (
        f"{many(facts.suppressed, 'address', 'addresses')} on your suppression list; each hard "
        "bounce and complaint joins it by itself"
    )
    if account is None or account.state != SesState.CONNECTED:
        return Verdict(State.UNKNOWN, f"{ours}. Nothing comes in before Amazon SES is connected.")
    if account.suppression_error:
        return Verdict(
            State.PARTLY, f"{ours}. SES's own list cannot be read: {account.suppression_error}"
        )
    if account.suppression_synced_at is None:
        return Verdict(State.PARTLY, f"{ours}. SES's own list is being read.", waits=True)
    return good(f"{ours}. SES's own list is read too.", at=account.suppression_synced_at)


def queue(facts: Facts) -> Verdict:
    account = facts.account
    if account is None or account.state != SesState.CONNECTED or account.quota_read_at is None:
        return _NOT_CONNECTED
    if not account.sending_enabled or account.enforcement_status == "SHUTDOWN":
        return Verdict(
            State.BAD,
            "AWS has paused sending for this account. The SES console says why.",
            Action("Ask AWS again", mend="connection"),
            at=account.quota_read_at,
        )
    if facts.now - account.quota_read_at > _STALE:
        return Verdict(
            State.UNKNOWN,
            "What AWS allows was read too long ago.",
            Action("Ask AWS again", mend="connection"),
            at=account.quota_read_at,
        )
    most, used = account.max_24_hour_send, account.sent_last_24_hours
    day = "any number" if most < 0 else f"{most:,.0f}, of which {used:,.0f} are used,"
    return good(
        f"AWS allows {account.max_send_rate:g} a second and {day} in 24 hours. Bluefox stays "
        "below both: what is more waits and goes on by itself.",
        at=account.quota_read_at,
    )


def rates(facts: Facts) -> Verdict:
    account, found = facts.account, facts.rates
    if account is None:
        return _NOT_CONNECTED
    if account.enforcement_status == "PROBATION":
        return Verdict(
            State.BAD,
            f"AWS has the account under review. {_figures(facts)}",
            Action("Open the account", page="sending:account", of=str(account.public_id)),
            at=account.quota_read_at,
        )
    if not found.sent:
        limits = f"{facts.tenant.bounce_limit:g} % bounces or {facts.tenant.complaint_limit:g} %"
        return good(
            f"No campaign has left in {DAYS} days, so nothing has bounced. From the first one on, "
            f"a campaign stops by itself at {limits} complaints."
        )
    levels = {found.bounces.level, found.complaints.level}
    if not levels & {Level.REVIEW, Level.PAUSE}:
        return good(_figures(facts) + ("" if found.enough else " Too few to say much yet."))
    far = Level.PAUSE in levels
    words = "AWS may pause the account" if far else "AWS reviews an account"
    return Verdict(
        State.BAD if far else State.PARTLY,
        f"{_figures(facts)} {words} at such rates.",
        Action("See who bounced", page="webhooks:index"),
    )


def _figures(facts: Facts) -> str:
    found = facts.rates
    return (
        f"Of {many(found.sent, 'mail')} in {DAYS} days {found.bounced:,} bounced "
        f"({found.bounce_rate:.2%}) and {found.complained:,} drew a complaint "
        f"({found.complaint_rate:.3%})."
    )


def access(facts: Facts) -> Verdict:
    account = facts.account
    if account is None or account.state == SesState.NEW:
        return Verdict(State.UNKNOWN, "You ask for it once the lines above are green.")
    case = f" The case at AWS Support is {account.review_case}." if account.review_case else ""
    see = Action("See the request", page="readiness:request", of=str(account.public_id))
    if account.production_access:
        day = account.max_24_hour_send
        allowed = "any number of mails" if day < 0 else f"{day:,.0f} mails"
        return good(
            f"AWS has granted it: {allowed} in 24 hours, to anybody.", at=account.quota_read_at
        )
    if account.review_status == Review.PENDING:
        return Verdict(
            State.PARTLY,
            f"AWS is looking at your request, which takes about a day.{case}",
            see,
            at=account.quota_read_at,
            waits=True,
        )
    if account.review_status == Review.DENIED:
        return Verdict(
            State.BAD,
            f"AWS has refused the request.{case} An appeal is drafted for you.",
            Action("Write the appeal", page="readiness:request", of=str(account.public_id)),
            at=account.quota_read_at,
        )
    if account.review_status == Review.FAILED:
        return Verdict(
            State.BAD,
            "The last request did not reach the people at AWS. File it again.",
            see,
            at=account.quota_read_at,
        )
    return Verdict(
        State.BAD,
        "Not asked for yet: the account is in the sandbox.",
        Action("Write the request", page="readiness:request", of=str(account.public_id)),
    )

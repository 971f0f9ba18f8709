"""The lines that are about the workspace: who it is, how people come and how they leave."""

from urllib.parse import urlsplit

from lists.models import Captcha
from readiness.selectors.facts import Facts
from readiness.verdicts import Action, State, Verdict, good, listed, many

_SETTINGS = Action("Open the settings", page="tenants:settings")
_LISTS = Action("Open your lists", page="lists:lists")


def company(facts: Facts) -> Verdict:
    tenant = facts.tenant
    missing = [
        name
        for name, there in (("website", tenant.website), ("postal address", tenant.postal_address))
        if not there.strip()
    ]
    if len(missing) == 2:
        return Verdict(State.BAD, "Your website and postal address are missing.", _SETTINGS)
    if missing:
        return Verdict(State.PARTLY, f"Your {missing[0]} is missing.", _SETTINGS)
    address = " · ".join(filter(None, map(str.strip, tenant.postal_address.splitlines())))
    words = f"{tenant.name}, {tenant.website}, {address}."
    host = (urlsplit(tenant.website).hostname or "").removeprefix("www.")
    senders = [one.name for one in facts.domains]
    if senders and not any(_related(host, name) for name in senders):
        words += f" You write from {listed(senders)}: say in the request why that is another name."
    return good(words)


def _related(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}") or domain.endswith(f".{host}")


def optin(facts: Facts) -> Verdict:
    if not facts.lists:
        return Verdict(
            State.BAD, "There is no list yet.", Action("Make a list", page="lists:list_new")
        )
    without = [one.name for one in facts.lists if not one.double_opt_in]
    if without:
        state = State.PARTLY if len(without) < len(facts.lists) else State.BAD
        return Verdict(
            state,
            f"{listed(without)} {'takes' if len(without) == 1 else 'take'} sign-ups without a "
            "confirming click.",
            Action(f"Turn it on for {many(len(without), 'list')}", mend="optin"),
        )
    joined = facts.joined
    confirmed = (
        f"{many(joined.confirmed, 'person has', 'people have')} confirmed by a click in their own "
        f"mail, the last on {joined.last_confirmed_on:%d %b %Y}"
        if joined.last_confirmed_on
        else "Nobody has signed up through a form yet"
    )
    every = f"All {len(facts.lists)} lists ask" if len(facts.lists) > 1 else "Your list asks"
    return good(f"{every} for it. {confirmed}; time, address and wording of each are on record.")


def captcha(facts: Facts) -> Verdict:
    if not facts.forms:
        return Verdict(
            State.PARTLY,
            "No sign-up form is open yet. A form with double opt-in is the best answer to how you "
            "collect addresses.",
            Action("Make a form", page="lists:form_new"),
        )
    open_to_robots = [one.name for one in facts.forms if one.captcha == Captcha.NONE]
    if open_to_robots:
        state = State.PARTLY if len(open_to_robots) < len(facts.forms) else State.BAD
        return Verdict(
            state,
            f"Without a captcha: {listed(open_to_robots)}.",
            Action(f"Protect {many(len(open_to_robots), 'form')}", mend="captcha"),
        )
    kinds = sorted({one.captcha.label.partition(" (")[0] for one in facts.forms})
    return good(f"{many(len(facts.forms), 'form')}, each with a captcha: {listed(kinds)}.")


def preferences(facts: Facts) -> Verdict:
    if not facts.lists:
        return Verdict(
            State.BAD,
            "There is no list to choose yet.",
            Action("Make a list", page="lists:list_new"),
        )
    public = [one.name for one in facts.lists if one.is_public]
    if not public:
        return Verdict(
            State.PARTLY,
            "Readers can leave, pause and come back, but no list is public, so they see none that "
            "they are not on.",
            _LISTS,
        )
    return good(f"Readers find {listed(public)} there: join, pause, leave one or all.")


def unsubscribe(facts: Facts) -> Verdict:
    sample = facts.sample
    if sample.wrong:
        return Verdict(State.UNKNOWN, f"“{sample.of}” cannot be rendered: {sample.wrong}", _MAILS)
    if not sample.link:
        return Verdict(State.BAD, f"{_of(sample.of)} has no unsubscribe link.", _MAILS)
    foot = "" if sample.address else " Your postal address is not in it."
    return Verdict(
        State.GOOD if sample.address else State.PARTLY,
        f"{_of(sample.of)} has the link, in its HTML and in its text. Bluefox adds it where it is "
        f"missing; nobody has to log in.{foot}",
        None if sample.address else _SETTINGS,
    )


def one_click(facts: Facts) -> Verdict:
    sample = facts.sample
    if sample.wrong:
        return Verdict(State.UNKNOWN, f"“{sample.of}” cannot be rendered: {sample.wrong}", _MAILS)
    if not sample.one_click:
        return Verdict(State.BAD, f"{_of(sample.of)} lacks the headers.", _MAILS)
    if not sample.https:
        return Verdict(
            State.BAD,
            "The headers are there, but this server has no https address, without which mail "
            "programs ignore them. Ask whoever runs it.",
        )
    return good(
        f"{_of(sample.of)} carries List-Unsubscribe and List-Unsubscribe-Post. A click takes "
        "effect at once."
    )


_MAILS = Action("Open your campaigns", page="campaigns:index")


def _of(name: str) -> str:
    return f"“{name}”, as it would leave now," if name else "A first mail, as it would leave now,"

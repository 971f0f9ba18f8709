"""Whose export a table is, by the names of its columns or of its file.

Where the names come from:
- Mailchimp: the audience export, a zip of one file each for subscribed, unsubscribed and cleaned
  members; the last two add UNSUB_* and CLEAN_* (mailchimp.com/developer, "Account Exports"; headers
  as people keep them in public repositories).
- Brevo: developers.brevo.com, "Export contacts": EMAIL, ADDED_TIME, MODIFIED_TIME, and with the
  subscription status _SUBSCRIBED and _BLOCKLISTED, which name the channels.
- MailerLite: its documentation names the statuses (active, unsubscribed, unconfirmed, bounced,
  junk) and the times of a subscriber; not the header, so two of those names are enough.
- Sendy: includes/subscribers/export-csv.php writes name, address and own fields without a header,
  and says in the name of the file which subscribers these are.
- listmonk: cmd/subscribers.go writes exactly this header; a subscriber is enabled, disabled or
  blocklisted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lists.mapping import A_TIME, State


@dataclass(frozen=True)
class Product:
    name: str
    columns: tuple[frozenset[str], ...] = ()  # any of these sets of columns says that it is this
    targets: Mapping[str, str] = field(default_factory=dict)  # column -> target; "" skips it
    skip: str = ""  # a pattern of columns that mean nothing elsewhere
    states: Mapping[str, State] = field(default_factory=dict)  # column that only such rows have
    files: Mapping[str, State] = field(default_factory=dict)  # end of the file's name
    words: Mapping[str, State] = field(default_factory=dict)  # of the status column
    left_at: str = ""  # a pattern of columns that say when somebody left, for want of a status


_CHANNELS = {
    "emailmarketing": State.BLOCKED,
    "emailmarketingsmsmarketing": State.BLOCKED,
    "smsmarketingemailmarketing": State.BLOCKED,
    "smsmarketing": State.ACTIVE,
}

PRODUCTS = {
    "mailchimp": Product(
        "Mailchimp",
        columns=(
            frozenset({"email address", "leid", "euid"}),
            frozenset({"email address", "member_rating", "optin_time"}),
        ),
        targets={
            "email address": "email",
            "first name": "first_name",
            "last name": "last_name",
            "address": "field:address",
            "birthday": "field:birthday",  # month and day only: no date
        },
        skip=r"(member_rating|(optin|confirm)_(time|ip)|latitude|longitude|gmtoff|dstoff|cc"
        r"|last_changed|leid|euid|notes|tags|(unsub|clean)_.*)",
        states={"clean_time": State.BOUNCED, "unsub_time": State.UNSUBSCRIBED},
    ),
    "brevo": Product(
        "Brevo",
        columns=(
            frozenset({"email", "added_time", "modified_time"}),
            frozenset({"email", "_blocklisted"}),
            frozenset({"contact id", "email"}),
        ),
        targets={"email": "email", "_blocklisted": "status"},
        skip=r"(contact id|added_time|modified_time|_subscribed|_listids|ext_id)",
        words=_CHANNELS,
    ),
    "mailerlite": Product(
        "MailerLite",
        columns=tuple(
            frozenset({address, *times})
            for address in ("email", "subscriber")
            for times in (
                ("subscribed_at", "opted_in_at"),
                ("optin_ip", "opted_in_at"),
                ("subscribed", "opt-in ip"),
                ("subscribed", "opted in"),
                ("signup_ip", "signup_timestamp"),
                ("confirmation_ip", "confirmation_timestamp"),
                ("signup ip", "signup timestamp"),
                ("sent", "opens", "clicks", "subscribed"),
                ("sent", "opened", "clicked"),
            )
        ),
        targets={
            "email": "email",
            "subscriber": "email",
            "name": "first_name",  # its own field for the first name
            "last name": "last_name",
            "type": "status",
        },
        skip=r"(sent|opens?|opened|clicks?|clicked|(un)?subscribed([ _]at)?|opt(ed)?[-_ ]?in.*"
        r"|(signup|confirmation)[ _](ip|timestamp)|date_.*|location)",
        words={A_TIME: State.UNSUBSCRIBED},
        left_at=r"(date_)?unsubscribed([ _]at)?",
    ),
    "listmonk": Product(
        "listmonk",
        columns=(frozenset({"uuid", "email", "name", "attributes", "status"}),),
        targets={"email": "email", "name": "field:name", "status": "status"},
        skip=r"(uuid|attributes|created_at|updated_at)",
    ),
    "sendy": Product(
        "Sendy",
        targets={"name": "field:name", "email": "email"},
        files={
            "-active.csv": State.ACTIVE,
            "-unconfirmed.csv": State.UNCONFIRMED,
            "-unsubscribed.csv": State.UNSUBSCRIBED,
            "-bounced.csv": State.BOUNCED,
            "-marked-as-spam.csv": State.COMPLAINED,
        },
    ),
}
SENDY_COLUMNS = ["Name", "Email"]


@dataclass(frozen=True)
class Recognised:
    product: str  # a key of PRODUCTS
    mapping: dict[str, str]
    state: State


def sendy_state(filename: str) -> State | None:
    """What the name of a Sendy export says of everyone in it; None where it is no such name."""
    files = PRODUCTS["sendy"].files
    return next((state for end, state in files.items() if filename.lower().endswith(end)), None)


def recognise(
    columns: Sequence[str], suggested: Mapping[str, str], filename: str
) -> Recognised | None:
    """The product whose export this is, with its own mapping laid over the suggested one.

    None where it is nobody's whom we know.
    """
    found = {column.lower(): column for column in columns}
    for key, product in PRODUCTS.items():
        if any(names <= found.keys() for names in product.columns):
            states = [state for name, state in product.states.items() if name in found]
            return Recognised(
                key, _mapped(product, columns, suggested), max(states, default=State.ACTIVE)
            )
    state = sendy_state(filename)
    if state is not None and list(columns[:2]) == SENDY_COLUMNS:
        return Recognised("sendy", _mapped(PRODUCTS["sendy"], columns, suggested), state)
    return None


def _mapped(
    product: Product, columns: Sequence[str], suggested: Mapping[str, str]
) -> dict[str, str]:
    mapping: dict[str, str] = {}
    own = {product.targets.get(column.lower()) for column in columns}
    for column in columns:
        name = column.lower()
        if name in product.targets:
            mapping[column] = product.targets[name]
        elif product.skip and re.fullmatch(product.skip, name):
            mapping[column] = ""
        else:
            mapping[column] = "" if suggested[column] in own else suggested[column]
    if product.left_at and "status" not in mapping.values():
        times = [one for one in columns if re.fullmatch(product.left_at, one.lower())]
        mapping |= dict.fromkeys(times[:1], "status")
    return mapping

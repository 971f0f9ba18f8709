"""Columns of a file that answer with yes or no whether somebody may be mailed.

Their names are those that shops, newsletters and address books write, in the languages that the
product speaks; one of telephone, SMS or post is none of them. What such a column says holds for
mail: a no is an unsubscribe, as the word would be in a status column. A blank is no consent, but
nobody's no either: it is not mailed, and takes nobody from a list where they are.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lists.mapping import A_DAY, State, field_key, state_of, values_of

Said = Callable[[str], State | None]

_WHO = r"(contact|customer|subscriber|member|user|person|lead|buyer)?(is|has|have|was|global(ly)?)?"
_MAIL = (
    r"(e?mail(s|ing|ings)?|newsletters?|marketing|promotion(s|al)?|offers|updates|campaigns?|news"
    r"|communications?|information|gdpr|(e?mail|mailing|newsletter)lists?)"
)
_TO = r"(to|for|of|from|by|via)?(receiv(e|ing)|get)?(our|the|all|any)?"
_ABOUT = rf"({_TO}{_MAIL}+)"
_GIVEN = (
    r"(subscribed?|subscribes|subscriber|subscription|opt(ed|s)?in|consent(ed|s)?|permission"
    r"|abonniert|angemeldet|einwilligung|abonne|inscrit|consentement|suscrito|suscripcion"
    r"|consentimiento|iscritto|iscrizione|consenso|inscrito|subscrito|consentimento)"
)
_LEFT = (
    r"(unsub(scribed?|scription)?|opt(ed|s)?out|withdrawn|abgemeldet|desabonne|desinscrit"
    r"|dadodebaja|disiscritto|descadastrado)"
)
_NOT = r"(donot|dont|do?es?not|no|not|non|never|stop)"
_WHEN = r"(at|on|date|time)?"
_STATUS = re.compile(r"(subscri(ption|ber)|e?mail(ing)?)?status")


@dataclass(frozen=True)
class _Kind:
    """What the answers of such a column mean; no `no` is a row without a status."""

    names: re.Pattern[str]
    words: str  # for the mapping page
    yes: State = State.ACTIVE
    no: State | None = None
    blank: State = State.ACTIVE  # or what a row without a status is, if that is stricter


def _left(names: str, state: State, words: str) -> _Kind:
    """A column that says who is gone: a day, too, says that they are."""
    rest = "No and blank are rows without a status."
    return _Kind(re.compile(names), f"Yes, or a date, is {words}. {rest}", yes=state)


_KINDS = (
    _left(
        rf"{_WHO}({_MAIL}*{_LEFT}{_ABOUT}?|{_NOT}{_GIVEN}{_ABOUT}?|{_NOT}(accepts?)?{_ABOUT}"
        rf"|{_NOT}(send|contact|disturb|market){_MAIL}*){_WHEN}",
        State.UNSUBSCRIBED,
        "unsubscribed: not mailed",
    ),
    _left(
        rf"{_WHO}{_MAIL}*(block(list)?ed|blacklist(ed)?|blocklist|suppress(ed|ion)){_WHEN}",
        State.BLOCKED,
        "blocked: suppressed and not mailed",
    ),
    _left(
        rf"{_WHO}{_MAIL}*(hard)?(bounced?|cleaned){_WHEN}",
        State.BOUNCED,
        "bounced: suppressed and not mailed",
    ),
    _left(
        rf"{_WHO}{_MAIL}*(spam)?(complain(ed|t)|reported(as)?spam|markedasspam|spamreport){_WHEN}",
        State.COMPLAINED,
        "a complaint: suppressed and not mailed",
    ),
    _Kind(
        _STATUS,
        no=State.UNSUBSCRIBED,
        words="Yes is subscribed. No is unsubscribed: not mailed. Blank is a row without a status.",
    ),
    _Kind(
        re.compile(
            rf"{_WHO}({_MAIL}*{_GIVEN}(given|granted)?{_ABOUT}?(status|state|flag)?"
            rf"|(accept|agree|want|allow|receive|get)(s|d|ed)?{_ABOUT}"
            rf"|(on(our|the)?)?((e?mail|mailing|newsletter)lists?|newsletters?|mailings?)"
            rf"|(e?mail)?(marketing|promotions)(e?mails?)?)"
        ),
        no=State.UNSUBSCRIBED,
        blank=State.UNCONFIRMED,
        words="Yes is subscribed. No is unsubscribed: not mailed. Blank is no consent: not mailed "
        "until they confirm.",
    ),
)
_YES = set(
    "yes y true t on 1 granted given accepted agreed ✓ ✔ "
    "ja j wahr oui o vrai sí sì si s verdadero vero sim verdadeiro".split()
)
_NO = set(
    "no n false f off 0 denied declined refused rejected withdrawn revoked never none ✗ ✘ "
    "notsubscribed neversubscribed nein falsch non faux falso não nao".split()
)
_CROSS = "x"  # yes on a list of those who left; beside consent it may be either
_NO_DAY = re.compile(r"[0\s:/.-]+")  # as MySQL writes that there is none


def says_who_is_mailed(column: str) -> bool:
    """Whether a column's name promises such answers."""
    return _kind_of(column) is not None


def said_by(column: str, usual: State, words: Mapping[str, State] | None = None) -> Said:
    """A function from a cell of a column of statuses to what it says; None where that is unknown.

    `usual` is what a row without a status is; `words` as for mapping.state_of().
    """
    kind = _kind_of(column)

    def said(text: str) -> State | None:
        state = state_of(text, usual, words)
        if kind is None:
            return state
        if not text.strip():
            return max(kind.blank, usual)
        answer = _answer(text, kind) if state is None else None
        if answer is None:
            return state
        return kind.yes if answer else usual if kind.no is None else kind.no

    return said


def status_columns(
    columns: Sequence[str], sample: Sequence[Sequence[str]], mapping: Mapping[str, str]
) -> dict[str, str]:
    """The suggested mapping, with each column that says who is mailed as a status.

    Where several say it of a row, the strictest wins. One known word makes a column ours, as in
    mapping.suggest(); a number does only where all are known, since it may count something.
    """
    found = dict(mapping)
    for index, column in enumerate(columns):
        values = values_of(sample, index)
        if says_who_is_mailed(column) and _are_answers(column, values):
            found[column] = "status"
    return found


def in_plain_words(column: str, values: Sequence[str] = ()) -> str:
    """How the answers of a column are read where it is a status, for its reader; "" where it has
    none. `values` are some of them: a column of the usual words of a status needs no saying.
    """
    kind = _kind_of(column)
    if kind is None:
        return ""
    if kind.names is _STATUS and not any(_answer(value, kind) is not None for value in values):
        return ""
    return kind.words


def _kind_of(column: str) -> _Kind | None:
    name = re.sub("[^a-z]", "", field_key(column))
    return next((kind for kind in _KINDS if kind.names.fullmatch(name)), None)


def _are_answers(column: str, values: Sequence[str]) -> bool:
    said = said_by(column, State.ACTIVE)
    known = [value for value in values if said(value) is not None or _plain(value) == _CROSS]
    return known == values or any(not value.strip().isdecimal() for value in known)


def _plain(text: str) -> str:
    text = re.sub(r"\.0+$", "", text.strip().casefold())  # 1.0
    return re.sub(r"[\W_]+", "", text) or text


def _answer(text: str, kind: _Kind) -> bool | None:
    """Whether it is a yes or a no; None where it is neither."""
    word, is_of_left = _plain(text), kind.no is None
    if word in _NO or (is_of_left and _NO_DAY.fullmatch(text)):
        return False
    if word in _YES or (is_of_left and (word == _CROSS or A_DAY.match(text))):
        return True
    return None

"""Columns that answer with yes or no whether somebody may be mailed: nobody who said no is."""

import itertools

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lists.consent_columns import in_plain_words, said_by, status_columns
from lists.mapping import State, suggest
from lists.models import Contact, Import, List, Subscription, Suppression
from lists.selectors.audience import count_sendable
from tests.conftest import Person
from tests.lists.importing import checked, imported, report, uploaded

_CONSENT = [
    "Subscribed", "is_subscribed", "SUBSCRIPTION", "Opt-in", "opt in", "OptIn", "Opted in",
    "Email Opt-In", "newsletter_opt_in", "Accepts marketing", "Accepts Email Marketing",
    "accepts_marketing", "customer.accepts_marketing", "Buyer Accepts Marketing",
    "Email marketing", "Marketing", "Marketing emails", "Marketing consent",
    "Email Marketing Consent", "Consent", "Consent given", "GDPR consent", "Email consent",
    "Permission", "Permission to email", "Newsletter", "Newsletter?", "Newsletter subscription",
    "Subscribed to newsletter", "Mailing list", "On mailing list", "Wants to receive newsletter",
    "Abonniert", "Abonné", "Suscrito", "Iscritto", "Inscrito", "Einwilligung",
]  # fmt: skip
_LEFT = {
    State.UNSUBSCRIBED: [
        "Unsubscribed", "is unsubscribed", "Unsubscribed?", "Opted out", "opt-out", "Email Opt Out",
        "HasOptedOutOfEmail", "Has opted out of email", "Unsubscribed from all email",
        "Opted out of email: Marketing information", "Do not email", "DO_NOT_EMAIL",
        "Don't email", "Does not accept marketing", "Do not contact", "No newsletter",
        "Not subscribed", "unsubscribed_at", "Opt-out date", "Abgemeldet", "Désabonné",
    ],
    State.BLOCKED: ["Suppressed", "blocklisted", "Is blacklisted", "email_blocked"],
    State.BOUNCED: ["Bounced", "Cleaned", "Email bounced", "hard_bounce", "EmailBouncedDate"],
    State.COMPLAINED: ["Complained", "Spam complaint", "marked as spam"],
}  # fmt: skip
_OTHERS = [
    "SMS consent", "Accepts SMS Marketing", "sms_opt_in", "Phone opt-in", "WhatsApp consent",
    "Do not call", "SMS opt out", "Opted out of SMS", "Do not mail by post", "VIP", "Paid",
    "No.", "No date", "Note", "Notes", "Terms accepted", "Accepted", "Agreed", "Email", "News",
    "Subscribed at", "Subscription plan", "Opt-in date", "Consent text", "Opt-out reason",
    "Unsubscribe link", "Soft bounced", "State", "Member", "Has", "Ja", "",
]  # fmt: skip
_YES = ["yes", "Yes ", "y", "TRUE", "t", "1", "1.0", "on", "ja", "oui", "sí", "Sì", "sim", "vero"]
_NO = ["no", "No.", "n", "False", "f", "0", "0.0", "OFF", "nein", "non", "não", "falso", "denied"]


def _suggested(column: str, *values: str) -> str:
    columns, sample = ["email", column], [["a@example.com", value] for value in values]
    return status_columns(columns, sample, suggest(columns, sample))[column]


@pytest.mark.parametrize("column", _CONSENT)
def test_who_says_yes_is_subscribed_and_nobody_else(column: str) -> None:
    assert _suggested(column, "yes", "", "no") == _suggested(column, "1", "0") == "status"
    said = said_by(column, State.ACTIVE)
    assert {said(yes) for yes in _YES} == {State.ACTIVE}
    assert {said(no) for no in _NO} == {State.UNSUBSCRIBED}
    assert said("") is said(" ") is State.UNCONFIRMED
    assert {said(word) for word in ("maybe", "x", "2", "2026-01-31", "-")} == {None}


@pytest.mark.parametrize(
    ("state", "column"), [(state, column) for state, columns in _LEFT.items() for column in columns]
)
def test_who_has_left_is_told_by_the_opposite(state: State, column: str) -> None:
    assert _suggested(column, "yes", "", "no") == _suggested(column, "") == "status"
    said, usual = said_by(column, State.ACTIVE), said_by(column, State.UNCONFIRMED)
    gone = [*_YES, "x", "2026-01-31", "2026-01-31T10:00:00Z", "31.01.2026 10:00"]
    assert {said(yes) for yes in gone} == {state} == {usual(yes) for yes in gone}
    stayed = [*_NO, "", "0000-00-00 00:00:00"]
    assert {said(no) for no in stayed} == {State.ACTIVE}
    assert {usual(no) for no in stayed} == {State.UNCONFIRMED}  # as rows without a status
    assert said("maybe") is None


@pytest.mark.parametrize("column", _OTHERS)
def test_other_columns_stay_what_they_were(column: str) -> None:
    assert _suggested(column or "Column 2", "yes", "no") != "status"
    assert said_by(column, State.ACTIVE)("no") is None and not in_plain_words(column)


@pytest.mark.parametrize(
    ("column", "values", "is_ours"),
    [
        ("Newsletter", ["Weekly", "Monthly"], False),
        ("Newsletter", ["Weekly", "no"], True),  # Weekly is refused by line; who said no stays out
        ("Email Marketing Consent", ["SUBSCRIBED", "NEVER_SUBSCRIBED"], True),
        ("Subscription", ["3", "1", "12"], False),  # months
        ("Subscribed", ["2026-01-31", "2026-02-01"], False),
        ("Bounced", ["0", "3"], False),
        ("Bounced", ["0", "1"], True),
        ("Newsletter", ["x", ""], True),  # a cross may be either: each is refused
        ("Accepts marketing", ["", ""], True),
        ("Status", ["yes", "no"], True),
        ("Status", ["1", "2"], False),
        ("Email status", ["valid", "risky"], False),
        ("Subscription status", ["true", "false"], True),
    ],
)
def test_the_values_say_whether_a_column_is_one(
    *, column: str, values: list[str], is_ours: bool
) -> None:
    assert (_suggested(column, *values) == "status") is is_ours


def test_a_blank_status_is_still_what_the_member_says() -> None:
    for column in ("Status", "Subscription status"):
        said = said_by(column, State.BOUNCED)
        assert (said(""), said("yes"), said("active")) == (State.BOUNCED, *[State.ACTIVE] * 2)
    assert said_by("Newsletter", State.BOUNCED)("") is State.BOUNCED


_SHOP = (
    "Email,First Name,Accepts Email Marketing,Accepts SMS Marketing,Bounced,VIP\n"
    "yes@example.com,Ann,yes,no,,no\n"
    "no@example.com,Bo,no,yes,,yes\n"
    "blank@example.com,Cid,,yes,no,yes\n"
    "dead@example.com,Dan,yes,yes,2026-01-31,yes\n"
    "perhaps@example.com,Eve,perhaps,yes,,yes\n"
    "member@example.com,Fay,,no,,no\n"
    "left@example.com,Gus,no,no,,no\n"
)


def _statuses(list_: List) -> dict[str, str]:
    places = Subscription.unscoped.filter(list=list_)
    return dict(places.values_list("contact__email_norm", "status"))


def test_an_import_of_a_shops_customers(alice: Person, news: List) -> None:
    imported(alice, "email\nmember@example.com\nleft@example.com\n", [news])
    check = checked(alice, _SHOP, [news])
    assert check.mapping["Accepts SMS Marketing"] == "field:accepts_sms_marketing"
    assert (check.stopped, check.unconfirmed, check.invalid) == (3, 2, 1)
    page = alice.client.get(f"/w/acme/contacts/imports/{check.public_id}/").content.decode()
    assert "Not to be mailed" in page and "Blank is no consent" in page
    done = imported(alice, _SHOP, [news])
    assert (done.stopped, done.unconfirmed, done.invalid) == (3, 2, 1)
    assert [row[:3] for row in report(done) if "yes nor no" in row[3]] == [
        ["6", "Accepts Email Marketing", "perhaps"]
    ]
    assert _statuses(news) == {
        "yes@example.com": "active",
        "no@example.com": "unsubscribed",
        "blank@example.com": "unconfirmed",
        "dead@example.com": "unsubscribed",
        "member@example.com": "active",  # a blank takes nobody away
        "left@example.com": "unsubscribed",
    }
    assert Suppression.unscoped.get().email_norm == "dead@example.com"
    ann = Contact.unscoped.get(email_norm="yes@example.com")
    assert ann.fields == {"accepts_sms_marketing": False, "vip": False}


def test_the_page_says_how_the_answers_are_read(alice: Person, news: List) -> None:
    import_ = uploaded(alice, _SHOP)
    page = alice.client.get(f"/w/acme/contacts/imports/{import_.public_id}/").content.decode()
    words = "Yes is subscribed. No is unsubscribed: not mailed. Blank is no consent: not mailed"
    assert f'data-toggle-by="column-2" data-toggle-value="status">{words}' in page
    assert "Yes, or a date, is bounced: suppressed and not mailed." in page
    assert page.count('data-toggle-value="status"') == 2
    assert in_plain_words("Status", ["active"]) == "" != in_plain_words("Status", ["0"])


def test_yes_and_no_are_refused_where_nothing_says_of_what(alice: Person, news: List) -> None:
    done = imported(alice, "email,x\na@example.com,yes\n", [news], x="status")
    assert done.invalid == 1 and "named such as Subscribed" in report(done)[0][3]


def test_exports_that_are_recognised_stay_as_they_are(alice: Person) -> None:
    content = (
        "Email Address,First Name,Newsletter,CLEAN_TIME,LEID,EUID\n"
        "a@example.com,Ann,yes,2026-01-31 10:00:00,1,ab\n"
    )
    import_ = uploaded(alice, content)
    assert (import_.product, import_.state) == ("mailchimp", State.BOUNCED)
    assert import_.mapping["Newsletter"] == "field:newsletter:boolean"


_NUMBERS = itertools.count()
_ANSWER = st.sampled_from([*_YES, *_NO, "", " ", "maybe", "x"])


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(consent="Subscribed", left="Opted out", rows=[("yes", "no", ""), ("", "yes", "")])
@given(
    consent=st.sampled_from(_CONSENT),
    left=st.sampled_from([column for columns in _LEFT.values() for column in columns]),
    rows=st.lists(st.tuples(_ANSWER, _ANSWER, st.sampled_from(["", "active"])), min_size=1),
)
def test_nobody_who_said_no_is_mailed(
    *, alice: Person, consent: str, left: str, rows: list[tuple[str, str, str]]
) -> None:
    """Whatever else the file says of them, and whether or not they are members already."""
    news = List.unscoped.create(tenant=alice.tenant, name=f"News {next(_NUMBERS)}")
    people = [f"p{number}@l{news.pk}.example" for number in range(len(rows))]
    imported(alice, "email\n" + "\n".join(people[::2]) + "\n", [news])
    head = f'email,"{consent}","{left}",status\n'
    body = "".join(f"{who},{','.join(row)}\n" for who, row in zip(people, rows, strict=True))
    done: Import = imported(alice, head + body, [news], **{consent: "status", left: "status"})
    members = _statuses(news)
    for number, (who, (wants, has_left, _)) in enumerate(zip(people, rows, strict=True)):
        refused = wants in ("maybe", "x") or has_left == "maybe"
        if refused:
            assert members.get(who) == (None if number % 2 else "active")
        elif wants in _NO or has_left in (*_YES, "x"):
            assert members[who] == "unsubscribed"
        elif not wants.strip():
            assert members[who] == ("unconfirmed" if number % 2 else "active")
        else:
            assert members[who] == "active"
    reachable = count_sendable(tenant=alice.tenant, list_ids=[news.pk])
    assert reachable == sum(status == "active" for status in members.values())
    assert done.rows == len(rows)

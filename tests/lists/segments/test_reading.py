"""Definitions as JSON and as sentences: what reads, what is refused and how, what it says."""

from typing import Any

import pytest

from lists.errors import SegmentRefused
from lists.segments.language import MOST_CONDITIONS, MOST_GROUPS, SUBJECTS, operators_of
from lists.segments.mail import MailedCampaign
from lists.segments.names import Names
from lists.segments.reading import dump, parse
from lists.segments.wording import words

NEWS, VIP, SPRING = (f"0000000{n}-0000-4000-8000-000000000000" for n in (1, 2, 3))
NAMES = Names(
    1,
    lists={NEWS: (1, "Newsletter")},
    tags={VIP: (2, "VIP")},
    fields={
        ("string", "city"): "City",
        ("number", "age"): "Age",
        ("boolean", "vip"): "VIP",
        ("date", "born"): "Birthday",
    },
    campaigns={SPRING: MailedCampaign(SPRING, "Spring", 3)},
)


def one(what: str, op: str, *values: Any) -> dict[str, Any]:
    return {"what": what, "op": op, "values": list(values)}


def document(*groups: list[Any]) -> dict[str, Any]:
    return {"groups": list(groups)}


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (one("email", "contains", "@example."), "Address contains @example."),
        (one("first_name", "not_set"), "First name is not set"),
        (one("string:city", "is", " Oslo "), "City is Oslo"),
        (one("string:city", "starts", "New York"), "City starts with “New York”"),
        (one("number:age", "between", 18, "65.5"), "Age is between 18 and 65.5"),
        (one("number:age", "ne", 1000), "Age is not 1,000"),
        (one("boolean:vip", "yes"), "VIP is yes"),
        (one("date:born", "before", "31.12.1999"), "Birthday is before 31 Dec 1999"),
        (one("date:born", "last", 1), "Birthday is within the last 1 day"),
        (
            one("date:born", "anniversary", 7),
            "The day of the year of birthday is within the next 7 days",
        ),
        (one("added", "ago", "30"), "Added more than 30 days ago"),
        (one("list", "on", NEWS), "On Newsletter"),
        (one("list", "unsubscribed", NEWS), "Unsubscribed from Newsletter"),
        (one("tag", "has_not", VIP), "Has not the tag VIP"),
        (one("consent", "source", "form"), "Consent came from sign-up form"),
        (one("consent", "since", "2026-01-02"), "Consent was given on or after 2 Jan 2026"),
        (one("opened", "within", 30), "Opened a mail within 30 days"),
        (one("clicked", "not_within", 90), "Did not click in a mail within 90 days"),
        (one("sent", "not_campaign", SPRING), "Was not sent Spring"),
        (one("delivered", "campaign", SPRING.upper()), "Received Spring"),
    ],
)
def test_a_condition_is_read_said_and_written_again(
    condition: dict[str, Any], sentence: str
) -> None:
    definition = parse(document([condition]))
    assert words(definition, NAMES) == f"{sentence}."
    assert NAMES.broken(definition) == []
    assert parse(dump(definition)) == definition


def test_groups_are_joined_as_people_say_it() -> None:
    definition = parse(
        document(
            [
                one("list", "on", NEWS),
                one("string:city", "is", "Oslo"),
                one("opened", "within", 30),
            ],
            [one("tag", "has", VIP), one("boolean:vip", "no")],
        )
    )
    assert words(definition, NAMES) == (
        "On Newsletter, city is Oslo, and opened a mail within 30 days; "
        "or has the tag VIP and VIP is no."
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "object"),
        ([], "object"),
        ({"groups": [], "sql": "1=1"}, "object"),
        (document(), "add a condition"),
        (document([]), "Group 1: Add a condition"),
        (document(*[[one("boolean:vip", "yes")]] * (MOST_GROUPS + 1)), "10 groups"),
        (
            document([one("boolean:vip", "yes")] * (MOST_CONDITIONS + 1)),
            "Group 1: 20 conditions",
        ),
        (document(["1=1"]), "Group 1, condition 1: A condition is an object"),
        (document([one("pg_user", "is", "x")]), "Choose what it is about"),
        (document([one("string:", "is", "x")]), "Choose what it is about"),
        (document([one("text:city", "is", "x")]), "Choose what it is about"),
        (document([{"what": ["email"], "op": "is", "values": ["x"]}]), "what it is about"),
        (document([one("email", "= email OR", "x")]), "Choose how to compare"),
        (document([one("number:age", "contains", "1")]), "Choose how to compare"),
        (document([one("email", "is")]), "It takes 1 values"),
        (document([one("email", "is", " ")]), "Write what to compare with"),
        (document([one("email", "is", 5)]), "Write it as text"),
        (document([one("email", "is", "a\0")]), "cannot be stored"),
        (document([one("email", "is", "\ud800")]), "cannot be stored"),
        (document([one("email", "is", "x" * 201)]), "201 characters are too many"),
        (document([one("number:age", "gt", "many")]), "not a number"),
        (document([one("number:age", "gt", True)]), "Write a number"),
        (document([one("number:age", "gt", "")]), "Write a number"),
        (document([one("number:age", "between", 5, 4)]), "smaller number first"),
        (document([one("added", "last", -1)]), "whole number of days"),
        (document([one("added", "last", 1.5)]), "whole number of days"),
        (document([one("added", "last", 3651)]), "at most 3,650"),
        (document([one("date:born", "on", "")]), "Choose a day"),
        (document([one("date:born", "on", "2026-02-30")]), "not a date"),
        (document([one("list", "on", "1 OR 1=1")]), "Choose a list"),
        (document([one("tag", "has", "")]), "Choose a tag"),
        (document([one("sent", "campaign", "x")]), "Choose a campaign"),
        (document([one("consent", "source", "theft")]), "where the consent came from"),
    ],
)
def test_what_does_not_read_is_refused_by_group_and_condition(given: Any, says: str) -> None:
    with pytest.raises(SegmentRefused, match=says):
        parse(given)


def test_all_errors_are_told_at_once() -> None:
    with pytest.raises(SegmentRefused) as refused:
        parse(document([one("email", "is", "a"), one("email", "is", "")], [one("x", "y")]))
    assert [problem[:2] for problem in refused.value.problems] == [(1, 2), (2, 1)]


def test_what_is_gone_is_named_in_the_sentence_and_broken() -> None:
    definition = parse(
        document(
            [one("list", "on", NEWS), one("string:city", "set")],
            [one("tag", "has", VIP), one("opened", "campaign", SPRING)],
        )
    )
    nothing = Names(1)
    assert [str(one) for one in nothing.broken(definition)] == [
        "Group 1, condition 1: Its list was deleted.",
        "Group 1, condition 2: The field city was deleted.",
        "Group 2, condition 1: Its tag was deleted.",
        "Group 2, condition 2: Its campaign was deleted.",
    ]
    assert "a deleted list" in words(definition, nothing)
    lost = Names(1, campaigns={SPRING: MailedCampaign(SPRING, "Spring", 3, lost="By age.")})
    [broken] = lost.broken(parse(document([one("sent", "not_campaign", SPRING)])))
    assert broken.why == "By age."


def test_every_operator_has_words() -> None:
    subjects = [*SUBJECTS, "string:city", "number:age", "boolean:vip", "date:born"]
    for what in subjects:
        for op, operator in operators_of(what).items():
            assert operator.label, (what, op)
            assert operator.phrase.format("a", "b", what="x"), (what, op)

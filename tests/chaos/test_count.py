"""The count finds what it is there to find."""

from dataclasses import replace

from tests.chaos.count import Campaign, Row, Status, broken, count
from tests.chaos.plan import LONG, Act, plan

SENT, UNKNOWN = Row(Status.SENT, ""), Row(Status.UNKNOWN, "The worker ended")
KEPT = Campaign(
    audience=frozenset("abcd"),
    accepted={"a": [10.0], "b": [11.0], "c": [12.0]},
    rows={"a": SENT, "b": SENT, "c": SENT, "d": Row(Status.SKIPPED, "Suppressed")},
    shown={"queued": 0, "sending": 0, "sent": 3, "unknown": 0, "skipped": 1, "failed": 0}
    | {"bounced": 1, "complained": 0, "delivered": 2},
    refused=0,
    used=3,
    outcomes={"hard_bounce": 1, "delivery": 2},
    barred={"d": 10.0, "c": 11.0},
)


def with_row(address: str, row: Row) -> Campaign:
    return replace(KEPT, rows={**KEPT.rows, address: row})


def words(campaign: Campaign, *, events: bool = True) -> str:
    return " / ".join(broken(campaign, events=events))


def test_a_kept_promise() -> None:
    assert count([KEPT, KEPT]).line() == (
        "lost=0 duplicated=0 to_suppressed=0 over_quota=0 unknown=0"
    )
    assert count([KEPT]).kept(events=True)
    assert words(KEPT) == ""


def test_lost_is_who_is_missing_without_an_honest_word() -> None:
    alone = replace(KEPT, accepted={"a": [10.0], "b": [11.0]})
    assert count([alone]).lost == 1  # "sent" is no excuse
    assert "1 rows are sent which SES never took" in words(alone)
    for row, number in (
        (UNKNOWN, 0),
        (Row(Status.QUEUED, ""), 1),
        (Row(Status.SENDING, ""), 1),
        (Row(Status.FAILED, "Refused"), 1),
        (Row(Status.SKIPPED, "Suppressed"), 0),
        (Row(Status.SKIPPED, ""), 1),
    ):
        rows = {**KEPT.rows, "c": row}
        assert count([replace(alone, rows=rows)]).lost == number, row
    nobody = replace(KEPT, barred={"c": 11.0})
    assert count([nobody]).lost == 1  # skipped, but nobody had asked for it
    gone = replace(alone, rows={"a": SENT, "b": SENT, "d": KEPT.rows["d"]})
    assert count([gone]).lost == 1
    assert "3 rows for 4 recipients" in words(gone)


def test_who_waits_for_the_days_quota_is_not_lost() -> None:
    waiting = replace(
        with_row("c", Row(Status.QUEUED, "")), accepted={"a": [1.0], "b": [2.0]}, day_quota=2
    )
    assert count([waiting]).lost == 0
    assert count([replace(waiting, day_quota=None)]).lost == 1
    assert "the campaign stopped at 2 of the day's 4" in words(
        replace(waiting, day_quota=4, used=2)
    )


def test_duplicated_counts_every_mail_too_many() -> None:
    twice = replace(KEPT, accepted={**KEPT.accepted, "a": [10.0, 10.5, 400.0]})
    assert count([KEPT, twice]).duplicated == 2
    assert not count([twice]).kept(events=False)


def test_to_suppressed_is_who_was_mailed_clearly_afterwards() -> None:
    on_its_way = replace(KEPT, barred={"c": 8.0, "d": 10.0})
    assert count([on_its_way]).to_suppressed == 0
    after = replace(KEPT, barred={"c": 6.5, "d": 10.0})
    assert count([after]).to_suppressed == 1


def test_over_quota_is_refusals_and_what_should_have_been_one() -> None:
    assert count([replace(KEPT, refused=2, day_quota=2)]).over_quota == 3


def test_unknown_counts_where_events_flow_and_must_be_told_where_not() -> None:
    campaign = replace(with_row("c", UNKNOWN), shown={**KEPT.shown, "sent": 2, "unknown": 1})
    assert count([campaign]).unknown == 1
    assert not count([campaign]).kept(events=True)
    assert count([campaign]).kept(events=False)
    assert words(campaign, events=False) == ""
    assert "1 mails that SES took are not told as sent: {'UNKNOWN': 1}" in words(campaign)
    assert "the report says unknown=0, there are 1 rows" in words(
        replace(campaign, shown=KEPT.shown)
    )


def test_the_database_must_agree() -> None:
    assert "1 rows are still sending" in words(with_row("c", Row(Status.SENDING, "")))
    assert "the report says delivered=2, 1 happened" in words(
        replace(KEPT, outcomes={"hard_bounce": 1, "soft_bounce": 1, "delivery": 1})
    )
    assert "2 are counted against the quota, SES took 3" in words(replace(KEPT, used=2))
    assert "1 mails to people who are not in the audience" in words(
        replace(KEPT, accepted={**KEPT.accepted, "z": [1.0]})
    )


def test_a_plan_is_the_same_for_its_seed_and_has_everything_in_it() -> None:
    acts = plan(7, LONG)
    assert acts == plan(7, LONG) != plan(8, LONG)
    assert [share for share, _ in acts] == sorted(share for share, _ in acts)
    kinds = [act for _, act in acts]
    assert kinds.count(Act.KILL_NODE) + kinds.count(Act.KILL_CHILD) == 10
    counts = {act: kinds.count(act) for act in (Act.FLUSH, Act.RESTART, Act.STORM)}
    assert counts == {Act.FLUSH: 2, Act.RESTART: 1, Act.STORM: 1}

"""What a member decides about an import: policy, tags, status; and that a check says what comes."""

import itertools
import random
from collections.abc import Callable

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lists import importing, staging
from lists.errors import ImportRefused, TagRefused
from lists.mapping import State, guess_kind, suggest
from lists.models import (
    Contact,
    ContactField,
    ContactTag,
    ImportStatus,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
    Tag,
    UpdatePolicy,
)
from lists.rows import Chunk
from lists.selectors.audience import count_sendable
from lists.services import imports
from lists.services.suppression import Suppress, remove_from_all_lists, suppress
from lists.services.tags import ensure_tags
from lists.staging import Target, Written
from lists.turns import Turn
from tests.conftest import Person
from tests.lists.importing import checked, choices, counts, imported, report, run, uploaded

AddContact = Callable[..., Contact]


def _started(person: Person, content: str, lists: list[List], **others: object) -> dict[str, int]:
    import_ = uploaded(person, content)
    chosen = choices(import_, lists, **others)
    return counts(run(imports.start(import_=import_, choices=chosen, actor=person.user)))


_ANN = "email,first_name,last_name,city,age\na@example.com,Ann,,Oslo,9\n"
_ANNA = "email,first_name,last_name,city,age\na@example.com,Anna,Berg,,10\nb@example.com,Bo,,,\n"


@pytest.mark.parametrize(
    ("policy", "names", "fields", "updated"),
    [
        (UpdatePolicy.OVERWRITE, ("Anna", "Berg"), {"city": "Oslo", "age": 10}, 1),
        (UpdatePolicy.FILL, ("Ann", "Berg"), {"city": "Oslo", "age": 9}, 1),
        (UpdatePolicy.KEEP, ("Ann", ""), {"city": "Oslo", "age": 9}, 0),
    ],
)
def test_a_policy_says_what_known_contacts_become(
    *,
    alice: Person,
    news: List,
    policy: UpdatePolicy,
    names: tuple[str, str],
    fields: dict[str, object],
    updated: int,
) -> None:
    imported(alice, _ANN, [news])
    offers = List.unscoped.create(tenant=alice.tenant, name="Offers")
    done = _started(alice, _ANNA, [offers], policy=policy)
    assert done.get("updated", 0) == updated and done["created"] == 1
    ann = Contact.unscoped.get(email_norm="a@example.com")
    assert (ann.first_name, ann.last_name) == names and ann.fields == fields
    assert Subscription.unscoped.filter(list=offers).count() == 2


@pytest.mark.parametrize("policy", UpdatePolicy)
def test_no_policy_revives_anyone(
    alice: Person, news: List, add_contact: AddContact, policy: UpdatePolicy
) -> None:
    add_contact("left@example.com", status=SubscriptionStatus.UNSUBSCRIBED)
    add_contact("waits@example.com", status=SubscriptionStatus.UNCONFIRMED)
    gone = add_contact("gone@example.com")
    remove_from_all_lists(tenant=alice.tenant, contact_ids=[gone.pk], source=Source.PREFERENCES)
    bounced = Suppress("b@example.com", SuppressionReason.HARD_BOUNCE, Source.SES)
    suppress(tenant=alice.tenant, addresses=[bounced])
    other = List.unscoped.create(tenant=alice.tenant, name="Offers")
    content = "email,first_name,status\n" + "".join(
        f"{name}@example.com,New,active\n" for name in ("left", "waits", "gone", "b")
    )
    for content_again in (content, content.replace("New", "Newer")):
        _started(alice, content_again, [news, other], policy=policy, new_tags=["vip"])
    places = Subscription.unscoped.filter(list=news).values_list("contact__email_norm", "status")
    assert dict(places) == {
        "left@example.com": "unsubscribed",
        "waits@example.com": "unconfirmed",
        "gone@example.com": "unsubscribed",
        "b@example.com": "active",
    }
    assert count_sendable(tenant=alice.tenant, list_ids=[news.pk]) == 0
    assert Subscription.unscoped.get(contact=gone, list=other).status == "unsubscribed"
    assert Suppression.unscoped.filter(email_norm="b@example.com").exists()
    assert ContactTag.unscoped.filter(tag__name="vip").count() == 4


def test_tags_are_given_to_all_and_new_ones_are_made_at_the_start(
    alice: Person, mallory: Person, news: List, add_contact: AddContact
) -> None:
    add_contact("a@example.com")
    (old,) = ensure_tags(tenant=alice.tenant, names=["Old"])
    ensure_tags(tenant=mallory.tenant, names=["VIP"])
    import_ = uploaded(alice, "email\na@example.com\nb@example.com\n")
    chosen = choices(import_, [], tags=[old], new_tags=["VIP", " old "])
    run(imports.check(import_=import_, choices=chosen))
    assert not Tag.objects.for_tenant(alice.tenant).filter(name="VIP").exists()
    done = run(imports.start(import_=import_, actor=alice.user))
    assert counts(done) == {"rows": 2, "created": 1, "unchanged": 1}
    given = ContactTag.objects.for_tenant(alice.tenant).filter(imported=done)
    assert sorted(given.values_list("contact__email_norm", "tag__name")) == [
        ("a@example.com", "Old"),
        ("a@example.com", "VIP"),
        ("b@example.com", "Old"),
        ("b@example.com", "VIP"),
    ]
    assert not ContactTag.objects.for_tenant(mallory.tenant).exists()


def test_rows_without_a_status_are_what_the_member_says(alice: Person, news: List) -> None:
    done = _started(
        alice,
        "email,status\na@example.com,\nb@example.com,active\n",
        [news],
        mapping={"email": "email", "status": "status"},
        state=State.BOUNCED,
    )
    assert done == {"rows": 2, "created": 2}
    places = Subscription.unscoped.values_list("contact__email_norm", "status")
    assert dict(places) == {"a@example.com": "unsubscribed", "b@example.com": "active"}
    assert Suppression.unscoped.get().email_norm == "a@example.com"


def test_office_and_thrown_away_addresses_are_counted_and_complaint_desks_refused(
    alice: Person, news: List
) -> None:
    done = imported(
        alice,
        "email\ninfo@example.com\nAdmin+x@example.com\nann@mailinator.com\nb@x.mailinator.com\n"
        "abuse@example.com\nPostmaster@example.com\ninfo@example.com\nann@example.com\n",
        [news],
    )
    assert counts(done) == {
        "rows": 8,
        "created": 5,
        "duplicates": 1,
        "invalid": 2,
        "role": 2,
        "disposable": 2,
    }
    rows = {int(row[0]): row[3] for row in report(done)}
    assert "an office reads" in rows[2] and "thrown away" in rows[4]
    assert "reports spam" in rows[6] and "reports spam" in rows[7]
    assert sorted(rows) == [2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([], "string"),
        (["1", "0"], "number"),
        (["1.5", "-3"], "number"),
        (["yes", "No"], "boolean"),
        (["2026-03-31", "31.03.2026"], "date"),
        (["0049", "12"], "string"),
        (["+4912", "12"], "string"),
        (["1234567890123456"], "string"),
        (["12", "twelve"], "string"),
    ],
)
def test_the_kind_of_a_new_field_is_guessed_from_its_values(values: list[str], kind: str) -> None:
    assert guess_kind(values) == kind


def test_guessed_kinds_are_proposed_and_made(alice: Person, news: List) -> None:
    columns = ["email", "age", "joined", "vip", "phone"]
    sample = [["a@example.com", "9", "2026-01-31", "yes", "0123"]]
    assert suggest(columns, sample) == {
        "email": "email",
        "age": "field:age:number",
        "joined": "field:joined:date",
        "vip": "field:vip:boolean",
        "phone": "field:phone",
    }
    imported(alice, ",".join(columns) + "\n" + ",".join(sample[0]) + "\n", [news])
    made = dict(ContactField.objects.for_tenant(alice.tenant).values_list("key", "kind"))
    assert made == {"age": "number", "joined": "date", "vip": "boolean", "phone": "string"}
    assert Contact.unscoped.get().fields == {
        "age": 9,
        "joined": "2026-01-31",
        "vip": True,
        "phone": "0123",
    }


def test_a_check_writes_nothing_and_can_be_changed_and_started(alice: Person, news: List) -> None:
    import_ = checked(alice, "email,first_name\na@example.com,Ann\nbad,B\n", [news])
    assert (import_.status, import_.dry_run) == (ImportStatus.CHECKED, True)
    assert counts(import_) == {"rows": 2, "created": 1, "invalid": 1}
    assert [row[0] for row in report(import_)] == ["3"]
    assert not Contact.unscoped.exists() and not ContactField.unscoped.exists()
    assert not imports.can_be_undone(import_)
    imports.reopen(import_=import_)
    with pytest.raises(ImportRefused, match="Say first"):
        imports.start(import_=import_, actor=alice.user)
    chosen = choices(import_, [news], new_list="Offers")
    again = run(imports.check(import_=import_, choices=chosen))
    assert not List.unscoped.filter(name="Offers").exists()
    done = run(imports.start(import_=again, actor=alice.user))
    assert (done.status, done.dry_run) == (ImportStatus.DONE, False)
    assert counts(done) == {"rows": 2, "created": 1, "invalid": 1}
    assert Subscription.unscoped.count() == 2
    with pytest.raises(ImportRefused, match="started already"):
        imports.check(import_=done, choices=chosen)


def test_a_check_that_is_cancelled_goes_back_to_the_columns(
    alice: Person, news: List, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", 2)
    import_ = uploaded(alice, "email\n" + "".join(f"p{i}@example.com\n" for i in range(6)))
    imports.check(import_=import_, choices=choices(import_, [news]))
    assert imports.cancel(import_=import_).status == ImportStatus.UPLOADED
    queued = imports.check(import_=import_, choices=choices(import_, [news]))
    take = importing._Writer.take

    def cancelled(writer: importing._Writer, chunk: Chunk, turn: Turn) -> Written:
        imports.cancel(import_=import_)
        return take(writer, chunk, turn)

    monkeypatch.setattr(importing._Writer, "take", cancelled)
    stopped = run(queued)
    assert stopped.status == ImportStatus.UPLOADED
    assert stopped.file.storage.exists(stopped.file.name)
    monkeypatch.setattr(importing._Writer, "take", take)
    done = run(imports.start(import_=stopped, choices=choices(stopped, [news]), actor=alice.user))
    assert counts(done) == {"rows": 6, "created": 6}


def test_a_bad_tag_is_refused_before_anything_is_read(alice: Person, news: List) -> None:
    import_ = uploaded(alice, "email\na@example.com\n")
    with pytest.raises(TagRefused):
        imports.check(import_=import_, choices=choices(import_, [news], new_tags=["x" * 61]))


_NUMBERS = itertools.count()
_COUNTS = "created updated unchanged duplicates invalid".split()
_ROW = st.tuples(
    st.integers(0, 11),
    st.sampled_from(["p{}@example.com", "P{}@Example.com", "info+{}@x.example",
                     "x{}@mailinator.com", "abuse@x{}.example", "bad{}", "q{}@müller.example"]),
    st.sampled_from(["", "Ann", "Bo"]),
    st.sampled_from(["", "Oslo", "9"]),
    st.sampled_from(["", "active", "unsubscribed", "cleaned", "spam", "pending", "married"]),
)  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    before=st.lists(_ROW, max_size=8),
    rows=st.lists(_ROW, min_size=1, max_size=25),
    policy=st.sampled_from(list(UpdatePolicy)),
    state=st.sampled_from([State.ACTIVE, State.UNCONFIRMED, State.UNSUBSCRIBED, State.BLOCKED]),
    seed=st.integers(0, 10**6),
)
def test_a_check_counts_exactly_what_the_import_then_does(
    *,
    alice: Person,
    news: List,
    monkeypatch: pytest.MonkeyPatch,
    before: list[tuple[int, str, str, str, str]],
    rows: list[tuple[int, str, str, str, str]],
    policy: UpdatePolicy,
    state: State,
    seed: int,
) -> None:
    monkeypatch.setattr(importing, "CHUNK_ROWS", random.Random(seed).choice([1, 3, 50]))

    def content(some: list[tuple[int, str, str, str, str]]) -> str:
        lines = [f"{mail.format(n)},{name},{city},{said}" for n, mail, name, city, said in some]
        return "email,first_name,city,status\n" + "\n".join(lines) + "\n"

    own = {"email": "email", "first_name": "first_name", "city": "field:city", "status": "status"}
    if before:
        _started(alice, content(before), [news], mapping=own)
    import_ = uploaded(alice, content(rows))
    chosen = choices(
        import_,
        [news],
        mapping=own,
        policy=policy,
        state=state,
        new_tags=["vip"],
        new_list=f"List {next(_NUMBERS)}",
    )
    people = Contact.unscoped.count()
    said = run(imports.check(import_=import_, choices=chosen))
    expected, named = counts(said), report(said)
    assert Contact.unscoped.count() == people
    done = run(imports.start(import_=said, actor=alice.user))
    assert counts(done) == expected
    assert report(done) == named
    assert Contact.unscoped.count() == people + expected.get("created", 0)
    assert sum(expected.get(name, 0) for name in _COUNTS) == len(rows)


def test_old_statistics_do_not_spoil_the_search_for_known_contacts(
    alice: Person, mallory: Person, news: List
) -> None:
    """They say that a new workspace has no contacts: then any index by workspace seems as good."""
    theirs = List.unscoped.create(tenant=mallory.tenant, name="News")
    imported(mallory, "email\n" + "".join(f"p{i}@example.com\n" for i in range(3000)), [theirs])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE lists_contact, lists_subscription")
        imported(alice, "email\n" + "".join(f"p{i}@example.com\n" for i in range(2000)), [news])
        import_ = uploaded(alice, "email\np1@example.com\n")
        staging._stage(cursor, Chunk(first=0))
        cursor.execute(staging._BY_ADDRESS)
        know = staging._KNOW.format(changed="false", tags="0")
        values = staging._values(import_, Target([news.pk], []))
        cursor.execute(f"EXPLAIN {know}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("DROP TABLE import_rows, import_known")
    assert "using contact_address" in plan and "using lists_subscription_pkey" in plan
    assert "contact_newest" not in plan and "subscription_audience" not in plan

"""Files as people have them, through the whole engine on real PostgreSQL."""

from collections.abc import Callable

import pytest

from lists.models import (
    ConsentRecord,
    Contact,
    ImportStatus,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from lists.selectors.audience import count_sendable
from lists.services.suppression import Suppress, remove_from_all_lists, suppress
from tests.conftest import Person
from tests.lists.importing import counts, imported, report, uploaded

AddContact = Callable[..., Contact]


def _names(person: Person) -> dict[str, str]:
    rows = Contact.objects.for_tenant(person.tenant).values_list("email_norm", "first_name")
    return dict(rows)


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffemail,first_name\nsoren@example.com,Søren\njiri@example.com,Jiří\n".encode(),
        "email;First Name\r\nsoren@example.com;Søren\r\njiri@example.com;Jiří\r\n".encode(),
        "sep=;\nE-Mail;FNAME\nsoren@example.com;Søren\njiri@example.com;Jiří".encode(),
        "email\tfirst_name\nsoren@example.com\tSøren\njiri@example.com\tJiří\n".encode("utf-16"),
        "email,first_name\nsoren@example.com,Søren\njiri@example.com,Jiří\n".encode("utf-16-le"),
        "email|first_name\nsoren@example.com|Søren\njiri@example.com|Jiří\n".encode("utf-16-be"),
        b"email,first_name\rsoren@example.com,S\xc3\xb8ren\rjiri@example.com,Ji\xc5\x99\xc3\xad\r",
    ],
    ids=["bom", "semicolon", "sep", "utf16-tab", "utf16le", "utf16be-pipe", "old mac"],
)
def test_encodings_and_delimiters_are_found(alice: Person, news: List, content: bytes) -> None:
    done = imported(alice, content, [news])
    assert (done.status, done.failure) == (ImportStatus.DONE, "")
    assert _names(alice) == {"soren@example.com": "Søren", "jiri@example.com": "Jiří"}
    assert count_sendable(tenant=alice.tenant, list_ids=[news.pk]) == 2


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", ["Søren", "Jørgen", "Hélène", "Bjørn"]),
        ("cp1250", ["Łukasz", "Wałęsa", "Żaneta"]),
        ("cp1251", ["Иван", "Пётр", "Сергей"]),
        ("cp1252", ["Ærø…", "Ø\u2019Brien", "“Zoë”"]),
        ("cp932", ["田中太郎", "山本さくら", "佐藤健"]),
        ("euc_jp", ["田中太郎", "山本さくら", "高橋みなみ"]),
        ("cp950", ["陳怡君", "林志豪", "黃淑芬"]),
        ("gb18030", ["张伟", "王芳", "李娜", "刘洋", "陈静", "北京市", "杨柳", "赵敏", "中国人"]),
        ("cp949", ["김민준", "이서연", "박지훈"]),
    ],
)
def test_encodings_of_one_and_two_bytes_a_letter_are_found(
    alice: Person, news: List, encoding: str, names: list[str]
) -> None:
    rows = "".join(f"p{i}@example.com,{name}\n" for i, name in enumerate(names))
    imported(alice, f"email,first_name\n{rows}".encode(encoding), [news])
    assert sorted(_names(alice).values()) == sorted(names)


def test_bytes_that_are_no_text_further_down_refuse_the_file_by_line(
    alice: Person, news: List
) -> None:
    lines = [b"email,first_name"] + [b"p%d@example.com,Zo\xc3\xab" % i for i in range(9000)]
    lines[8000] = b"p@example.com,S\xf8ren"  # line 8001
    done = imported(alice, b"\n".join(lines), [news])
    assert done.status == ImportStatus.FAILED
    assert "Line 8,001 " in done.failure and "utf-8" in done.failure
    assert not Contact.objects.for_tenant(alice.tenant).exists()


def test_the_same_person_in_one_file_is_one_contact_and_each_repeat_has_its_line(
    alice: Person, news: List
) -> None:
    done = imported(alice, "email,name\nFoo@X.com,One\nfoo@x.com,Two\nbar@x.com,\n", [news])
    assert counts(done) == {"rows": 3, "created": 2, "duplicates": 1}
    foo = Contact.objects.for_tenant(alice.tenant).get(email_norm="foo@x.com")
    assert (foo.email, foo.fields) == ("Foo@X.com", {"name": "One"})
    assert report(done) == [["3", "", "foo@x.com", "Left out: line 2 has the same address."]]


def test_bad_rows_are_named_and_the_others_come_in(alice: Person, news: List) -> None:
    long = "x" * 121
    done = imported(
        alice,
        "email,first_name,note\n"
        'a@example.com,"Ann\nMarie","two\nlines"\n'  # lines 2 to 4
        "Test,Bea,\n"
        "Test@test,Cid,\n"
        "\n"
        "jöhn@example.com,Dan,\n"
        f"e@example.com,{long},\n"
        "f@example.com,Fay,x,y\n"
        "g@example.com\n"
        "\"=cmd|'/C calc'!A0\",Hal,\n"
        "i@äöüß.de,Ian,\n",
        [news],
    )
    assert counts(done) == {"rows": 9, "created": 3, "invalid": 6}
    rows = report(done)
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("5", "email", "Test"),
        ("6", "email", "Test@test"),
        ("8", "email", "jöhn@example.com"),
        ("9", "first_name", long),
        ("10", "", "y"),
        ("12", "email", "'=cmd|'/C calc'!A0"),
    ]
    assert "'ö'" in rows[2][3] and "120 are the most" in rows[3][3]
    assert "4 values for 3 columns" in rows[4][3]
    ann = Contact.objects.for_tenant(alice.tenant).get(email_norm="a@example.com")
    assert (ann.first_name, ann.fields) == ("Ann Marie", {"note": "two\nlines"})
    assert set(_names(alice)) == {"a@example.com", "g@example.com", "i@xn--zcaj8cya.de"}


def test_backslashes_tabs_and_quotes_arrive_as_they_were(alice: Person, news: List) -> None:
    value = 'a\\b\t"c" \\N \\. {}'
    cell = value.replace('"', '""')
    imported(alice, f'email,first_name,note\na@example.com,O\\N,"{cell}"\n', [news])
    contact = Contact.objects.for_tenant(alice.tenant).get()
    assert (contact.first_name, contact.fields) == ("O\\N", {"note": value})


def test_an_import_never_revives_anyone(alice: Person, news: List, add_contact: AddContact) -> None:
    tenant = alice.tenant
    add_contact("left@example.com", status=SubscriptionStatus.UNSUBSCRIBED)
    add_contact("waits@example.com", status=SubscriptionStatus.UNCONFIRMED)
    gone = add_contact("gone@example.com")
    remove_from_all_lists(tenant=tenant, contact_ids=[gone.pk], source=Source.PREFERENCES)
    suppress(
        tenant=tenant,
        addresses=[
            Suppress(f"{name}@example.com", SuppressionReason.HARD_BOUNCE, Source.SES)
            for name in ("bounced", "never-seen")
        ],
    )
    add_contact("bounced@example.com")
    other = List.unscoped.create(tenant=tenant, name="Offers")
    names = "left waits gone bounced never-seen new".split()
    done = imported(
        alice,
        "email,status\n" + "".join(f"{name}@EXAMPLE.com,subscribed\n" for name in names),
        [news, other],
    )
    assert counts(done) == {
        "rows": 6,
        "created": 2,
        "unchanged": 4,
        "suppressed": 2,
        "unsubscribed": 2,
    }
    assert count_sendable(tenant=tenant, list_ids=[news.pk]) == 1
    assert [(row[2].lower(), row[3].split(":")[0]) for row in report(done)] == [
        ("left@example.com", "Stays unsubscribed"),
        ("gone@example.com", "Stays unsubscribed"),
        ("bounced@example.com", "Stays suppressed (hard_bounce)"),
        ("never-seen@example.com", "Stays suppressed (hard_bounce)"),
    ]
    statuses = dict(
        Subscription.unscoped.filter(list=news).values_list("contact__email_norm", "status")
    )
    assert statuses["waits@example.com"] == SubscriptionStatus.UNCONFIRMED
    assert Subscription.unscoped.get(contact=gone, list=other).status == "unsubscribed"


def test_a_status_column_is_honoured_or_its_row_refused(alice: Person, news: List) -> None:
    done = imported(
        alice,
        "email,status,status note\n"
        "a@example.com,Subscribed,x\n"
        "b@example.com,unsubscribed,x\n"
        "c@example.com,cleaned,x\n"
        "d@example.com,complained,x\n"
        "e@example.com,unconfirmed,x\n"
        "f@example.com,,x\n"
        "a@example.com,unsubscribed,x\n",
        [news],
    )
    assert counts(done)["duplicates"] == 1
    statuses = dict(
        Subscription.unscoped.filter(list=news).values_list("contact__email_norm", "status")
    )
    assert statuses == {
        "a@example.com": "unsubscribed",  # the later row of the same file says so
        "b@example.com": "unsubscribed",
        "c@example.com": "unsubscribed",
        "d@example.com": "unsubscribed",
        "e@example.com": "unconfirmed",
        "f@example.com": "active",
    }
    assert dict(Suppression.unscoped.values_list("email_norm", "reason")) == {
        "c@example.com": "hard_bounce",
        "d@example.com": "complaint",
    }
    done = imported(alice, "email,status\ng@example.com,married\n", [news], status="status")
    assert counts(done) == {"rows": 1, "invalid": 1}
    assert report(done)[0][:3] == ["2", "status", "married"]


def test_one_known_word_makes_it_the_status_of_a_subscription(alice: Person, news: List) -> None:
    done = imported(
        alice, "email,status\na@example.com,unsubscribed\nb@example.com,non-subscribed\n", [news]
    )
    assert [row[:3] for row in report(done)] == [["3", "status", "non-subscribed"]]
    assert dict(Subscription.unscoped.values_list("contact__email_norm", "status")) == {
        "a@example.com": "unsubscribed"
    }


def test_a_column_called_status_that_is_something_else_becomes_a_field(alice: Person) -> None:
    assert uploaded(alice, "email,status\na@example.com,married\n").mapping == {
        "email": "email",
        "status": "field:status",
    }


def test_blank_values_overwrite_nothing_and_a_second_import_changes_nothing(
    alice: Person, news: List
) -> None:
    content = "email,first_name,city\na@example.com,Ann,Oslo\nb@example.com,Bob,\n"
    assert counts(imported(alice, content, [news])) == {"rows": 2, "created": 2}
    before = list(Contact.unscoped.order_by("pk").values_list("pk", "updated_at"))
    assert counts(imported(alice, content, [news])) == {"rows": 2, "unchanged": 2}
    assert list(Contact.unscoped.order_by("pk").values_list("pk", "updated_at")) == before
    done = imported(alice, "email,first_name,city\na@example.com,,Bergen\n", [news])
    assert counts(done) == {"rows": 1, "updated": 1}
    ann = Contact.unscoped.get(email_norm="a@example.com")
    assert (ann.first_name, ann.fields) == ("Ann", {"city": "Bergen"})


def test_columns_can_be_skipped_and_consent_is_proved_by_the_import(
    alice: Person, news: List
) -> None:
    done = imported(alice, "email,secret\na@example.com,42\n", [news], secret="")
    contact = Contact.unscoped.get()
    assert contact.fields == {}
    place = Subscription.unscoped.get()
    assert place.imported == done and done.consent_attested and done.created_by == alice.user
    assert "consent of each" in done.consent_wording
    assert not ConsentRecord.unscoped.exists()


def test_the_same_address_in_two_tenants_is_two_people(
    alice: Person, mallory: Person, news: List
) -> None:
    theirs = List.unscoped.create(tenant=mallory.tenant, name="News")
    imported(alice, "email,first_name\na@example.com,Ann\n", [news])
    imported(mallory, "email,first_name\na@example.com,Evil\n", [theirs])
    assert _names(alice) == {"a@example.com": "Ann"}
    assert _names(mallory) == {"a@example.com": "Evil"}

"""Exports of other products, as they are written, land in the right status by themselves."""

import pytest

from lists.mapping import State
from lists.models import Contact, Import, List, Subscription, Suppression
from lists.recognising import PRODUCTS
from lists.services import imports
from tests.conftest import Person
from tests.lists.importing import choices, counts, run, uploaded

_MAILCHIMP = (
    '"Email Address","First Name","Last Name",Address,"Phone Number",Birthday,{extra}MEMBER_RATING,'
    "OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,"
    "REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
    '{who}@example.com,Ann,Berg,"1 Road",0123,03/31,{values}2,"2024-01-01 10:00:00",,'
    '"2024-01-01 10:00:00",192.0.2.1,59.9,10.7,1,1,Europe/Oslo,NO,03,"2024-01-02 10:00:00",1,ab,,'
    '"""vip"""\n'
)


def _mailchimp(who: str, extra: str = "", values: str = "") -> str:
    return _MAILCHIMP.format(who=who, extra=extra, values=values)


_UNSUBSCRIBED = _mailchimp(
    "left",
    "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,",
    '"2024-02-01 10:00:00",News,9,"I no longer want these",,',
)
_CLEANED = _mailchimp(
    "dead",
    "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,",
    '"2024-02-01 10:00:00",News,9,',
)
_BREVO = (
    "EMAIL;FIRSTNAME;LASTNAME;SMS;ADDED_TIME;MODIFIED_TIME;_SUBSCRIBED;_BLOCKLISTED;_listIds\n"
    "a@example.com;Ann;Berg;123;01-01-2024;02-01-2024;email_marketing;;[2|3]\n"
    "b@example.com;Bo;;;01-01-2024;02-01-2024;;email_marketing;[2]\n"
    "c@example.com;Cid;;;01-01-2024;02-01-2024;;[sms_marketing|email_marketing];\n"
    "d@example.com;Dan;;;01-01-2024;02-01-2024;email_marketing;sms_marketing;\n"
)
_MAILERLITE = (
    "Subscriber,Sent,Opens,Clicks,Subscribed,Location,Name,Last name,Company,Status\n"
    "a@example.com,4,2,1,2024-01-01 10:00:00,Oslo,Ann,Berg,Acme,active\n"
    "b@example.com,4,2,1,2024-01-01 10:00:00,Oslo,Bo,,,unsubscribed\n"
    "c@example.com,4,2,1,2024-01-01 10:00:00,Oslo,,,,unconfirmed\n"
    "d@example.com,4,2,1,2024-01-01 10:00:00,Oslo,,,,bounced\n"
    "e@example.com,4,2,1,2024-01-01 10:00:00,Oslo,,,,junk\n"
)
_MAILERLITE_TIMES = (
    "Subscriber,Sent,Opens,Clicks,Subscribed,Unsubscribed\n"
    "a@example.com,4,2,1,2024-01-01 10:00:00,2024-02-01 10:00:00\n"
    "b@example.com,4,2,1,2024-01-01 10:00:00,\n"
)
_LISTMONK = (
    "uuid,email,name,attributes,status,created_at,updated_at\n"
    'f1,a@example.com,Ann Berg,"{""city"": ""Oslo""}",enabled,2024-01-01,2024-01-01\n'
    "f2,b@example.com,Bo,{},disabled,2024-01-01,2024-01-01\n"
    "f3,c@example.com,Cid,{},blocklisted,2024-01-01,2024-01-01\n"
)
_SENDY = '"Ann Berg","a@example.com","Oslo"\n"Bo","b@example.com",""\n'


def _imported(person: Person, content: str, lists: list[List], name: str) -> Import:
    import_ = uploaded(person, content, name)
    return run(imports.start(import_=import_, choices=choices(import_, lists), actor=person.user))


@pytest.mark.parametrize(
    ("product", "name", "content", "places", "suppressed"),
    [
        ("mailchimp", "subscribed.csv", _mailchimp("a"), {"a": "active"}, {}),
        ("mailchimp", "unsubscribed.csv", _UNSUBSCRIBED, {"left": "unsubscribed"}, {}),
        ("mailchimp", "cleaned.csv", _CLEANED, {"dead": "unsubscribed"}, {"dead": "hard_bounce"}),
        (
            "brevo",
            "export.csv",
            _BREVO,
            {"a": "active", "b": "unsubscribed", "c": "unsubscribed", "d": "active"},
            {"b": "manual", "c": "manual"},
        ),
        (
            "mailerlite",
            "subscribers.csv",
            _MAILERLITE,
            {
                "a": "active",
                "b": "unsubscribed",
                "c": "unconfirmed",
                "d": "unsubscribed",
                "e": "unsubscribed",
            },
            {"d": "hard_bounce", "e": "complaint"},
        ),
        (
            "mailerlite",
            "subscribers.csv",
            _MAILERLITE_TIMES,
            {"a": "unsubscribed", "b": "active"},
            {},
        ),
        (
            "listmonk",
            "subscribers.csv",
            _LISTMONK,
            {"a": "active", "b": "unsubscribed", "c": "unsubscribed"},
            {"c": "manual"},
        ),
        ("sendy", "news-active.csv", _SENDY, {"a": "active", "b": "active"}, {}),
        ("sendy", "news-unconfirmed.csv", _SENDY, {"a": "unconfirmed", "b": "unconfirmed"}, {}),
        ("sendy", "news-unsubscribed.csv", _SENDY, {"a": "unsubscribed", "b": "unsubscribed"}, {}),
        (
            "sendy",
            "news-bounced.csv",
            _SENDY,
            {"a": "unsubscribed", "b": "unsubscribed"},
            {"a": "hard_bounce", "b": "hard_bounce"},
        ),
    ],
)
def test_an_export_is_recognised_and_lands_in_the_right_status(
    *,
    alice: Person,
    news: List,
    product: str,
    name: str,
    content: str,
    places: dict[str, str],
    suppressed: dict[str, str],
) -> None:
    done = _imported(alice, content, [news], name)
    assert (done.product, done.failure) == (product, "")
    assert counts(done) == {"rows": len(places), "created": len(places)}
    there = Subscription.unscoped.values_list("contact__email_norm", "status")
    assert dict(there) == {f"{who}@example.com": status for who, status in places.items()}
    reasons = Suppression.unscoped.values_list("email_norm", "reason")
    assert dict(reasons) == {f"{who}@example.com": why for who, why in suppressed.items()}


def test_columns_are_mapped_and_bookkeeping_is_skipped(alice: Person, news: List) -> None:
    _imported(alice, _mailchimp("a"), [news], "x.csv")
    ann = Contact.unscoped.get()
    assert (ann.first_name, ann.last_name) == ("Ann", "Berg")
    assert ann.fields == {
        "address": "1 Road",
        "phone_number": "0123",
        "birthday": "03/31",
        "timezone": "Europe/Oslo",
        "region": "03",
    }


def test_a_sendy_export_without_a_header_keeps_its_first_row(alice: Person, news: List) -> None:
    import_ = uploaded(alice, _SENDY, "My-list-active.csv")
    assert import_.columns == ["Name", "Email", "Column 3"]
    _imported(alice, _SENDY, [news], "my-list-active.csv")
    ann = Contact.unscoped.get(email_norm="a@example.com")
    assert ann.fields == {"name": "Ann Berg", "column_3": "Oslo"}


def test_the_page_says_whose_export_it_looks_like(alice: Person, news: List) -> None:
    import_ = uploaded(alice, _CLEANED)
    page = alice.client.get(f"/w/acme/contacts/imports/{import_.public_id}/").content.decode()
    assert "This looks like an export of Mailchimp." in page
    assert f'<option value="{State.BOUNCED:d}" selected>' in page
    other = uploaded(alice, "email,name\na@example.com,Ann\n")
    page = alice.client.get(f"/w/acme/contacts/imports/{other.public_id}/").content.decode()
    assert "looks like an export" not in page


def test_every_product_is_described_whole() -> None:
    for key, product in PRODUCTS.items():
        assert key == product.name.lower() and (product.columns or product.files)
        assert "email" in product.targets.values()

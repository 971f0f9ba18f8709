"""Unsubscribe and preferences from a mail: for programs, scanners, and people in a hurry."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lists.models import (
    ConsentRecord,
    Contact,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
)
from lists.selectors.audience import count_sendable
from lists.tokens import Kind, make
from sending.ledger import claim
from sending.models import Batch, BatchState, Lane, Message, SesAccount, Status
from sending.selectors.batches import progress
from tenants.models import Tenant
from tests.preferences.conftest import assert_public, link

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
SCANNERS = [
    "",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 BingPreview/1.0b",
    "Barracuda Sentinel (EE)",
    "GoogleImageProxy",
]


@pytest.fixture
def offers(acme: Tenant) -> List:
    return List.unscoped.create(tenant=acme, name="Offers", description="Now and then.")


@pytest.fixture
def ada(add_contact: Callable[..., Contact], offers: List) -> Contact:
    """On News and Offers."""
    contact = add_contact("ada@person.example")
    Subscription.unscoped.create(
        tenant=contact.tenant, contact=contact, list=offers, status="active", source=Source.MEMBER
    )
    return contact


@pytest.fixture
def batch(ses_account: SesAccount, news: List) -> Batch:
    """A campaign that went to News."""
    return Batch.unscoped.create(
        tenant=ses_account.tenant,
        lane=Lane.CAMPAIGN,
        ses_account=ses_account,
        from_header="Acme <news@acme.example>",
        subject="News",
        text="News",
        list_ids=[news.pk],
    )


def text(response: Any) -> str:
    return str(response.content.decode())


def states(contact: Contact) -> dict[str, str]:
    rows = Subscription.unscoped.filter(contact=contact)
    return dict(rows.values_list("list__name", "status"))


def acts() -> list[tuple[str, str]]:
    return list(ConsentRecord.unscoped.order_by("pk").values_list("act", "source"))


# --- one click --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["form", "multipart"])
def test_one_click(visitor: Client, ada: Contact, batch: Batch, how: str) -> None:
    url = link("unsubscribe", ada, batch.pk)
    for _ in range(2):
        if how == "multipart":
            response = visitor.post(url, ONE_CLICK)
        else:
            response = visitor.post(
                url,
                "List-Unsubscribe=One-Click",
                content_type="application/x-www-form-urlencoded",
            )
        assert response.status_code == 200
        assert_public(response)
    assert states(ada) == {"News": "unsubscribed", "Offers": "active"}
    assert acts() == [("unsubscribed", "one_click")]
    assert progress(batch).unsubscribed == 1


def test_one_click_without_the_last_slash(visitor: Client, ada: Contact, batch: Batch) -> None:
    response = visitor.post(link("unsubscribe", ada, batch.pk).rstrip("/"), ONE_CLICK)
    assert response.status_code == 200
    assert states(ada)["News"] == "unsubscribed"


def test_one_click_reaches_mail_that_is_already_queued(
    visitor: Client, ada: Contact, batch: Batch
) -> None:
    Batch.unscoped.update(state=BatchState.RUNNING)
    message = Message.unscoped.create(
        tenant=batch.tenant, batch=batch, contact=ada, email=ada.email
    )
    visitor.post(link("unsubscribe", ada, batch.pk), ONE_CLICK)
    assert claim([message.pk]).claimed == {}
    message.refresh_from_db()
    assert message.status == Status.SKIPPED


@pytest.mark.parametrize("gone", ["batch", "lists"])
def test_one_click_when_what_was_sent_is_gone(
    visitor: Client, ada: Contact, batch: Batch, news: List, gone: str
) -> None:
    url = link("unsubscribe", ada, batch.pk)
    if gone == "batch":
        batch.delete()
    else:
        news.delete()
    assert visitor.post(url, ONE_CLICK).status_code == 200
    ada.refresh_from_db()
    assert ada.unsubscribed_at is not None
    assert set(states(ada).values()) == {"unsubscribed"}


def test_another_tenants_batch_lends_no_lists(
    visitor: Client, ada: Contact, batch: Batch, evil: Tenant
) -> None:
    Batch.unscoped.update(tenant=evil)
    visitor.post(link("unsubscribe", ada, batch.pk), ONE_CLICK)
    ada.refresh_from_db()
    assert ada.unsubscribed_at is not None


def test_one_click_for_somebody_erased(visitor: Client, ada: Contact, batch: Batch) -> None:
    url = link("unsubscribe", ada, batch.pk)
    ada.delete()
    response = visitor.post(url, ONE_CLICK)
    assert response.status_code == 200
    assert_public(response)
    assert "has been deleted" in text(response)


@pytest.mark.parametrize("name", ["unsubscribe", "preferences"])
def test_the_links_of_a_test_mail(visitor: Client, db: None, name: str) -> None:
    for response in (visitor.get(link(name, None)), visitor.post(link(name, None), ONE_CLICK)):
        assert response.status_code == 200
        assert_public(response)
        assert "This was a test mail" in text(response)


@pytest.mark.parametrize(
    "body", [{}, {"List-Unsubscribe": "Two-Clicks"}, {"unsubscribe": "1"}, {"from": "?"}]
)
def test_any_other_post_only_shows_the_page(
    visitor: Client, ada: Contact, batch: Batch, body: dict[str, str]
) -> None:
    response = visitor.post(link("unsubscribe", ada, batch.pk), body)
    assert response.status_code == 200
    assert set(states(ada).values()) == {"active"}
    assert acts() == []


# --- scanners ---------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", SCANNERS)
@pytest.mark.parametrize("name", ["unsubscribe", "preferences"])
def test_looking_changes_nothing(
    visitor: Client, ada: Contact, batch: Batch, name: str, agent: str
) -> None:
    for method in (visitor.get, visitor.head):
        response = method(
            link(name, ada, batch.pk),
            {"List-Unsubscribe": "One-Click", "act": "unsubscribe", "from": "everything"},
            headers={"User-Agent": agent},
        )
        assert response.status_code == 200
        assert_public(response)
        assert response["Referrer-Policy"] == "no-referrer"
    ada.refresh_from_db()
    assert ada.unsubscribed_at is None
    assert set(states(ada).values()) == {"active"}
    assert acts() == []


@pytest.mark.parametrize("name", ["unsubscribe", "preferences", "confirm"])
def test_other_methods_are_refused(visitor: Client, db: None, name: str) -> None:
    url = reverse(f"public:{name}", args=[make(Kind.RECIPIENT, 0, 0)])
    for method in (visitor.put, visitor.delete, visitor.patch, visitor.options):
        assert method(url).status_code == 405


# --- tokens -----------------------------------------------------------------------------------


def test_a_token_of_one_kind_is_none_of_another(visitor: Client, ada: Contact) -> None:
    recipient = make(Kind.RECIPIENT, 0, ada.pk)
    others = [make(kind, 0, ada.pk) for kind in (Kind.CONFIRM, Kind.DIGEST)]
    wrong = [("confirm", recipient)]
    wrong += [(name, token) for name in ("unsubscribe", "preferences") for token in others]
    for name, token in wrong:
        url = reverse(f"public:{name}", args=[token])
        for response in (visitor.get(url), visitor.post(url, ONE_CLICK)):
            assert response.status_code == 404
            assert_public(response)
    assert set(states(ada).values()) == {"active"}


def test_every_changed_character_breaks_the_link(visitor: Client, ada: Contact) -> None:
    token = make(Kind.RECIPIENT, 0, ada.pk)
    for place in range(0, len(token), 5):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        response = visitor.post(reverse("public:unsubscribe", args=[changed]), ONE_CLICK)
        assert response.status_code == 404
    assert set(states(ada).values()) == {"active"}


@pytest.mark.parametrize("token", ["x", "é", "-", "A" * 43, "A" * 2000, "%00", "..%2f.."])
def test_rubbish_gets_a_page_that_says_what_to_do(visitor: Client, db: None, token: str) -> None:
    response = visitor.post(f"/u/{token}/", ONE_CLICK)
    assert response.status_code == 404


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/u/{0}/x", "This link is not complete"),
        ("/c/{0}/x/y/", "This link is not complete"),
        ("/p/{0}/%20", "This link is not complete"),
        ("/f/6d9d5b1e-0c0e-4c0e-9c0e-0123456789ab/x", "There is no form here"),
        ("/f/{0}/", "There is no form here"),
    ],
)
def test_a_link_with_too_much_behind_it_is_explained(
    visitor: Client, ada: Contact, path: str, said: str
) -> None:
    token = make(Kind.RECIPIENT, 0, ada.pk)
    for response in (visitor.get(path.format(token)), visitor.post(path.format(token))):
        assert response.status_code == 404 and said in text(response)
        assert_public(response)
    assert Subscription.unscoped.filter(status=SubscriptionStatus.ACTIVE).count() == 2


def test_what_lacks_its_last_slash_is_led_on(visitor: Client, db: None) -> None:
    form = "/f/6d9d5b1e-0c0e-4c0e-9c0e-0123456789ab"
    for path in ("/p/abc", "/c/abc", form, f"{form}/challenge"):
        assert visitor.get(path)["Location"] == f"{path}/"


def test_a_cut_off_link_is_explained(visitor: Client, ada: Contact) -> None:
    response = visitor.get(link("unsubscribe", ada)[:-8] + "/")
    assert response.status_code == 404
    assert "Copy the whole link" in text(response)


# --- the page for people ----------------------------------------------------------------------


def test_the_buttons_of_the_page(visitor: Client, ada: Contact, batch: Batch) -> None:
    url = link("unsubscribe", ada, batch.pk)
    assert "Unsubscribe from News" in text(visitor.get(url))
    assert "no more mail of" in text(visitor.post(url, {"from": "lists"}))
    assert states(ada) == {"News": "unsubscribed", "Offers": "active"}
    assert "no more mail from Acme" in text(visitor.post(url, {"from": "everything"}))
    assert set(states(ada).values()) == {"unsubscribed"}
    assert acts() == [("unsubscribed", "preferences")] * 2


# --- preferences ------------------------------------------------------------------------------


@pytest.fixture
def choose(visitor: Client, ada: Contact) -> Callable[..., Any]:
    """Presses a button of Ada's preference page."""

    def press(act: str, one: List | None = None, **fields: str) -> Any:
        body = {"act": act, **fields}
        if one:
            body["list"] = str(one.public_id)
        response = visitor.post(link("preferences", ada), body)
        assert_public(response)
        return response

    return press


def sendable(*lists: List) -> int:
    return count_sendable(tenant=lists[0].tenant, list_ids=[one.pk for one in lists])


def test_one_list_off_and_on(choose: Callable[..., Any], news: List, offers: List) -> None:
    assert "You are unsubscribed from News." in text(choose("unsubscribe", news))
    assert (sendable(news), sendable(offers)) == (0, 1)
    assert "You are subscribed to News." in text(choose("subscribe", news))
    assert sendable(news) == 1
    assert acts() == [("unsubscribed", "preferences"), ("resubscribed", "preferences")]


@pytest.mark.parametrize("days", [30, 60, 90])
def test_pause_for_days(choose: Callable[..., Any], news: List, days: int) -> None:
    assert "News is paused until" in text(choose("pause", news, days=str(days)))
    until = Subscription.unscoped.get(list=news).paused_until
    assert until is not None
    assert abs(until - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)
    assert sendable(news) == 0
    assert "has ended" in text(choose("resume", news))
    assert sendable(news) == 1


@pytest.mark.parametrize("act", ["pause", "resume"])
def test_a_page_from_before_the_unsubscribe_does_not_claim_a_pause(
    choose: Callable[..., Any], news: List, act: str
) -> None:
    choose("unsubscribe", news)
    answer = choose(act, news, days="30")
    assert answer.status_code == 422
    assert "That could not be done." in text(answer) and "is paused" not in text(answer)
    assert acts() == [("unsubscribed", "preferences")]


def test_pause_until_a_date_in_the_workspaces_zone(
    choose: Callable[..., Any], acme: Tenant, news: List, offers: List
) -> None:
    acme.timezone = "Pacific/Auckland"
    acme.save()
    day = (timezone.now() + timedelta(days=20)).date()
    answer = text(choose("pause", until=day.isoformat()))
    assert f"All mail is paused until {day.day} {day:%B %Y}." in answer
    paused = Contact.unscoped.get().paused_until
    assert paused is not None
    assert paused.isoformat() != f"{day}T00:00:00+00:00"
    assert sendable(news, offers) == 0
    choose("resume")
    assert sendable(news, offers) == 1


@pytest.mark.parametrize(
    "fields",
    [{}, {"until": "2001-01-01"}, {"until": "soon"}, {"days": "45"}, {"until": "2999-01-01"}],
)
def test_a_pause_needs_a_sensible_end(
    choose: Callable[..., Any], news: List, fields: dict[str, str]
) -> None:
    response = choose("pause", news, **fields)
    assert response.status_code == 422
    assert sendable(news) == 1
    assert acts() == []


def test_everything_off_then_one_list_on(
    choose: Callable[..., Any], news: List, offers: List
) -> None:
    assert "unsubscribed from everything" in text(choose("unsubscribe"))
    assert sendable(news, offers) == 0
    choose("subscribe", offers)
    assert (sendable(news), sendable(offers)) == (0, 1)


def test_public_lists_for_everyone_private_ones_for_members(
    choose: Callable[..., Any], acme: Tenant, ada: Contact, visitor: Client
) -> None:
    List.unscoped.create(tenant=acme, name="Open to all")
    hidden = List.unscoped.create(tenant=acme, name="Board", is_public=False)
    mine = List.unscoped.create(tenant=acme, name="Staff", is_public=False)
    Subscription.unscoped.create(
        tenant=acme, contact=ada, list=mine, status="active", source=Source.MEMBER
    )
    page = text(visitor.get(link("preferences", ada)))
    assert "Open to all" in page
    assert "Staff" in page
    assert "Board" not in page
    assert choose("subscribe", hidden).status_code == 422
    assert "Board" not in states(ada)


def test_another_tenants_list_cannot_be_chosen(
    choose: Callable[..., Any], evil: Tenant, ada: Contact
) -> None:
    theirs = List.unscoped.create(tenant=evil, name="Theirs")
    for act in ("subscribe", "unsubscribe", "pause"):
        assert choose(act, theirs, days="30").status_code == 422
    assert "Theirs" not in states(ada)


@pytest.mark.parametrize("body", [{}, {"act": "delete"}, {"act": "subscribe"}])
def test_an_unknown_button_does_nothing(
    visitor: Client, ada: Contact, body: dict[str, str]
) -> None:
    assert visitor.post(link("preferences", ada), body).status_code == 422
    assert acts() == []


def test_an_unconfirmed_place_can_be_taken_or_left(
    choose: Callable[..., Any], news: List, ada: Contact
) -> None:
    Subscription.unscoped.filter(list=news).update(status=SubscriptionStatus.UNCONFIRMED)
    choose("subscribe", news)
    assert states(ada)["News"] == "active"


def test_a_suppressed_address_is_told_and_stays_suppressed(
    choose: Callable[..., Any], acme: Tenant, news: List
) -> None:
    Suppression.unscoped.create(
        tenant=acme, email_norm="ada@person.example", reason="complaint", source=Source.SES
    )
    assert "Nothing is sent to this address" in text(choose("subscribe", news))
    assert sendable(news) == 0


# --- what others wrote ------------------------------------------------------------------------


def test_names_are_only_text_on_every_page(
    visitor: Client, ada: Contact, batch: Batch, acme: Tenant
) -> None:
    script = "<script>alert(1)</script>"
    Tenant.objects.filter(pk=acme.pk).update(
        name=script, postal_address=script, timezone="Europe/Berlin"
    )
    for one in List.unscoped.all():
        List.unscoped.filter(pk=one.pk).update(name=f"{script}{one.pk}", description=script)
    Contact.unscoped.update(email=f'"{script}"@person.example')
    pages = [
        visitor.get(link("unsubscribe", ada, batch.pk)),
        visitor.post(link("unsubscribe", ada, batch.pk), ONE_CLICK),
        visitor.get(link("preferences", ada)),
        visitor.post(link("preferences", ada), {"act": "pause", "days": "30"}),
        visitor.post(link("preferences", ada), {"act": "unsubscribe"}),
    ]
    for page in pages:
        assert page.status_code == 200
        assert "<script>" not in text(page)
        assert "&lt;script&gt;" in text(page)

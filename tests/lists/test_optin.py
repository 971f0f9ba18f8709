"""Double opt-in: who asks, who confirms, and what a stranger cannot do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from redis import Redis

from lists.errors import BadToken, ConfirmationExpired, InvalidAddress, SignupClosed, TooManySignups
from lists.models import (
    Captcha,
    Confirmation,
    ConsentRecord,
    Contact,
    ContactField,
    ContactTag,
    List,
    SignupForm,
    Source,
    Subscription,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
    Tag,
)
from lists.selectors.audience import count_sendable
from lists.services import optin
from lists.services.preferences import unsubscribe
from tenants.models import Tenant

ADDRESS = "ada@person.example"


@pytest.fixture
def offers(acme: Tenant) -> List:
    return List.unscoped.create(tenant=acme, name="Offers")


@pytest.fixture
def form(acme: Tenant, news: List) -> SignupForm:
    made = SignupForm.unscoped.create(
        tenant=acme,
        name="Footer",
        title="Our news",
        consent_wording="I want the news.",
        captcha=Captcha.NONE,
    )
    made.lists.set([news])
    return made


def ask(form: SignupForm, email: str = ADDRESS, **over: Any) -> Confirmation | None:
    given = {
        "lists": list(form.lists.order_by("name")),
        "values": {"first_name": "Ada", "last_name": "Lovelace"},
        "ip": "192.0.2.9",
        "user_agent": "Firefox",
        **over,
    }
    return optin.request_subscription(form=form, email=email, **given)


def click(confirmation: Confirmation | None) -> Confirmation:
    assert confirmation is not None
    return optin.confirm(
        confirmation_id=confirmation.pk,
        contact_id=confirmation.contact_id,
        ip="192.0.2.10",
        user_agent="Firefox",
    )


def later(confirmation: Confirmation | None, by: timedelta = optin.WINDOW) -> None:
    """Lets time pass for this confirmation."""
    assert confirmation is not None
    Confirmation.unscoped.filter(pk=confirmation.pk).update(
        created_at=confirmation.created_at - by, expires_at=confirmation.expires_at - by
    )


def state(one: List, email: str = ADDRESS) -> str:
    return Subscription.unscoped.get(list=one, contact__email_norm=email).status


def test_nothing_is_sendable_before_the_click(form: SignupForm, news: List) -> None:
    confirmation = ask(form)
    assert state(news) == SubscriptionStatus.UNCONFIRMED
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 0
    click(confirmation)
    assert state(news) == SubscriptionStatus.ACTIVE
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 1


def test_both_acts_are_proved_with_the_wording_that_was_shown(form: SignupForm) -> None:
    confirmation = ask(form)
    SignupForm.unscoped.filter(pk=form.pk).update(consent_wording="Something else.")
    click(confirmation)
    requested, confirmed = ConsentRecord.unscoped.order_by("pk")
    assert (requested.act, confirmed.act) == ("requested", "confirmed")
    assert requested.wording == confirmed.wording == "I want the news."
    assert requested.list_names == confirmed.list_names == ["News"]
    assert (requested.ip, confirmed.ip) == ("192.0.2.9", "192.0.2.10")
    assert requested.form_name == "Footer"


@pytest.mark.parametrize("double_opt_in", [True, False])
def test_the_place_names_the_form_by_which_somebody_came_last(
    form: SignupForm, news: List, offers: List, double_opt_in: bool
) -> None:
    popup = SignupForm.unscoped.create(tenant=form.tenant, name="Popup", consent_wording="Yes.")
    popup.lists.set([news, offers])
    List.unscoped.update(double_opt_in=double_opt_in)
    if first := ask(form):
        click(first)
    assert Subscription.unscoped.get().form == form
    if second := ask(popup):
        click(second)
    # They were on News already: that place is the first form's.
    assert dict(Subscription.unscoped.values_list("list__name", "form__name")) == {
        "News": "Footer",
        "Offers": "Popup",
    }


def test_a_second_click_changes_nothing(form: SignupForm) -> None:
    confirmation = ask(form)
    first = click(confirmation).confirmed_at
    assert click(confirmation).confirmed_at == first
    assert ConsentRecord.unscoped.filter(act="confirmed").count() == 1


def test_an_old_click_does_not_undo_an_unsubscribe(form: SignupForm, news: List) -> None:
    confirmation = click(ask(form))
    unsubscribe(contact=confirmation.contact, lists=[news], source=Source.ONE_CLICK)
    click(confirmation)
    assert state(news) == SubscriptionStatus.UNSUBSCRIBED


def test_an_open_confirmation_ends_when_its_reader_unsubscribes(
    form: SignupForm, news: List
) -> None:
    confirmation = ask(form)
    assert confirmation is not None
    unsubscribe(contact=confirmation.contact, lists=None, source=Source.ONE_CLICK)
    with pytest.raises(ConfirmationExpired):
        click(confirmation)
    assert state(news) == SubscriptionStatus.UNSUBSCRIBED


def test_a_confirmed_member_stays_confirmed(
    form: SignupForm, news: List, add_contact: Callable[..., Contact]
) -> None:
    add_contact(ADDRESS)
    assert ask(form) is None
    assert state(news) == SubscriptionStatus.ACTIVE
    assert not ConsentRecord.unscoped.exists()


def test_a_member_of_some_lists_confirms_only_the_others(
    form: SignupForm, news: List, offers: List, add_contact: Callable[..., Contact]
) -> None:
    form.lists.add(offers)
    add_contact(ADDRESS)
    confirmation = ask(form)
    assert confirmation is not None
    assert list(confirmation.lists.all()) == [offers]
    assert state(news) == SubscriptionStatus.ACTIVE


def test_one_confirmation_for_several_lists(form: SignupForm, news: List, offers: List) -> None:
    form.lists.add(offers)
    click(ask(form))
    assert state(news) == state(offers) == SubscriptionStatus.ACTIVE


def test_an_unsubscribed_member_confirms_anew(
    form: SignupForm, news: List, add_contact: Callable[..., Contact]
) -> None:
    add_contact(ADDRESS, status=SubscriptionStatus.UNSUBSCRIBED)
    confirmation = ask(form)
    assert state(news) == SubscriptionStatus.UNSUBSCRIBED
    click(confirmation)
    assert state(news) == SubscriptionStatus.ACTIVE


def test_who_left_everything_comes_back_to_the_forms_lists_only(
    form: SignupForm, news: List, offers: List, add_contact: Callable[..., Contact]
) -> None:
    contact = add_contact(ADDRESS)
    # Active in its own row, as an older import may have left it: only the contact's flag holds.
    Subscription.unscoped.create(
        tenant=form.tenant, contact=contact, list=offers, status="active", source=Source.IMPORT
    )
    Contact.unscoped.filter(pk=contact.pk).update(unsubscribed_at=timezone.now())
    confirmation = ask(form)
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk, offers.pk]) == 0
    click(confirmation)
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 1
    assert count_sendable(tenant=form.tenant, list_ids=[offers.pk]) == 0
    assert state(offers) == SubscriptionStatus.UNSUBSCRIBED


def suppress(tenant: Tenant, email: str = ADDRESS) -> None:
    Suppression.unscoped.create(
        tenant=tenant, email_norm=email, reason=SuppressionReason.HARD_BOUNCE, source=Source.SES
    )


def test_a_suppressed_address_gets_nothing(form: SignupForm) -> None:
    suppress(form.tenant)
    assert ask(form, "ADA@Person.example") is None
    assert not Contact.unscoped.exists()


def test_suppression_wins_over_a_click(form: SignupForm, news: List) -> None:
    confirmation = ask(form)
    suppress(form.tenant)
    click(confirmation)
    assert Suppression.unscoped.count() == 1
    assert count_sendable(tenant=form.tenant, list_ids=[news.pk]) == 0


def test_another_tenants_suppression_says_nothing_here(form: SignupForm, evil: Tenant) -> None:
    suppress(evil)
    assert ask(form) is not None


def test_one_mail_an_address_and_form_in_a_window(form: SignupForm) -> None:
    first = ask(form)
    assert [ask(form, "Ada@PERSON.example") for _ in range(19)] == [None] * 19
    later(first)
    assert ask(form) is not None


def test_no_more_than_a_few_mails_a_day_whatever_the_form(form: SignupForm, news: List) -> None:
    sent = 0
    for number in range(10):
        other = SignupForm.unscoped.create(
            tenant=form.tenant, name=f"{number}", title="x", consent_wording="x"
        )
        other.lists.set([news])
        sent += ask(other) is not None
    assert sent == optin.MAILS_A_DAY


@pytest.mark.django_db(transaction=True)
def test_twenty_posts_at_once_make_one_confirmation(form: SignupForm) -> None:
    def post(_: int) -> bool:
        try:
            return ask(form) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(post, range(20))) == 1
    assert Confirmation.unscoped.count() == Contact.unscoped.count() == 1


def test_a_stranger_changes_nothing_of_a_known_contact(
    form: SignupForm, add_contact: Callable[..., Contact]
) -> None:
    contact = add_contact(ADDRESS, status="unsubscribed", first_name="Ada")
    ask(form, "ADA@person.example", values={"first_name": "Rude", "city": "Rude"})
    contact.refresh_from_db()
    assert (contact.email, contact.first_name, contact.fields) == (ADDRESS, "Ada", {})


def test_a_name_counts_once_it_is_confirmed(form: SignupForm) -> None:
    confirmation = ask(form)
    assert confirmation is not None
    assert confirmation.contact.first_name == ""
    contact = click(confirmation).contact
    contact.refresh_from_db()
    assert (contact.first_name, contact.last_name) == ("Ada", "Lovelace")


def test_a_name_that_the_workspace_has_stays(
    form: SignupForm, add_contact: Callable[..., Contact]
) -> None:
    contact = add_contact(ADDRESS, status="unsubscribed", first_name="Countess")
    click(ask(form))
    contact.refresh_from_db()
    assert (contact.first_name, contact.last_name) == ("Countess", "")


def test_values_of_every_kind_land_with_the_click(form: SignupForm) -> None:
    kinds = {"city": "string", "size": "number", "vip": "boolean", "born": "date"}
    for key, kind in kinds.items():
        ContactField.unscoped.create(tenant=form.tenant, key=key, label=key, kind=kind)
    given = {"city": "Bonn", "size": 4, "vip": True, "born": "2001-02-03"}
    confirmation = ask(form, values=given)
    assert confirmation is not None
    assert confirmation.contact.fields == {}
    click(confirmation)
    assert Contact.unscoped.get().fields == given


def test_a_value_that_the_workspace_has_stays(
    form: SignupForm, add_contact: Callable[..., Contact]
) -> None:
    for key in ("city", "size"):
        ContactField.unscoped.create(tenant=form.tenant, key=key, label=key)
    add_contact(ADDRESS, status="unsubscribed", fields={"city": "Bonn"})
    click(ask(form, values={"city": "Rude", "size": "4"}))
    assert Contact.unscoped.get().fields == {"city": "Bonn", "size": "4"}


def test_a_value_whose_field_is_gone_or_of_another_kind_is_left_out(form: SignupForm) -> None:
    ContactField.unscoped.create(tenant=form.tenant, key="size", label="Size", kind="number")
    click(ask(form, values={"size": "large", "gone": "x"}))
    assert Contact.unscoped.get().fields == {}


def test_tags_are_given_with_the_click(form: SignupForm) -> None:
    tag = Tag.unscoped.create(tenant=form.tenant, name="From the site")
    form.tags.add(tag)
    confirmation = ask(form)
    assert not ContactTag.unscoped.exists()
    click(confirmation)
    click(confirmation)
    assert [one.tag for one in ContactTag.unscoped.all()] == [tag]


def test_an_expired_link_can_be_sent_again(form: SignupForm, news: List) -> None:
    confirmation = ask(form)
    assert confirmation is not None
    later(confirmation, timedelta(days=8))
    with pytest.raises(ConfirmationExpired):
        click(confirmation)
    assert state(news) == SubscriptionStatus.UNCONFIRMED
    again = optin.request_again(confirmation=confirmation, ip="", user_agent="")
    click(again)
    assert state(news) == SubscriptionStatus.ACTIVE
    assert again is not None
    assert again.values == {"first_name": "Ada", "last_name": "Lovelace"}


def test_a_closed_form_sends_nothing_again(form: SignupForm) -> None:
    confirmation = ask(form)
    assert confirmation is not None
    SignupForm.unscoped.filter(pk=form.pk).update(is_active=False)
    confirmation.refresh_from_db()
    with pytest.raises(SignupClosed):
        optin.request_again(confirmation=confirmation, ip="", user_agent="")


def test_a_confirmation_of_deleted_lists_says_so(form: SignupForm, news: List) -> None:
    confirmation = ask(form)
    news.delete()
    with pytest.raises(SignupClosed):
        click(confirmation)


def test_ids_that_do_not_belong_together_are_refused(
    form: SignupForm, add_contact: Callable[..., Contact]
) -> None:
    confirmation = ask(form)
    stranger = add_contact("bea@person.example")
    assert confirmation is not None
    with pytest.raises(BadToken):
        optin.confirm(confirmation_id=confirmation.pk, contact_id=stranger.pk, ip="", user_agent="")


def test_a_bad_address_is_refused_in_words(form: SignupForm) -> None:
    with pytest.raises(InvalidAddress):
        ask(form, "jöhn@person.example")
    assert not Contact.unscoped.exists()


def test_sign_ups_of_one_network_are_limited(form: SignupForm, redis: Redis) -> None:
    for _ in range(optin.SIGNUPS_PER_NETWORK):
        optin.admit(form=form, network="192.0.2.1")
    with pytest.raises(TooManySignups):
        optin.admit(form=form, network="192.0.2.1")
    optin.admit(form=form, network="192.0.2.2")


# --- lists without double opt-in --------------------------------------------------------------


@pytest.fixture
def free(news: List) -> List:
    """News, for which nobody confirms."""
    news.double_opt_in = False
    news.save()
    return news


def test_a_new_address_is_a_member_at_once(form: SignupForm, free: List) -> None:
    assert ask(form) is None
    assert state(free) == SubscriptionStatus.ACTIVE
    proof = ConsentRecord.unscoped.get()
    assert (proof.act, proof.source, proof.wording, proof.ip) == (
        "signed_up",
        "form",
        "I want the news.",
        "192.0.2.9",
    )
    assert Contact.unscoped.get().first_name == "Ada"


def test_of_two_lists_one_is_confirmed(form: SignupForm, free: List, offers: List) -> None:
    form.lists.add(offers)
    confirmation = ask(form)
    assert confirmation is not None
    assert list(confirmation.lists.all()) == [offers]
    assert (state(free), state(offers)) == ("active", "unconfirmed")


@pytest.mark.parametrize("before", ["unsubscribed", "unconfirmed"])
def test_who_has_left_or_waits_confirms_all_the_same(
    form: SignupForm, free: List, add_contact: Callable[..., Contact], before: str
) -> None:
    add_contact(ADDRESS, status=before)
    confirmation = ask(form)
    assert state(free) == before
    click(confirmation)
    assert state(free) == SubscriptionStatus.ACTIVE


def test_who_has_left_everything_confirms_all_the_same(
    form: SignupForm, free: List, offers: List, add_contact: Callable[..., Contact]
) -> None:
    contact = add_contact(ADDRESS)
    unsubscribe(contact=contact, lists=None, source=Source.ONE_CLICK)
    form.lists.set([offers])
    offers.double_opt_in = False
    offers.save()
    assert ask(form) is not None
    assert count_sendable(tenant=form.tenant, list_ids=[offers.pk, free.pk]) == 0


def test_suppression_wins_there_too(form: SignupForm, free: List) -> None:
    suppress(form.tenant)
    assert ask(form) is None
    assert not Subscription.unscoped.exists()


def test_the_language_of_the_sign_up_becomes_the_contacts(form: SignupForm) -> None:
    contact = click(ask(form, language="fr")).contact
    contact.refresh_from_db()
    assert contact.language == "fr"


def test_a_language_that_the_contact_chose_stays(form: SignupForm) -> None:
    confirmation = ask(form, language="fr")
    Contact.unscoped.update(language="de")
    click(confirmation)
    assert Contact.unscoped.get().language == "de"

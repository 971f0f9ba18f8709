"""The readiness page: live, about one account, and with buttons that mend."""

import json
from datetime import date

import pytest
from django.test import Client
from redis import Redis

from campaigns.models import Campaign
from lists.models import Captcha, List, ListDay, SignupForm
from readiness.guides import NAMES, guide_of, guides
from readiness.selectors.facts import facts_of
from readiness.selectors.sample import sample_of
from sending.models import SesAccount, SesAuth
from sending.ses.policies import permission_policy
from tenants.models import AuditEvent, Tenant
from tests.cloud import Cloud
from tests.conftest import Person

HERE = "/w/acme/readiness/"


def states(person: Person, query: str = "") -> dict[str, str]:
    rows = person.client.get(HERE + query).context["rows"]
    return {row.line.key: row.line.verdict.state.value for row in rows}


def test_an_empty_workspace_begins_with_connecting(alice: Person) -> None:
    page = alice.client.get(HERE)
    assert page.context["next"].line.key == "connection"
    assert 'href="/w/acme/sending/connect/"' in page.content.decode()


def test_each_account_has_its_own_lines(alice: Person, ses_account: SesAccount) -> None:
    other = SesAccount.unscoped.create(
        tenant=ses_account.tenant, name="Japan", region="ap-northeast-1", auth=SesAuth.KEY
    )
    assert states(alice)["connection"] == "good"
    assert states(alice, f"?account={other.public_id}")["connection"] == "bad"
    page = alice.client.get(HERE).content.decode()
    assert "Main" in page and "Japan" in page
    assert alice.client.get(HERE + "?account=x").status_code == 404


def test_another_tenants_account_is_no_account(
    alice: Person, mallory: Person, ses_account: SesAccount
) -> None:
    url = f"/w/evil/readiness/?account={ses_account.public_id}"
    assert mallory.client.get(url).status_code == 404


def test_a_press_turns_on_double_opt_in_for_every_list(alice: Person, acme: Tenant) -> None:
    List.unscoped.create(tenant=acme, name="News")
    List.unscoped.create(tenant=acme, name="Offers", double_opt_in=False, description="Weekly")
    assert states(alice)["optin"] == "partly"
    answer = alice.client.post(HERE + "mend/optin/", follow=True)
    assert "New sign-ups confirm by mail: Offers." in answer.content.decode()
    assert states(alice)["optin"] == "good"
    assert List.unscoped.get(name="Offers").description == "Weekly"
    assert AuditEvent.unscoped.get().action == "list.changed"


def test_a_press_protects_every_open_form(alice: Person, acme: Tenant, news: List) -> None:
    for name, captcha in (("Footer", Captcha.NONE), ("Pop-up", Captcha.TURNSTILE)):
        SignupForm.unscoped.create(
            tenant=acme, name=name, title=name, consent_wording="Yes", captcha=captcha
        )
    assert states(alice)["captcha"] == "partly"
    alice.client.post(HERE + "mend/captcha/")
    found = dict(SignupForm.unscoped.values_list("name", "captcha"))
    assert found == {"Footer": Captcha.ALTCHA, "Pop-up": Captcha.TURNSTILE}
    assert states(alice)["captcha"] == "good"


def test_a_press_at_aws_tells_what_aws_said(
    alice: Person, ses_account: SesAccount, cloud: Cloud, redis: Redis
) -> None:
    url = f"{HERE}{ses_account.public_id}/mend/connection/"
    refused = alice.client.post(url, follow=True).content.decode()
    assert "AWS does not know this access key" in refused
    assert states(alice)["connection"] == "bad"
    ses_account.refresh_from_db()
    ses_account.credentials = {"access_key_id": cloud.key_id, "secret_access_key": cloud.secret}
    ses_account.save()
    assert "AWS lets us in" in alice.client.post(url, follow=True).content.decode()
    assert states(alice)["connection"] == "good"
    assert alice.client.post(f"{HERE}{ses_account.public_id}/mend/nothing/").status_code == 404


def test_a_button_is_for_those_who_may_press_it(
    alice: Person, bob: Person, ses_account: SesAccount
) -> None:
    mend = f"{ses_account.public_id}/mend/feedback/"
    assert mend in alice.client.get(HERE).content.decode()
    assert mend not in bob.client.get(HERE).content.decode()


def test_the_sample_is_the_newest_campaign_as_it_would_leave(acme: Tenant) -> None:
    plain = sample_of(acme)
    assert (plain.of, plain.link, plain.one_click, plain.address) == ("", True, True, True)
    assert plain.https is False  # SITE_URL of the tests
    Campaign.unscoped.create(tenant=acme, name="Old", subject="x", html="<p>x</p>")
    Campaign.unscoped.create(tenant=acme, name="Broken", subject="x", html="<p>{% if %}</p>")
    broken = sample_of(acme)
    assert broken.of == "Broken"
    assert broken.wrong
    acme.postal_address = ""
    Campaign.unscoped.filter(name="Broken").delete()
    assert (sample_of(acme).of, sample_of(acme).address) == ("Old", False)


def test_how_people_joined_is_counted_over_all_lists(acme: Tenant, news: List) -> None:
    offers = List.unscoped.create(tenant=acme, name="Offers")
    for list_, day, sources in (
        (news, 1, {"import": 100, "member": 2}),
        (news, 2, {"import": 10, "form": 4}),
        (offers, 2, {"api": 7}),
    ):
        ListDay.unscoped.create(tenant=acme, list=list_, day=date(2026, 11, day), sources=sources)
    joined = facts_of(acme, None).joined
    assert (joined.imported, joined.by_hand, joined.by_api) == (110, 2, 7)


def test_facts_ask_a_fixed_number_of_questions(
    alice: Person, ses_account: SesAccount, django_assert_max_num_queries: object
) -> None:
    for number in range(5):
        List.unscoped.create(tenant=alice.tenant, name=f"List {number}")
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        facts_of(alice.tenant, ses_account)


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_is_open_to_everybody(name: str, client: Client, db: None) -> None:
    page = client.get(f"/guides/{name}/")
    text = page.content.decode()
    assert page.status_code == 200
    assert guide_of(name).title in text
    assert ".md" not in text
    assert not client.cookies


def test_guides_know_each_other_and_no_stranger(client: Client, db: None) -> None:
    assert client.get("/guides/nothing/").status_code == 404
    assert len(guides()) == len(NAMES)
    assert 'href="/guides/production-access/"' in client.get("/guides/set-up-ses/").content.decode()


def test_the_policy_of_the_guide_is_the_one_that_is_asked_for() -> None:
    (policy,) = [part.code for part in guide_of("set-up-ses").parts if "Statement" in part.code]
    assert json.loads(policy) == permission_policy("eu-west-1", "bluefox-*")

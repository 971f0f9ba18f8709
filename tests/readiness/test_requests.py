"""Writing the request, filing it with (simulated) AWS, and following what becomes of it."""

from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from readiness.following import mail_decisions
from readiness.models import AccessDraft, ReviewStep
from sending.connection import read_quota
from sending.models import Review, SesAccount
from tenants.models import AuditEvent
from tests.cloud import REGION, TENANT, Cloud
from tests.conftest import Person

ANSWERS = {
    "website": "https://acme.example", "mail_type": "MARKETING", "about": "Bicycles, monthly.",
    "monthly_mails": "2000", "language": "EN", "contacts": "ceo@acme.example",
}  # fmt: skip


@pytest.fixture
def account(cloud: Cloud, ses_account: SesAccount) -> SesAccount:
    """Connected to the simulated AWS, in the sandbox."""
    ses_account.credentials = {"access_key_id": cloud.key_id, "secret_access_key": cloud.secret}
    ses_account.production_access = False
    ses_account.save()
    read_quota(ses_account)
    return ses_account


def url(account: SesAccount, act: str = "") -> str:
    return f"/w/acme/readiness/{account.public_id}/request/{act}"


def shown(person: Person, account: SesAccount) -> dict[str, Any]:
    """The form as the page shows it: what a browser would post."""
    form = person.client.get(url(account)).context["form"]
    return {field.html_name: field.value() or "" for field in form}


def save(person: Person, account: SesAccount, **typed: str) -> Any:
    form = shown(person, account) | ANSWERS | typed
    return person.client.post(url(account, "save/"), form)


def test_looking_at_it_keeps_nothing(alice: Person, account: SesAccount) -> None:
    page = alice.client.get(url(account)).content.decode()
    assert "People sign up" not in page
    assert "We are Acme." in page
    assert not AccessDraft.unscoped.exists()


def test_sections_left_alone_follow_the_facts(alice: Person, account: SesAccount) -> None:
    assert save(alice, account).status_code == 302
    draft = AccessDraft.unscoped.get()
    assert (draft.edits, draft.contacts) == ({}, ["ceo@acme.example"])
    assert "Bicycles, monthly." in shown(alice, account)["use_case"]
    account.tenant.name = "Acme Wheels"
    account.tenant.save()
    assert "We are Acme Wheels" in shown(alice, account)["use_case"]


def test_a_section_that_changed_meanwhile_is_not_taken_for_an_edit(
    alice: Person, account: SesAccount
) -> None:
    form = shown(alice, account) | ANSWERS
    account.tenant.name = "Acme Wheels"
    account.tenant.save()
    alice.client.post(url(account, "save/"), form)
    assert AccessDraft.unscoped.get().edits == {}


def test_what_is_rewritten_stays_until_it_is_drafted_anew(
    alice: Person, account: SesAccount
) -> None:
    save(alice, account, volumes="Few.\r\nVery few.")
    assert AccessDraft.unscoped.get().edits == {"volumes": "Few.\nVery few."}
    save(alice, account)
    assert shown(alice, account)["volumes"] == "Few.\nVery few."
    alice.client.post(url(account, "anew/"))
    assert shown(alice, account)["volumes"] == "We expect about 2,000 mails a month."
    assert shown(alice, account)["about"] == "Bicycles, monthly."


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"volumes": "x" * 5000}, "AWS takes 5,000"),
        ({"contacts": "a@b.example " * 5}, "AWS takes 4 addresses"),
        ({"contacts": "nobody"}, "nobody is not a mail address"),
        ({"about": ""}, "This field is required"),
        ({"website": "no site"}, "Enter a valid URL"),
    ],
)
def test_what_aws_would_not_take_is_said_and_nothing_is_lost(
    alice: Person, account: SesAccount, typed: dict[str, str], words: str
) -> None:
    answer = save(alice, account, sample="My own sample", **typed)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert "My own sample" in page
    assert not AccessDraft.unscoped.exists()


def test_an_owner_files_it_and_aws_gets_what_the_page_shows(
    alice: Person, account: SesAccount, cloud: Cloud
) -> None:
    save(alice, account)
    text = alice.client.get(url(account)).context["text"]
    assert alice.client.post(url(account, "file/")).status_code == 302
    details = cloud.region()["details"]
    assert details["UseCaseDescription"] == text
    assert details["AdditionalContactEmailAddresses"] == ["ceo@acme.example"]
    account.refresh_from_db()
    assert account.review_status == Review.PENDING
    kinds = list(ReviewStep.unscoped.order_by("id").values_list("kind", "by"))
    assert kinds == [("FILED", alice.user.pk), ("PENDING", None)]
    assert ReviewStep.unscoped.get(kind="FILED").text == text
    assert AuditEvent.unscoped.filter(action="access_request.filed", actor=alice.user).exists()


def test_only_owners_file(bob: Person, alice: Person, account: SesAccount, cloud: Cloud) -> None:
    save(alice, account)
    assert bob.client.post(url(account, "file/")).status_code == 403
    assert cloud.region()["details"] == {}
    assert "An owner of the workspace can file it" not in _text(alice, account)
    assert 'data-dialog="file"' not in _text(bob, account)


def _text(person: Person, account: SesAccount) -> str:
    return str(person.client.get(url(account)).content.decode())


def test_nothing_is_filed_before_it_is_saved(
    alice: Person, account: SesAccount, cloud: Cloud
) -> None:
    alice.client.post(url(account, "file/"))
    assert cloud.region()["details"] == {}
    assert "save it first" in _text(alice, account)


def test_without_the_permission_the_page_shows_what_to_add(
    alice: Person, account: SesAccount, cloud: Cloud
) -> None:
    key = cloud.key(denied=["ses:PutAccountDetails"])
    account.credentials = {"access_key_id": key.access_key, "secret_access_key": key.secret_key}
    account.save()
    save(alice, account)
    answer = alice.client.post(url(account, "file/"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "The permission ses:PutAccountDetails is missing" in page
    assert "&quot;ses:PutAccountDetails&quot;" in page
    assert "is not authorized to perform: ses:PutAccountDetails" in page
    assert not ReviewStep.unscoped.exists()


def test_a_request_that_is_open_already_is_explained(
    alice: Person, account: SesAccount, cloud: Cloud
) -> None:
    save(alice, account)
    alice.client.post(url(account, "file/"))
    answer = alice.client.post(url(account, "file/"))
    assert "still has an earlier request of this account open" in answer.content.decode()
    assert ReviewStep.unscoped.filter(kind="FILED").count() == 1


def decide(account: SesAccount, cloud: Cloud, decision: str) -> None:
    cloud.sim.decide_review(TENANT, REGION, decision)
    read_quota(SesAccount.unscoped.get(pk=account.pk))
    mail.outbox.clear()
    mail_decisions(timezone.now())


def test_a_refusal_is_mailed_once_and_an_appeal_written(
    alice: Person, bob: Person, account: SesAccount, cloud: Cloud
) -> None:
    save(alice, account)
    alice.client.post(url(account, "file/"))
    decide(account, cloud, "DENIED")
    assert {to for sent in mail.outbox for to in sent.to} == {alice.user.email, bob.user.email}
    assert mail.outbox[0].subject == "Acme: AWS has refused production access"
    assert url(account) in str(mail.outbox[0].body)
    assert mail_decisions(timezone.now()) == 0
    account.tenant.website = "https://acme.example"
    account.tenant.save()
    context = alice.client.get(url(account)).context
    case = SesAccount.unscoped.get().review_case
    assert f"(case {case})" in context["appeal"]
    assert "- You say who you are. Acme, https://acme.example" in context["appeal"]
    assert [entry["title"] for entry in context["timeline"]] == [
        "Refused by AWS",
        "AWS is looking at it",
        "Filed from here",
    ]


def test_a_grant_is_mailed_and_the_page_says_so(
    alice: Person, account: SesAccount, cloud: Cloud
) -> None:
    save(alice, account)
    alice.client.post(url(account, "file/"))
    decide(account, cloud, "GRANTED")
    assert mail.outbox[0].subject == "Acme: AWS has granted production access"
    page = _text(alice, account)
    assert "You have production access" in page
    assert "File it with AWS" not in page
    answer = alice.client.post(url(account, "file/"), follow=True)
    assert "has production access already" in answer.content.decode()


def test_a_mail_server_that_is_down_delays_the_mail(
    alice: Person, account: SesAccount, cloud: Cloud, settings: Any
) -> None:
    save(alice, account)
    alice.client.post(url(account, "file/"))
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    decide(account, cloud, "GRANTED")
    step = ReviewStep.unscoped.get(kind="GRANTED")
    assert (step.mailed_at, step.mail_tried_at is None) == (None, False)

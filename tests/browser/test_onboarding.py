"""From nothing to production access by following one page, as somebody new to AWS does it.

A real browser, a real worker with its clock, and a simulated AWS with its DNS, over HTTP.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core import mail
from playwright.sync_api import Page, expect

from simulator.client import SimulatorProcess
from tests.cloud import REGION, forget, simulator
from webhooks import certificates

__all__ = ["simulator"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

ACCOUNT = "222233334444"
DOMAIN = "bikes.example"
# A proxy with TLS stands in front of a real server, and mail programs see its address.
SITE = "https://mail.bluefox.example"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def aws(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, settings: Any, live_server: Any
) -> Iterator[SimulatorProcess]:
    """The simulated AWS, known to the site and, through the environment, to the worker."""
    simulator.client.reset()
    environment = simulator.environment() | {
        "SITE_URL": SITE,
        "AWS_WEBHOOK_ORIGIN": live_server.url,
        "AWS_SNS_ORIGIN": simulator.url,
        "DNS_SERVERS": f"127.0.0.1:{simulator.dns_port}",
        "EMAIL_URL": f"smtp://127.0.0.1:{simulator.smtp_port}",
        "DATABASE_URL": _database_url(),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.SITE_URL = SITE
    settings.AWS_WEBHOOK_ORIGIN = live_server.url
    settings.AWS_SNS_ORIGIN = simulator.url
    settings.DNS_SERVERS = [("127.0.0.1", simulator.dns_port)]
    forget()
    certificates.certificate.cache_clear()
    yield simulator
    certificates.certificate.cache_clear()
    forget()


def _database_url() -> str:
    """The test's database, as a worker names it."""
    name = configured.DATABASES["default"]["NAME"]
    before, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{before}/{name}"


@pytest.fixture
def worker(aws: SimulatorProcess, tmp_path: Path) -> Iterator[None]:
    """A worker for both queues, with the clock in it."""
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "bluefox", "worker", "-B"]
    command += ["-Q", "default,long,send", "--concurrency", "2", "-s", str(tmp_path / "beat")]
    with subprocess.Popen(command, cwd=ROOT) as process:
        yield
        process.terminate()
        process.wait(30)


class Newcomer:
    """Somebody at the browser, who reads the headings and presses what is offered."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.site = site

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)

    def press(self, name: str, within: str = "body") -> None:
        place = self.page.locator(within)
        button = place.get_by_role("button", name=name, exact=True)
        button.or_(place.get_by_role("link", name=name, exact=True)).first.click()

    def fill(self, **values: str) -> None:
        for label, value in values.items():
            self.page.get_by_label(label.replace("_", " "), exact=False).first.fill(value)

    def line(self, key: str, state: str) -> None:
        """Waits until a line of the page has this state; the page refreshes itself."""
        found = self.page.locator(f".lines > li#{key}")
        expect(found).to_have_attribute("data-state", state, timeout=30_000)

    def mend(self, key: str, button: str) -> None:
        self.press(button, within=f".lines > li#{key}")

    def to_readiness(self) -> None:
        self.press("Readiness", within="nav")
        expect(self.page.get_by_role("heading", level=1)).to_have_text("Readiness")


def sign_up(newcomer: Newcomer) -> None:
    newcomer.open("/accounts/signup/")
    newcomer.fill(Email="ann@bikes.example", Password="correct horse battery")
    newcomer.press("Make my account")
    expect(newcomer.page.get_by_role("heading", level=1)).to_have_text("Check your mail")
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[0].body))
    assert link
    newcomer.open(link[0])
    newcomer.press("Yes, confirm it")
    newcomer.fill(Email="ann@bikes.example", Password="correct horse battery")
    newcomer.press("Log in", within="main")
    newcomer.fill(Company="Bikes", Website="https://www.bikes.example")
    newcomer.page.get_by_label("Postal address").fill("1 Wheel Street\nSpringfield")
    newcomer.press("Create workspace")
    expect(newcomer.page).to_have_url(f"{newcomer.site}/w/bikes/")


def connect(newcomer: Newcomer, key: dict[str, Any]) -> None:
    newcomer.to_readiness()
    newcomer.mend("connection", "Connect Amazon SES")
    newcomer.page.get_by_label("Region").select_option(REGION)
    newcomer.page.get_by_label("Access key").check()
    newcomer.press("Show what to do in AWS")
    newcomer.page.get_by_label("Access key ID").fill(key["id"])
    newcomer.page.get_by_label("Secret access key").fill(key["secret"])
    newcomer.press("Test and connect")
    newcomer.to_readiness()
    newcomer.line("connection", "good")


def set_up_domain(newcomer: Newcomer, aws: SimulatorProcess) -> None:
    newcomer.mend("domain", "Add your domain")
    newcomer.page.locator("#id_name").fill(DOMAIN)
    newcomer.press("Add domain")
    newcomer.to_readiness()
    newcomer.mend("domain", "Look again")
    newcomer.line("domain", "bad")
    aws.client.publish(ACCOUNT, REGION, DOMAIN)
    newcomer.mend("domain", "Look again")
    newcomer.line("domain", "good")
    newcomer.line("dns", "good")


def set_up_feedback(newcomer: Newcomer) -> None:
    newcomer.mend("feedback", "Set up feedback")
    newcomer.line("feedback", "good")


def make_list_and_form(newcomer: Newcomer) -> None:
    newcomer.mend("optin", "Make a list")
    newcomer.page.get_by_label("Name").fill("News")
    newcomer.page.get_by_label("Description").fill("Bicycles and rides, once a month")
    newcomer.press("Make the list")
    expect(newcomer.page.get_by_role("heading", level=1)).to_have_text("News")
    newcomer.to_readiness()
    newcomer.line("optin", "good")
    newcomer.mend("captcha", "Make a form")
    page = newcomer.page
    page.get_by_label("Name", exact=True).fill("Website")
    page.get_by_label("Heading", exact=True).fill("News about bicycles")
    page.get_by_role("group", name="Signs up to").get_by_label("News").check()
    page.get_by_label("What people agree to").fill("I want a mail of Bikes once a month.")
    page.get_by_label("Confirmation mail comes from").fill(f"news@{DOMAIN}")
    newcomer.press("Save the form")
    expect(page.get_by_role("heading", level=1)).to_have_text("Website")
    newcomer.to_readiness()
    newcomer.line("captcha", "good")


def ask_for_access(newcomer: Newcomer, aws: SimulatorProcess) -> None:
    page = newcomer.page
    expect(page.get_by_text("Everything is in place")).to_be_visible(timeout=30_000)
    newcomer.mend("access", "Write the request")
    page.get_by_label("What you write about").fill("News about bicycles, once a month.")
    page.get_by_label("Mails a month").fill("2000")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_label("What we send")).to_have_value(re.compile("News about bicycles"))
    newcomer.press("File it with AWS")
    text = page.locator(".copy code").inner_text()
    length = len(text)
    expect(page.locator(".tally")).to_have_text(f"{length:,} of 5,000 characters")
    expect(page.get_by_role("dialog")).to_contain_text(f"this text of {length:,} characters")
    newcomer.press("File it now", within="dialog[open]")
    expect(page.get_by_text("AWS is looking at it").first).to_be_visible()
    filed = aws.client.account(ACCOUNT)["regions"][REGION]["details"]
    assert filed["WebsiteURL"] == "https://www.bikes.example"
    assert "STILL OPEN" not in filed["UseCaseDescription"]
    assert filed["UseCaseDescription"] == text
    assert f"We send from {DOMAIN}, signed with DKIM." in filed["UseCaseDescription"]
    aws.client.decide_review(ACCOUNT, REGION, "GRANTED")
    newcomer.press("Ask again")
    expect(page.get_by_text("You have production access")).to_be_visible()


def test_from_signing_up_to_production_access(
    new_page: Callable[..., Page], live_server: Any, aws: SimulatorProcess, worker: None
) -> None:
    made = aws.client.create_account(ACCOUNT, regions={REGION: {}}, verify_by_dns=True)
    (key,) = made["keys"].values()
    newcomer = Newcomer(new_page(viewport={"width": 1280, "height": 900}), live_server.url)
    sign_up(newcomer)
    connect(newcomer, key)
    set_up_domain(newcomer, aws)
    set_up_feedback(newcomer)
    make_list_and_form(newcomer)
    ask_for_access(newcomer, aws)
    newcomer.to_readiness()
    newcomer.line("access", "good")
    expect(newcomer.page.locator(".lines > li:not([data-state=good])")).to_have_count(0)
    expect(newcomer.page.locator(".stat").first).to_contain_text("100")
    told = aws.client.wait_for_mail("ann@bikes.example", seconds=90, via="smtp")
    assert told["subject"] == "Bikes: AWS has granted production access"

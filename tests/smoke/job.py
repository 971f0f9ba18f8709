"""The main job, step by step, as a marketer and their recipients do it."""

import csv
import email
import hashlib
import re
import secrets
import time
from collections.abc import Callable
from email.message import Message
from pathlib import Path

import requests

from embedded.stack import Stack
from simulator.client import SimulatorClient
from tests.smoke.site import TIMEOUT, PageError, Visitor

REGION = "eu-west-1"
DOMAIN = "acme.example"
RATE = 100  # recipients a second that the simulated account allows
# SES counts with a token bucket. Counting each sliding second, as tests/sending does, is stricter
# than SES; with all of the product on two cores it would count how they wait for each other.
QUOTA_MODE = "bucket"
PATIENCE = 120  # seconds that any step may take
PASSWORD = "correct-horse-battery-staple"
BODY = """<html><body><h1>Hello {{ contact.first_name | default: "there" }}</h1>
<p>This is what is new.</p></body></html>"""


class Job:
    """What was done and what it led to; filled step by step by run()."""

    def __init__(self, running: Stack, simulator: SimulatorClient) -> None:
        self.simulator = simulator
        self.person = Visitor(running.site_url)
        # DATABASE_URL may name a database that is in use: a run has people of its own.
        self.owner = f"owner-{secrets.token_hex(4)}@acme.example"
        self.workspace = ""
        self.aws_account = ""
        self.addresses: set[str] = set()
        self.bounced: set[str] = set()
        self.complained: set[str] = set()
        self.unsubscribed: set[str] = set()
        self.second_started_ns = 0

    def run(self, contacts: Path) -> None:
        """Everything from signing up to the end of the second campaign."""
        for step in (self.sign_up, self.connect_ses, self.set_up_feedback):
            _say(step.__doc__)
            step()
        _say("imports the contacts")
        self.import_contacts(contacts)
        _say("sends the first campaign")
        self.send_campaign("First news")
        self.wait_for_feedback()
        _say("lets some recipients unsubscribe from their mail client")
        self.unsubscribe_some(len(self.addresses) // 50)
        _say("sends the second campaign")
        self.second_started_ns = time.time_ns()
        self.send_campaign("Second news")

    def sign_up(self) -> None:
        """signs up, confirms the address, makes a workspace"""
        self.person.open("/accounts/signup/").submit("email", email=self.owner, password1=PASSWORD)
        mail = self.simulator.wait_for_mail(self.owner, via="smtp")
        link = re.search(r"https?://\S+/accounts/confirm-email/\S+", str(mail["text"]))
        if link is None:
            raise PageError(f"no confirmation link in {mail['text']!r}")
        self.person.open(link[0]).submit("confirm-email")
        if "/accounts/" in self.person.open("/").url:
            login = self.person.open("/accounts/login/")
            login.submit("login", login=self.owner, password=PASSWORD)
        self.person.open("/workspaces/new/").submit(
            "postal_address", name="Acme", postal_address="1 Acme Street\nSpringfield"
        )
        self.workspace = self.person.url.split("/w/")[1].split("/")[0]

    def connect_ses(self) -> None:
        """connects SES with an access key"""
        account = self.simulator.create_account(
            regions={
                REGION: {
                    "sandbox": False,
                    "max_send_rate": RATE,
                    "max_24_hour_send": 100_000,
                    "quota_mode": QUOTA_MODE,
                }
            },
            identities={REGION: [DOMAIN]},
            rates={"hard_bounce": 0.03, "complaint": 0.01},
        )
        self.aws_account = account["id"]
        ((key_id, key),) = account["keys"].items()
        self._open("sending/connect/").submit("region", name="Main", region=REGION, auth="key")
        self.person.submit("access_key_id", access_key_id=key_id, secret_access_key=key["secret"])

    def set_up_feedback(self) -> None:
        """sets up feedback and waits for the handshake with SNS"""
        page = self.person.url
        self.person.submit("feedback")
        self._wait("the SNS subscription", page, lambda text: "Events arrive" in text)

    def import_contacts(self, contacts: Path) -> None:
        """Uploads the file, maps its columns, waits until it is done."""
        with contacts.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        (column,) = (name for name in rows[0] if name.lower() == "email")
        self.addresses = {row[column].lower() for row in rows}
        self._open("lists/new/").submit("name", name="Newsletter")
        self._open("contacts/imports/new/")
        with contacts.open("rb") as file:
            self.person.submit("file", files={"file": (contacts.name, file, "text/csv")})
        newsletter = self.person.choice("lists", "Newsletter")
        self.person.submit("lists", lists=[newsletter], attested="on", act="start")
        self._wait("the import", self.person.url, lambda text: "See the list" in text)

    def send_campaign(self, subject: str) -> None:
        """Writes it, reviews it, sends it, waits until the last one has left."""
        self._open("campaigns/new/").submit("name", name=subject)
        newsletter = self.person.choice("lists", "Newsletter")
        self.person.submit(
            "subject",
            lists=[newsletter],
            from_name="Acme",
            from_email=f"news@{DOMAIN}",
            subject=subject,
            html=BODY,
            review="1",
        )
        self.person.submit("/send/")
        progress = self.person.url + "progress/"
        self._wait("the campaign", progress, self._is_over)

    def _is_over(self, text: str) -> bool:
        """Whether the campaign is through; one that a limit of the workspace paused goes on.

        More complain here than the limit allows, ten times as many.
        """
        over = self.person.status == 286
        if "Paused by the" in text:
            _say("resumes the campaign, which bounced or was complained of too often")
            self.person.submit("/resume/")
        return over

    def wait_for_feedback(self) -> None:
        """Waits until SES has told, and we have stored, what became of every mail."""
        for entry in self.simulator.ledger(self.aws_account):
            for address, outcome in zip(entry["recipients"], entry["outcomes"], strict=True):
                if address.endswith("@simulator.amazonses.com"):  # the self-test's
                    continue
                if outcome == "hard_bounce":
                    self.bounced.add(address.lower())
                elif outcome == "complaint":
                    self.complained.add(address.lower())
        expected = len(self.bounced | self.complained)
        self._wait(
            "the suppressions",
            self._path("suppressions/"),
            lambda text: _shown_total(text) == expected,
        )

    def unsubscribe_some(self, wanted: int) -> None:
        """Acts as the mail client of `wanted` recipients: reads the headers, posts (RFC 8058)."""
        reachable = self.addresses - self.bounced - self.complained
        chosen = sorted(reachable, key=lambda each: hashlib.sha256(each.encode()).digest())
        for address in chosen[:wanted]:
            (mail,) = self.simulator.inbox(address, via="ses")
            headers = email.message_from_bytes(self.simulator.raw(mail["id"]))
            one_click(headers)
            self.unsubscribed.add(address)

    def _path(self, page: str) -> str:
        return f"/w/{self.workspace}/{page}"

    def _open(self, page: str) -> Visitor:
        return self.person.open(self._path(page))

    def _wait(self, what: str, page: str, done: Callable[[str], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not done(self.person.open(page).text()):
            if time.monotonic() > end:
                raise PageError(f"{what} took over {PATIENCE} s: {self.person.text()[-1500:]}")
            time.sleep(0.5)


def one_click(headers: Message) -> None:
    """What a mail client does on "unsubscribe". Raises PageError unless RFC 8058 is kept."""
    links = re.findall(r"<(https?://[^>]+)>", headers["List-Unsubscribe"] or "")
    if len(links) != 1 or headers["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click":
        raise PageError(f"no one-click unsubscribe in a campaign mail: {headers.items()}")
    reply = requests.post(
        links[0],
        data={"List-Unsubscribe": "One-Click"},
        timeout=TIMEOUT,
        allow_redirects=False,
    )
    if reply.status_code != 200:
        raise PageError(f"one-click unsubscribe answered {reply.status_code}")


def _shown_total(text: str) -> int:
    found = re.search(r"([\d,]+) addresses", text)
    return int(found[1].replace(",", "")) if found else 0


def _say(what: str | None) -> None:
    print(f"smoke: {what}", flush=True)

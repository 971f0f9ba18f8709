"""The inbox page, mail by SMTP, the ledger's figures, the state between starts."""

import json
import os
import signal
import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests

from simulator.accounts import Rates
from simulator.client import SimulatorClient, SimulatorError, SimulatorProcess
from simulator.ledger import busiest_second
from tests.simulator.conftest import REGION, Cloud, mime, until

HTML = "<p>Hello <b>Ada</b></p><a href='https://u.example.com/u/1?a=1&amp;b=2'>leave</a>"


def by_smtp(process: SimulatorProcess, to: str, subject: str) -> None:
    message = EmailMessage()
    message["From"] = "Platform <platform@example.net>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content("Confirm: https://example.net/confirm/1")
    message.add_alternative(HTML + "<script>alert(1)</script>", subtype="html")
    with smtplib.SMTP("127.0.0.1", process.smtp_port) as smtp:
        smtp.send_message(message)


def test_platform_mail_stands_beside_ses_mail(cloud: Cloud) -> None:
    by_smtp(cloud.process, "both@example.org", "Grüße <b>")
    cloud.send(to="both@example.org")
    newest, older = cloud.sim.inbox("both@example.org")
    assert (newest["via"], older["via"]) == ("ses", "smtp")
    assert older["subject"] == "Grüße <b>"
    assert older["text"] == "Confirm: https://example.net/confirm/1\n"
    assert older["links"] == ["https://u.example.com/u/1?a=1&b=2"]
    assert cloud.sim.inbox("both@example.org", via="smtp")[0]["id"] == older["id"]
    assert cloud.sim.inbox("both@example.org", account=cloud.id)[0]["id"] == newest["id"]
    assert cloud.sim.wait_for_mail("BOTH@example.org")["id"] == newest["id"]
    with pytest.raises(SimulatorError, match="no mail to nobody@"):
        cloud.sim.wait_for_mail("nobody@example.org", seconds=0.1)


def test_pages(cloud: Cloud) -> None:
    by_smtp(cloud.process, "page@example.org", "Grüße <b>")
    [mail] = cloud.sim.inbox("page@example.org")
    base = cloud.process.url
    listed = requests.get(f"{base}/?to=page@example.org", timeout=5)
    assert "default-src 'none'" in listed.headers["Content-Security-Policy"]
    assert "Grüße &lt;b&gt;" in listed.text
    assert "platform" in listed.text
    assert "No mail to" in requests.get(f"{base}/?to=<nobody>", timeout=5).text
    page = f"{base}/mail/{mail['id']}"
    for tab, words in (
        ("", 'sandbox="allow-popups"'),
        ("/text", "Confirm: https://example.net/confirm/1"),
        ("/source", "&lt;script&gt;"),
        ("/headers", "Platform &lt;platform@example.net&gt;"),
        ("/events", "No events sent."),
    ):
        answer = requests.get(page + tab, timeout=5)
        assert answer.status_code == 200
        assert words in answer.text
        assert "<script>" not in answer.text
    body = requests.get(page + "/body", timeout=5)
    assert "<b>Ada</b>" in body.text
    assert "sandbox" in body.headers["Content-Security-Policy"]
    assert requests.get(f"{base}/mail/none", timeout=5).status_code == 404


def test_summary_counts_what_smoke_and_bench_need(cloud: Cloud) -> None:
    cloud.sim.set_rates(cloud.id, hard_bounce=0.5)
    ses = cloud.ses
    for number in range(12):
        tag = {"Name": "msg", "Value": f"m{number % 10}"}
        cloud.send(ses, to=f"person{number}@example.org", EmailTags=[tag])
    summary = cloud.sim.summary(cloud.id, tag="msg")
    entries = list(cloud.sim.ledger(cloud.id))
    assert summary["accepted"] == len(entries) == 12
    assert summary["distinct_recipients"] == 12
    assert (summary["tagged"], summary["duplicates"]) == (12, 2)
    assert summary["duplicated_values"] == {"m0": 2, "m1": 2}
    counted = [outcome for entry in entries for outcome in entry["outcomes"]]
    assert summary["outcomes"] == {name: counted.count(name) for name in set(counted)}
    assert set(counted) == {"delivery", "hard_bounce"}
    sends = [(entry["time_ns"], 1) for entry in entries]
    assert summary["max_recipients_in_a_second"] == busiest_second(sends)
    assert summary["bytes"] == sum(entry["size"] for entry in entries)
    later = cloud.sim.summary(cloud.id, since=entries[6]["time"])
    assert later["accepted"] == 6


def test_state_outlives_a_stop_and_a_kill(tmp_path: Path) -> None:
    first = SimulatorProcess(tmp_path / "ca", tmp_path / "data")
    with first:
        first.client.create_account(
            "123456789012",
            identities={REGION: ["example.com"]},
            roles=[{"name": "mailer", "external_id": "x"}],
            rates={"hard_bounce": 0.1},
            keys=[{"id": "AKIAKEPTKEPTKEPTKEPT", "secret": "kept"}],
        )
    certificate = first.ca_file.read_bytes()
    state = tmp_path / "data" / "simulator.json"
    assert state.stat().st_mode & 0o077 == 0
    with SimulatorProcess(tmp_path / "ca", tmp_path / "data") as second:
        account = second.client.account("123456789012")
        assert account["roles"]["mailer"]["external_id"] == "x"
        assert account["keys"]["AKIAKEPTKEPTKEPTKEPT"]["secret"] == "kept"
        assert account["rates"]["hard_bounce"] == 0.1
        assert account["regions"][REGION]["identities"]["example.com"]["status"] == "SUCCESS"
        assert second.ca_file.read_bytes() == certificate
        second.client.set_rates("123456789012", complaint=0.2)
        _saved(state)
        os.kill(second.pid, signal.SIGKILL)
    with SimulatorProcess(tmp_path / "ca", tmp_path / "data") as third:
        rates = third.client.account("123456789012")["rates"]
        assert Rates(**rates) == Rates(hard_bounce=0.1, complaint=0.2)
        made = third.client.create_account("123456789012", keep=True)
        assert "mailer" in made["roles"]


def _saved(state: Path) -> None:
    until(
        lambda: (
            json.loads(state.read_text())["accounts"]["123456789012"]["rates"]["complaint"] == 0.2
        )
    )


def test_a_broken_state_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "simulator.json").write_text('{"accounts": {"1": {"colour": "red"}}}')
    with pytest.raises(SimulatorError, match="did not start"):
        SimulatorProcess(tmp_path, tmp_path).start()


def test_admin_mistakes_are_named(sim: SimulatorClient, cloud: Cloud) -> None:
    with pytest.raises(SimulatorError, match="12 digits"):
        sim.create_account("12")
    with pytest.raises(SimulatorError, match="Account has no field colour"):
        sim.create_account("200000000009", colour="red")
    with pytest.raises(SimulatorError, match=r"Region\.max_send_rate: '14' is not of type float"):
        sim.create_account("200000000009", regions={REGION: {"max_send_rate": "14"}})
    with pytest.raises(SimulatorError, match="sandbox: 1 is not of type bool"):
        sim.set_region(cloud.id, REGION, sandbox=1)
    with pytest.raises(SimulatorError, match="unknown: speed"):
        sim.set_region(cloud.id, REGION, speed=5)
    with pytest.raises(SimulatorError, match="No account 999999999999"):
        sim.set_rates("999999999999", hard_bounce=1)
    with pytest.raises(SimulatorError, match="unknown: noise"):
        sim.settings(noise=1)
    with pytest.raises(SimulatorError, match="No such message"):
        sim.event("none", "Open")
    with pytest.raises(SimulatorError, match="404"):
        sim.raw("none")


def test_deleted_accounts_and_keys_are_gone(cloud: Cloud) -> None:
    requests.delete(f"{cloud.process.url}/_sim/accounts/{cloud.id}/keys/{cloud.key}", timeout=5)
    with pytest.raises(Exception, match="UnrecognizedClientException"):
        cloud.send(raw=mime())
    requests.delete(f"{cloud.process.url}/_sim/accounts/{cloud.id}", timeout=5)
    with pytest.raises(SimulatorError, match="No account"):
        cloud.sim.account(cloud.id)

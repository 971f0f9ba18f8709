"""Sign-ups from strangers: the form's JSON endpoint with ALTCHA, at a steady rate and flat out.

Each visitor is new: an address, a network, a connection and a solved challenge of their own. The
challenges are what the browser gets, at their real cost; that they were solved, not how long the
search took, is what the server checks, so the counter that solves one is drawn beforehand. What
the visitors cost is told too (`load_cpu_ms`): they have the same cores as the server. The
confirmation mails wait in the queue: what sending costs is measured elsewhere.
"""

import json
import os
import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from unittest import mock
from urllib.parse import urlsplit

import altcha

from bench import people, seen
from bench.cpu import Meter, server_groups
from bench.stage import Figures, Run
from bench.workers import workers
from lists import captcha
from lists.models import Captcha, Confirmation, ContactField, List, SignupForm
from lists.services.optin import SIGNUPS_PER_FORM
from preferences import stamps
from tenants.models import Tenant

_RATE = 200
_SECONDS = 15.0
_FLAT_OUT = 2_000
_WARM = 200
_THREADS = 48
_COUNTER = 150


@dataclass(frozen=True)
class Answer:
    due: float  # seconds since 1970, as `done`
    done: float
    status: int


def signups(run: Run) -> Figures:
    """Latency from the moment a visitor presses the button, CPU of a sign-up, and the most."""
    seconds = run.seconds or _SECONDS
    steady = round(_RATE * seconds)
    account = people.make_world(run.simulator, rate=_RATE)
    forms = _forms(account.tenant, (steady + _WARM + _FLAT_OUT) // SIGNUPS_PER_FORM + 1)
    stamp = {form.pk: stamps.make(form) for form in forms}
    posts = [_post(number, forms[number % len(forms)], stamp) for number in range(_WARM + steady)]
    with mock.patch.dict(os.environ, TRUSTED_PROXY_COUNT="1"), workers(0, web=True) as running:
        groups = {"web": [running.others["web"]], **server_groups()}
        _send(posts[:_WARM], rate=_RATE)
        meter, own = Meter(groups), time.process_time()
        answers = _send(posts[_WARM:], rate=_RATE)
        cpu = meter.for_each_of(steady)
        cpu["load_cpu_ms"] = round((time.process_time() - own) / steady * 1000, 3)
        more = range(_WARM + steady, _WARM + steady + _FLAT_OUT)
        posts = [_post(number, forms[number % len(forms)], stamp) for number in more]
        fastest = _send(posts, rate=None)
    took = [one.done - one.due for one in answers]
    return {
        "per_second": _RATE,
        "seconds": seconds,
        "refused": sum(one.status != 202 for one in [*answers, *fastest]),
        "confirmations_missing": _WARM + steady + _FLAT_OUT - Confirmation.unscoped.count(),
        "p50_ms": round(seen.percentile(took, 0.5) * 1000),
        "p99_ms": round(seen.percentile(took, 0.99) * 1000),
        **{name: value for name, value in cpu.items() if not name.startswith("simulator")},
        "most_per_second": round(_FLAT_OUT / (fastest[-1].done - fastest[0].due)),
    }


def _forms(tenant: Tenant, count: int) -> list[SignupForm]:
    """Open forms that ask for two names and a field, each for the same list."""
    news = List.unscoped.create(tenant=tenant, name="News")
    ContactField.unscoped.create(tenant=tenant, key="city", label="City")
    asked = [
        {"key": key, "label": key, "required": False} for key in ("first_name", "last_name", "city")
    ]
    forms = [
        SignupForm.unscoped.create(
            tenant=tenant,
            name=f"Form {number}",
            title="News",
            consent_wording="I want a mail a month. I can unsubscribe.",
            captcha=Captcha.ALTCHA,
            fields=asked,
            from_email="news@acme.example",
        )
        for number in range(count)
    ]
    for form in forms:
        form.lists.set([news])
    return forms


def _post(number: int, form: SignupForm, stamp: dict[int, str]) -> bytes:
    """The request of one visitor."""
    with mock.patch.object(captcha, "_COUNTERS", (_COUNTER,)):
        challenge = altcha.Challenge.from_dict(captcha.Altcha(form).challenge())
    solution = altcha.solve_challenge(challenge, counter_start=_COUNTER)
    assert solution is not None
    body = json.dumps(
        {
            "email": f"person{number}@signup.example",
            "first_name": f"Given{number}",
            "last_name": f"Family{number}",
            "fields": {"city": f"City {number % 1000}"},
            "captcha": altcha.Payload(challenge, solution).to_base64(),
            "stamp": stamp[form.pk],
        }
    ).encode()
    host = urlsplit(os.environ["SITE_URL"]).netloc
    network = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    head = (
        f"POST /api/v1/forms/{form.public_id}/submissions HTTP/1.1\r\nHost: {host}\r\n"
        f"X-Forwarded-For: {network}\r\nUser-Agent: Mozilla/5.0\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _send(posts: Sequence[bytes], *, rate: float | None) -> list[Answer]:
    """One connection each, at a rate whether or not earlier ones are answered; None: at once."""
    start = time.time()
    due = [start + number / rate if rate else start for number in range(len(posts))]
    with ThreadPoolExecutor(_THREADS) as threads:
        answers = list(threads.map(_ask, posts, due))
    return sorted(answers, key=lambda one: one.done)


def _ask(post: bytes, due: float) -> Answer:
    time.sleep(max(0.0, due - time.time()))
    site = urlsplit(os.environ["SITE_URL"])
    with socket.create_connection((site.hostname or "", site.port or 80), timeout=30) as to:
        to.sendall(post)
        answer = to.recv(65_536)
    return Answer(due, time.time(), int(answer.split(b" ", 2)[1]))

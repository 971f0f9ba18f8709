"""The obvious build, to compare with: one Celery task a recipient, EmailMessage, boto3.

It is a fair one: the boto3 client is made once a process, keeps its connections and never repeats
a send; 40 threads a process keep enough requests in flight; rows are read and written by key.
It has no pace, no claims, no checks before the send.
"""

import os
from email.message import EmailMessage
from functools import cache
from threading import Lock
from typing import Any

import boto3
import django
from botocore.config import Config
from celery import Celery
from django.utils import timezone

django.setup()

from bench.people import FROM, REGION, TEXT, html  # noqa: E402 (models need the set-up)
from sending.models import Message, Status  # noqa: E402

THREADS = 40
# Not the current one: that is the product's, whose tasks the other measurement sends. Without
# Celery's fixups for Django, which would open a connection to PostgreSQL for each task.
app = Celery("obvious", broker=os.environ.get("REDIS_URL", ""), set_as_current=False, fixups=[])
app.conf.update(task_ignore_result=True, task_default_queue="obvious", worker_prefetch_multiplier=4)
_HTML = html()


_creating = Lock()


@cache
def _new_client() -> Any:
    return boto3.client(
        "sesv2",
        region_name=REGION,
        aws_access_key_id=os.environ["OBVIOUS_KEY"],
        aws_secret_access_key=os.environ["OBVIOUS_SECRET"],
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=THREADS),
    )


def _ses() -> Any:
    with _creating:  # or each thread would make one at the start, at 80 ms each
        return _new_client()


@app.task
def send(message_id: int) -> None:
    """Send one message and write down that it went."""
    message = Message.unscoped.select_related("contact").get(pk=message_id)
    values = {
        "{{ contact.first_name }}": message.contact.first_name if message.contact else "",
        "{{ contact.city | default: 'your city' }}": "Springfield",
        "{{ unsubscribe_url }}": f"https://mail.bluefox.example/u/{message_id}/",
        "{{ preferences_url }}": f"https://mail.bluefox.example/p/{message_id}/",
    }
    mail = EmailMessage()
    mail["From"] = FROM
    mail["To"] = message.email
    mail["Subject"] = "News for you"
    mail["List-Unsubscribe"] = f"<{values['{{ unsubscribe_url }}']}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(_filled(TEXT, values))
    mail.add_alternative(_filled(_HTML, values), subtype="html")
    answer = _ses().send_email(
        FromEmailAddress=FROM,
        Destination={"ToAddresses": [message.email]},
        Content={"Raw": {"Data": mail.as_bytes()}},
    )
    Message.unscoped.filter(pk=message_id).update(
        status=Status.SENT, ses_message_id=answer["MessageId"], sent_at=timezone.now()
    )


def _filled(text: str, values: dict[str, str]) -> str:
    for tag, value in values.items():
        text = text.replace(tag, value)
    return text

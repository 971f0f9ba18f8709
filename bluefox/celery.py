"""The Celery application. Queue `send` carries drain tasks, `default` everything else."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bluefox.settings")

app = Celery("bluefox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Celery sets up no logging of its own once somebody listens to this: settings.LOGGING stays,
    which redacts every line."""

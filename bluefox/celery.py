"""The Celery application.

Queue `send` carries drain tasks; `long` what takes longer than a few seconds, so that nothing waits
for it; `default` everything else.
"""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_before_create_process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bluefox.settings")

app = Celery("bluefox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_logging(**_: Any) -> None:
    """Celery sets up no logging of its own once somebody listens to this: settings.LOGGING stays,
    which redacts every line."""


@worker_before_create_process.connect
def spare_collections(**_: Any) -> None:
    """Garbage collection looks at what a worker process makes, not at all that was imported.

    It took a sixth of the sender's CPU. What is frozen before the fork also stays shared memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)

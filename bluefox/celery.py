"""The Celery application. Queue `send` carries drain tasks, `default` everything else."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bluefox.settings")

app = Celery("bluefox")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

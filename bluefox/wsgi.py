"""WSGI entry point: gunicorn bluefox.wsgi"""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bluefox.settings")

application = get_wsgi_application()

# The views are read here, not by the first visitor of each worker process. Garbage collection then
# passes over all that was imported: it stopped a page for a tenth of a second now and then.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()

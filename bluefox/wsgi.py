"""WSGI entry point: gunicorn bluefox.wsgi"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bluefox.settings")

application = get_wsgi_application()

"""The composition root as a Django app: its template tags and management commands."""

from django.apps import AppConfig


class BluefoxConfig(AppConfig):
    name = "bluefox"

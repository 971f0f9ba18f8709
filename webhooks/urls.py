"""Dashboard pages of webhooks, below /w/<workspace>/."""

from django.urls import URLPattern

app_name = "webhooks"

urlpatterns: list[URLPattern] = []

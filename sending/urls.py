"""Dashboard pages of sending, below /w/<workspace>/."""

from django.urls import URLPattern

app_name = "sending"

urlpatterns: list[URLPattern] = []

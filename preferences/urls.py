"""Pages for recipients: no login, no cookie."""

from django.urls import URLPattern

app_name = "public"

urlpatterns: list[URLPattern] = []

"""Pages that come before a workspace is chosen."""

from django.urls import URLPattern

app_name = "start"

urlpatterns: list[URLPattern] = []

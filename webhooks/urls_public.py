"""Where Amazon SNS posts."""

from django.urls import URLPattern

app_name = "sns"

urlpatterns: list[URLPattern] = []

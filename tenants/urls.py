"""Dashboard pages of tenants, below /w/<workspace>/."""

from django.urls import URLPattern

app_name = "tenants"

urlpatterns: list[URLPattern] = []

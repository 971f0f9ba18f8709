"""Dashboard pages of lists, below /w/<workspace>/."""

from django.urls import URLPattern

app_name = "lists"

urlpatterns: list[URLPattern] = []

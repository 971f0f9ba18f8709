"""Pages that come before a workspace is chosen."""

from django.urls import URLPattern, path

from tenants.views import start

app_name = "start"

urlpatterns: list[URLPattern] = [
    path("", start.index, name="index"),
    path("workspaces/new/", start.new_workspace, name="new_workspace"),
]

"""The guides, for everybody."""

from django.urls import path

from readiness.views import guides

app_name = "guides"

urlpatterns = [
    path("guides/", guides.index, name="index"),
    path("guides/<slug:name>/", guides.guide, name="guide"),
]

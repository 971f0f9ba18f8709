"""The routes of the REST API, under /api/v1/. They have no slash at the end."""

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularSwaggerSplitView, SpectacularYAMLAPIView

from preferences.api import FormView, SubmissionView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("campaigns.api")),
    path("", include("lists.api")),
    path("", include("sending.api")),
    path("", include("reputation.api")),
    path("", include("readiness.api")),
    path("openapi.yaml", SpectacularYAMLAPIView.as_view(), name="openapi"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="openapi", template_name="api_docs.html"),
        name="api_docs",
    ),
    path("forms/<uuid:public_id>", FormView.as_view(), name="api_form"),
    path("forms/<uuid:public_id>/submissions", SubmissionView.as_view(), name="api_submissions"),
]

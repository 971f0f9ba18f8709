"""Every address. Dashboard pages live below /w/<workspace>/ and always know their tenant."""

from django.urls import include, path

from bluefox import api, views
from tenants import urls as tenant_pages

# The home page reads every app, so it lives here and not in tenants; its name does not.
_home = [path("", views.home, name="home"), path("under-way/", views.under_way, name="under_way")]
_operator = [
    path("", views.workers, name="workers"),
    path("now/", views.workers_now, name="workers_now"),
]

workspace_urls = [
    path("", include(([*_home, *tenant_pages.urlpatterns], "tenants"))),
    path("", include("lists.urls")),
    path("lists/", include("preferences.urls_workspace")),
    path("sending/", include("sending.urls")),
    path("domains/", include("sending.urls_domains")),
    path("campaigns/", include("campaigns.urls")),
    path("", include("webhooks.urls")),
    path("readiness/", include("readiness.urls")),
    path("reputation/", include("reputation.urls")),
]

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("", include("tenants.urls_start")),
    path("", include("preferences.urls")),
    path("", include("webhooks.urls_public")),
    path("", include("sending.urls_public")),
    path("", include("readiness.urls_public")),
    path("api/v1/", include(api.urlpatterns)),
    path("operator/", include((_operator, "operator"))),
    path("w/<slug:workspace>/", include(workspace_urls)),
]

handler400 = "bluefox.errorpages.bad_request"
handler403 = "bluefox.errorpages.forbidden"
handler404 = "bluefox.errorpages.not_found"
handler500 = "bluefox.errorpages.server_error"

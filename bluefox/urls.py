"""Every address. Dashboard pages live below /w/<workspace>/ and always know their tenant."""

from django.urls import include, path

from bluefox import api

workspace_urls = [
    path("", include("tenants.urls")),
    path("", include("lists.urls")),
    path("sending/", include("sending.urls")),
    path("campaigns/", include("campaigns.urls")),
    path("feedback/", include("webhooks.urls")),
]

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("", include("tenants.urls_start")),
    path("", include("preferences.urls")),
    path("webhooks/", include("webhooks.urls_public")),
    path("api/v1/", include(api.urlpatterns)),
    path("w/<slug:workspace>/", include(workspace_urls)),
]

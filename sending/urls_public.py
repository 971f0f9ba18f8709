"""The page for whoever runs a domain's DNS."""

from django.urls import path

from sending.views import handover

app_name = "dns"

urlpatterns = [
    path("dns/<str:token>/", handover.records, name="records"),
    path("dns/<str:token>/zone/", handover.zone, name="zone"),
]

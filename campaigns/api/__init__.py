"""Mails, campaigns and their events for developers, below /api/v1/."""

from django.urls import path

from campaigns.api.campaigns import CampaignRecipients, CampaignReport, Campaigns, CampaignView
from campaigns.api.emails import Emails, EmailView
from campaigns.api.events import Events

urlpatterns = [
    path("emails", Emails.as_view(), name="emails"),
    path("emails/<uuid:public_id>", EmailView.as_view(), name="email"),
    path("campaigns", Campaigns.as_view(), name="campaigns"),
    path("campaigns/<uuid:public_id>", CampaignView.as_view(), name="campaign"),
    path("campaigns/<uuid:public_id>/report", CampaignReport.as_view(), name="campaign_report"),
    path(
        "campaigns/<uuid:public_id>/recipients",
        CampaignRecipients.as_view(),
        name="campaign_recipients",
    ),
    path("events", Events.as_view(), name="events"),
]

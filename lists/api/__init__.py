"""Contacts for developers, below /api/v1/."""

from django.urls import path

from lists.api.bulk import ContactsBulk, ContactsBulkErrors, ContactsBulkView
from lists.api.catalogue import Fields, FieldView, Tags, TagView
from lists.api.contacts import Contacts, ContactView, SubscriptionsView, UnsubscribeView
from lists.api.lists import Lists, ListSubscriptions, ListView
from lists.api.segments import (
    SegmentContacts,
    SegmentCount,
    SegmentPreview,
    Segments,
    SegmentView,
)
from lists.api.signup_forms import Forms, FormSettings, FormStats
from lists.api.suppressions import Suppressions, SuppressionView

urlpatterns = [
    path("contacts", Contacts.as_view(), name="contacts"),
    path("contacts/bulk", ContactsBulk.as_view(), name="contacts_bulk"),
    path("contacts/bulk/<uuid:public_id>", ContactsBulkView.as_view(), name="contacts_bulk_one"),
    path(
        "contacts/bulk/<uuid:public_id>/errors",
        ContactsBulkErrors.as_view(),
        name="contacts_bulk_errors",
    ),
    path("contacts/<uuid:public_id>", ContactView.as_view(), name="contact"),
    path("contacts/<uuid:public_id>/subscriptions", SubscriptionsView.as_view(), name="places"),
    path("contacts/<uuid:public_id>/unsubscribe", UnsubscribeView.as_view(), name="leaving"),
    path("lists", Lists.as_view(), name="lists"),
    path("lists/<uuid:public_id>", ListView.as_view(), name="list"),
    path(
        "lists/<uuid:public_id>/subscriptions",
        ListSubscriptions.as_view(),
        name="list_subscriptions",
    ),
    path("fields", Fields.as_view(), name="fields"),
    path("fields/<slug:key>", FieldView.as_view(), name="field"),
    path("forms", Forms.as_view(), name="forms"),
    path("forms/<uuid:public_id>/settings", FormSettings.as_view(), name="form_settings"),
    path("forms/<uuid:public_id>/stats", FormStats.as_view(), name="form_stats"),
    path("segments", Segments.as_view(), name="segments"),
    path("segments/preview", SegmentPreview.as_view(), name="segment_preview"),
    path("segments/<uuid:public_id>", SegmentView.as_view(), name="segment"),
    path("segments/<uuid:public_id>/count", SegmentCount.as_view(), name="segment_count"),
    path("segments/<uuid:public_id>/contacts", SegmentContacts.as_view(), name="segment_contacts"),
    path("suppressions", Suppressions.as_view(), name="suppressions"),
    path("suppressions/<path:email>", SuppressionView.as_view(), name="suppression"),
    path("tags", Tags.as_view(), name="tags"),
    path("tags/<uuid:public_id>", TagView.as_view(), name="tag"),
]

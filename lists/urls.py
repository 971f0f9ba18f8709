"""Dashboard pages of lists, below /w/<workspace>/."""

from django.urls import include, path

from lists.views import bulk, contacts, erasure, exports, fields, imports, lists, suppressions, tags

app_name = "lists"

urlpatterns = [
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/new/", contacts.contact_new, name="contact_new"),
    path("contacts/<uuid:contact_id>/", contacts.contact, name="contact"),
    path("contacts/<uuid:contact_id>/edit/", contacts.contact_edit, name="contact_edit"),
    path(
        "contacts/<uuid:contact_id>/subscribe/",
        contacts.contact_subscribe,
        name="contact_subscribe",
    ),
    path(
        "contacts/<uuid:contact_id>/unsubscribe/",
        contacts.contact_unsubscribe,
        name="contact_unsubscribe",
    ),
    path("contacts/<uuid:contact_id>/tags/", contacts.contact_tags, name="contact_tags"),
    path("contacts/tags/", tags.tags, name="tags"),
    path("contacts/tags/new/", tags.tag_new, name="tag_new"),
    path("contacts/tags/<uuid:tag_id>/", tags.tag_edit, name="tag_edit"),
    path("contacts/tags/<uuid:tag_id>/delete/", tags.tag_delete, name="tag_delete"),
    path("contacts/fields/", fields.fields, name="fields"),
    path("contacts/fields/new/", fields.field_new, name="field_new"),
    path("contacts/fields/<slug:key>/", fields.field_edit, name="field_edit"),
    path("contacts/fields/<slug:key>/delete/", fields.field_delete, name="field_delete"),
    path("contacts/export/", exports.contacts_export, name="contacts_export"),
    path("contacts/<uuid:contact_id>/export/", erasure.contact_export, name="contact_export"),
    path("contacts/<uuid:contact_id>/erase/", erasure.contact_erase, name="contact_erase"),
    path("contacts/acts/", bulk.actions, name="bulk_list"),
    path("contacts/acts/new/", bulk.action_new, name="bulk_new"),
    path("contacts/acts/<uuid:action_id>/", bulk.action, name="bulk"),
    path("contacts/acts/<uuid:action_id>/progress/", bulk.action_progress, name="bulk_progress"),
    path("contacts/acts/<uuid:action_id>/cancel/", bulk.action_cancel, name="bulk_cancel"),
    path("contacts/acts/<uuid:action_id>/undo/", bulk.action_undo, name="bulk_undo"),
    path("lists/", lists.lists, name="lists"),
    path("lists/new/", lists.list_new, name="list_new"),
    path("lists/<uuid:list_id>/", lists.list_, name="list"),
    path("lists/<uuid:list_id>/edit/", lists.list_edit, name="list_edit"),
    path("lists/<uuid:list_id>/delete/", lists.list_delete, name="list_delete"),
    path("contacts/imports/", imports.imports, name="imports"),
    path("contacts/imports/new/", imports.import_new, name="import_new"),
    path("contacts/imports/<uuid:import_id>/", imports.import_, name="import"),
    path(
        "contacts/imports/<uuid:import_id>/read/",
        imports.import_read,
        name="import_read",
    ),
    path("contacts/imports/<uuid:import_id>/start/", imports.import_start, name="import_start"),
    path(
        "contacts/imports/<uuid:import_id>/progress/",
        imports.import_progress,
        name="import_progress",
    ),
    path(
        "contacts/imports/<uuid:import_id>/confirm/",
        imports.import_confirm,
        name="import_confirm",
    ),
    path("contacts/imports/<uuid:import_id>/undo/", imports.import_undo, name="import_undo"),
    path("contacts/imports/<uuid:import_id>/cancel/", imports.import_cancel, name="import_cancel"),
    path("contacts/imports/<uuid:import_id>/report/", imports.import_report, name="import_report"),
    path("", include("lists.urls_forms")),
    path("suppressions/", suppressions.suppressions, name="suppressions"),
    path("suppressions/new/", suppressions.suppression_new, name="suppression_new"),
    path("suppressions/remove/", suppressions.suppression_remove, name="suppression_remove"),
    path("suppressions/export/", exports.suppressions_export, name="suppressions_export"),
]

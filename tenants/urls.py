"""Dashboard pages of tenants, below /w/<workspace>/. `tenants:home` is in bluefox/urls.py."""

from django.urls import URLPattern, path

from tenants.views import developers, settings

urlpatterns: list[URLPattern] = [
    path("settings/", settings.settings, name="settings"),
    path("settings/save/", settings.save_settings, name="save_settings"),
    path("settings/look/", settings.look, name="look"),
    path("settings/look/save/", settings.save_look, name="save_look"),
    path("settings/limits/", settings.limits, name="limits"),
    path("settings/limits/save/", settings.save_limits, name="save_limits"),
    path("settings/members/", settings.members, name="members"),
    path("settings/members/leave/", settings.leave, name="leave"),
    path("settings/members/<uuid:member_id>/role/", settings.set_role, name="set_role"),
    path("settings/members/<uuid:member_id>/remove/", settings.remove, name="remove_member"),
    path("settings/audit/", settings.audit, name="audit"),
    path("developers/", developers.developers, name="developers"),
    path("developers/keys/new/", developers.new_key, name="new_key"),
    path("developers/keys/<slug:key_id>/revoke/", developers.revoke, name="revoke_key"),
]

"""Dashboard pages of sending, below /w/<workspace>/sending/."""

from django.urls import path

from sending.views import accounts, feedback, identities, mirror

app_name = "sending"

urlpatterns = [
    path("", accounts.index, name="index"),
    path("suppressions/", mirror.mirror, name="mirror"),
    path("suppressions/state/", mirror.mirror_state, name="mirror_state"),
    path("suppressions/again/", mirror.mirror_again, name="mirror_again"),
    path("connect/", accounts.connect, name="connect"),
    path("<uuid:public_id>/", accounts.account, name="account"),
    path("<uuid:public_id>/access/", accounts.access, name="access"),
    path("<uuid:public_id>/test/", accounts.test, name="test"),
    path("<uuid:public_id>/feedback/", feedback.set_up_feedback, name="set_up_feedback"),
    path("<uuid:public_id>/feedback/own/", feedback.own_topic, name="own_topic"),
    path("<uuid:public_id>/feedback/own/state/", feedback.own_topic_state, name="own_topic_state"),
    path("<uuid:public_id>/stack/", accounts.stack, name="stack"),
    path("<uuid:public_id>/permissions/", feedback.look_at_permissions, name="look_at_permissions"),
    path(
        "<uuid:public_id>/permissions/state/", feedback.permissions_state, name="permissions_state"
    ),
    path("<uuid:public_id>/self-test/", feedback.self_test, name="self_test"),
    path("<uuid:public_id>/self-test/state/", feedback.self_test_state, name="self_test_state"),
    path("<uuid:public_id>/feedback/state/", feedback.feedback_state, name="feedback_state"),
    path("<uuid:public_id>/identities/", identities.add_identity, name="add_identity"),
    path(
        "<uuid:public_id>/identities/<uuid:identity_id>/check/",
        identities.check_identity,
        name="check_identity",
    ),
    path("<uuid:public_id>/disconnect/", accounts.disconnect, name="disconnect"),
]

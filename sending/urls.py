"""Dashboard pages of sending, below /w/<workspace>/sending/."""

from django.urls import path

from sending import views

app_name = "sending"

urlpatterns = [
    path("", views.index, name="index"),
    path("connect/", views.connect, name="connect"),
    path("<uuid:public_id>/", views.account, name="account"),
    path("<uuid:public_id>/access/", views.access, name="access"),
    path("<uuid:public_id>/test/", views.test, name="test"),
    path("<uuid:public_id>/feedback/", views.set_up_feedback, name="set_up_feedback"),
    path("<uuid:public_id>/feedback/state/", views.feedback_state, name="feedback_state"),
    path("<uuid:public_id>/identities/", views.add_identity, name="add_identity"),
    path(
        "<uuid:public_id>/identities/<uuid:identity_id>/check/",
        views.check_identity,
        name="check_identity",
    ),
    path("<uuid:public_id>/disconnect/", views.disconnect, name="disconnect"),
]

"""Dashboard pages of campaigns, below /w/<workspace>/campaigns/."""

from django.urls import path

from campaigns import views

app_name = "campaigns"

urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("<uuid:public_id>/edit/", views.edit, name="edit"),
    path("<uuid:public_id>/review/", views.review, name="review"),
    path("<uuid:public_id>/preview/", views.preview, name="preview"),
    path("<uuid:public_id>/test/", views.send_test, name="test"),
    path("<uuid:public_id>/send/", views.send, name="send"),
    path("<uuid:public_id>/delete/", views.delete, name="delete"),
    path("<uuid:public_id>/pause/", views.brake, {"act": "pause"}, name="pause"),
    path("<uuid:public_id>/resume/", views.brake, {"act": "resume"}, name="resume"),
    path("<uuid:public_id>/cancel/", views.brake, {"act": "cancel"}, name="cancel"),
    path("<uuid:public_id>/resend-unknown/", views.resend_unknown, name="resend_unknown"),
    path("<uuid:public_id>/", views.report, name="report"),
    path("<uuid:public_id>/progress/", views.report_progress, name="progress"),
]

"""Dashboard pages of campaigns, below /w/<workspace>/campaigns/."""

from django.urls import path

from campaigns.views import leaving, planning, reports, writing

app_name = "campaigns"

urlpatterns = [
    path("", reports.index, name="index"),
    path("new/", writing.new, name="new"),
    path("<uuid:public_id>/edit/", writing.edit, name="edit"),
    path("<uuid:public_id>/review/", planning.review, name="review"),
    path("<uuid:public_id>/preview/", writing.preview, name="preview"),
    path("<uuid:public_id>/test/", writing.send_test, name="test"),
    path("<uuid:public_id>/send/", leaving.send, name="send"),
    path("<uuid:public_id>/schedule/", planning.schedule, name="schedule"),
    path("<uuid:public_id>/unschedule/", planning.unschedule, name="unschedule"),
    path("<uuid:public_id>/delete/", writing.delete, name="delete"),
    path("<uuid:public_id>/pause/", leaving.brake, {"act": "pause"}, name="pause"),
    path("<uuid:public_id>/resume/", leaving.brake, {"act": "resume"}, name="resume"),
    path("<uuid:public_id>/cancel/", leaving.brake, {"act": "cancel"}, name="cancel"),
    path("<uuid:public_id>/resend-unknown/", leaving.resend_unknown, name="resend_unknown"),
    path("<uuid:public_id>/", reports.report, name="report"),
    path("<uuid:public_id>/progress/", reports.report_progress, name="progress"),
]

"""Pages of readiness, below /w/<workspace>/readiness/."""

from django.urls import path

from readiness.views import lines, reports, requests

app_name = "readiness"

urlpatterns = [
    path("", lines.index, name="index"),
    path("state/", lines.state, name="state"),
    path("mend/optin/", lines.mend_optin, name="mend_optin"),
    path("mend/captcha/", lines.mend_captcha, name="mend_captcha"),
    path("reports/", reports.index, name="reports"),
    path("reports/<uuid:public_id>/", reports.report, name="report"),
    path("<uuid:public_id>/mend/<slug:key>/", lines.mend, name="mend"),
    path("<uuid:public_id>/request/", requests.request_, name="request"),
    path("<uuid:public_id>/request/save/", requests.save, name="save"),
    path("<uuid:public_id>/request/anew/", requests.draft_anew, name="draft_anew"),
    path("<uuid:public_id>/request/file/", requests.file, name="file"),
    path("<uuid:public_id>/request/follow/", requests.follow, name="follow"),
]

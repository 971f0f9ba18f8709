"""Dashboard pages of domains, below /w/<workspace>/domains/."""

from django.urls import path

from sending.views import domains

app_name = "domains"

urlpatterns = [
    path("", domains.index, name="index"),
    path("new/", domains.new, name="new"),
    path("<uuid:public_id>/", domains.domain, name="domain"),
    path("<uuid:public_id>/check/", domains.check, name="check"),
    path("<uuid:public_id>/mail-from/", domains.mail_from, name="mail_from"),
    path("<uuid:public_id>/start-again/", domains.start_again, name="start_again"),
    path("<uuid:public_id>/link/", domains.open_link, name="open_link"),
    path("<uuid:public_id>/link/close/", domains.close_link, name="close_link"),
    path("<uuid:public_id>/zone/", domains.zone, name="zone"),
]

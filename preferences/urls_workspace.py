"""Dashboard pages of what recipients get, below /w/<workspace>/lists/."""

from django.urls import path

from preferences.views import mail

app_name = "confirmations"

urlpatterns = [
    path("<uuid:list_id>/mail/", mail.mail, name="mail"),
    path("<uuid:list_id>/mail/preview/", mail.preview, name="preview"),
    path("<uuid:list_id>/mail/test/", mail.test, name="test"),
]

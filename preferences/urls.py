"""Pages for recipients: no login, no cookie. The addresses in mails are answered as printed."""

from django.urls import path, re_path

from preferences.views.confirm import confirm
from preferences.views.look import colour, logo
from preferences.views.pages import too_long
from preferences.views.preferences import preferences
from preferences.views.signup import challenge, embed, no_form, signup
from preferences.views.unsubscribe import unsubscribe

app_name = "public"

urlpatterns = [
    path("u/<str:token>/", unsubscribe, name="unsubscribe"),
    path("u/<str:token>", unsubscribe),  # a mail program may lose the slash, and follows nothing
    path("p/<str:token>/", preferences, name="preferences"),
    path("c/<str:token>/", confirm, name="confirm"),
    path("f/<uuid:public_id>/", signup, name="form"),
    path("f/<uuid:public_id>/challenge/", challenge, name="challenge"),
    path("f/<uuid:public_id>/embed.js", embed, name="embed"),
    # More behind a link than belongs there. Not what lacks its last slash alone: that is led on.
    re_path(r"^[upc]/[^/]+/.", too_long),
    re_path(r"^f/[^/]+/(?!challenge$)", no_form),
    path("look/<str:value>.css", colour, name="colour"),
    path("look/<uuid:tenant_id>/<slug:digest>", logo, name="logo"),
]

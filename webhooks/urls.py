"""Dashboard pages of webhooks, below /w/<workspace>/feedback/."""

from django.urls import path

from webhooks import views

app_name = "webhooks"

urlpatterns = [
    path("", views.index, name="index"),
    path("accounts/<uuid:public_id>/fetch/", views.fetch, name="fetch"),
    path("digests/<uuid:public_id>/remove/", views.remove, name="remove"),
]

"""Dashboard pages of webhooks, below /w/<workspace>/feedback/."""

from django.urls import path

from webhooks import views

app_name = "webhooks"

urlpatterns = [
    path("", views.index, name="index"),
    path("accounts/<uuid:public_id>/fetch/", views.fetch, name="fetch"),
    path("remove/", views.remove_all, name="remove_all"),
    path("alerts/", views.alerts, name="alerts"),
    path("alerts/mine/", views.save_my_alerts, name="save_my_alerts"),
    path("alerts/workspace/", views.save_alerts, name="save_alerts"),
    path("digests/<uuid:public_id>/remove/", views.remove, name="remove"),
]

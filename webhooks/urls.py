"""Dashboard pages of webhooks, below /w/<workspace>/."""

from django.urls import path

from webhooks import views

app_name = "webhooks"

urlpatterns = [
    path("feedback/", views.index, name="index"),
    path("feedback/accounts/<uuid:public_id>/fetch/", views.fetch, name="fetch"),
    path("feedback/remove/", views.remove_all, name="remove_all"),
    path("settings/alerts/", views.alerts, name="alerts"),
    path("settings/alerts/mine/", views.save_my_alerts, name="save_my_alerts"),
    path("settings/alerts/workspace/", views.save_alerts, name="save_alerts"),
    path("feedback/digests/<uuid:public_id>/remove/", views.remove, name="remove"),
]

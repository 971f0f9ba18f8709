"""Where Amazon SNS posts, and the page behind the button of an alert mail."""

from django.urls import path

from webhooks import views

app_name = "sns"

urlpatterns = [
    path("webhooks/sns/<str:token>/", views.receive_sns, name="receive"),
    path("remove/<str:token>/", views.remove_by_link, name="remove"),
]

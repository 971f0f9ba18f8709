from django.urls import path

from reputation import views

app_name = "reputation"
urlpatterns = [
    path("", views.index, name="index"),
    path("figures.csv", views.report, name="report"),
]

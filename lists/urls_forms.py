"""Dashboard pages of sign-up forms; part of lists.urls."""

from django.urls import path

from lists.views import signup_forms

urlpatterns = [
    path("forms/", signup_forms.forms, name="forms"),
    path("forms/new/", signup_forms.new_form, name="form_new"),
    path("forms/<uuid:public_id>/", signup_forms.form, name="form"),
    path("forms/<uuid:public_id>/edit/", signup_forms.edit_form, name="form_edit"),
    path("forms/<uuid:public_id>/switch/", signup_forms.switch, name="form_switch"),
]

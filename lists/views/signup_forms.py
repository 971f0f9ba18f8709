"""Dashboard pages of sign-up forms."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.forms.signup_forms import SignupFormForm
from lists.models import List, SignupForm
from lists.selectors.signup_forms import forms_of
from lists.services.signup_forms import save_form, switch_form
from lists.signals import signup_form_checked
from tenants.permissions import requires


@require_safe
@requires("view")
def forms(request: Any) -> HttpResponse:
    return render(request, "lists/form_list.html", {"forms": forms_of(request.tenant)})


@require_safe
@requires("view")
def form(request: Any, public_id: UUID) -> HttpResponse:
    """How to use the form, and what came of it."""
    found = get_object_or_404(forms_of(request.tenant), public_id=public_id)
    hosted = settings.SITE_URL + reverse("public:form", args=[found.public_id])
    problems = [answer for _, answer in signup_form_checked.send(SignupForm, form=found) if answer]
    context = {
        "form": found,
        "hosted": hosted,
        "embed": render_to_string("lists/form_embed.html", {"form": found, "hosted": hosted}),
        "problems": problems,
    }
    return render(request, "lists/form_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("forms.edit")
def new_form(request: Any) -> HttpResponse:
    if not List.objects.for_tenant(request.tenant).exists():
        return render(request, "lists/form_needs_list.html")
    return _edit(request, SignupForm(tenant=request.tenant))


@require_http_methods(["GET", "HEAD", "POST"])
@requires("forms.edit")
def edit_form(request: Any, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(SignupForm.objects.for_tenant(request.tenant), public_id=public_id)
    return _edit(request, found)


def _edit(request: Any, signup_form: SignupForm) -> HttpResponse:
    name = signup_form.name
    edit = SignupFormForm(request.POST or None, instance=signup_form, tenant=request.tenant)
    if edit.is_valid():
        saved = save_form(
            form=edit.changed(),
            lists=edit.cleaned_data["lists"],
            actor=request.user,
            request=request,
        )
        messages.success(request, f"{saved.name} is saved")
        return redirect("lists:form", request.tenant.slug, saved.public_id)
    context = {"edit": edit, "name": name, "public_id": signup_form.public_id if name else None}
    status = 422 if edit.is_bound else 200
    return render(request, "lists/form_edit.html", context, status=status)


@require_POST
@requires("forms.edit")
def switch(request: Any, public_id: UUID) -> HttpResponse:
    """Opens the form with on=1, closes it with on=0."""
    found = get_object_or_404(SignupForm.objects.for_tenant(request.tenant), public_id=public_id)
    on = request.POST.get("on") == "1"
    switch_form(form=found, on=on, actor=request.user, request=request)
    messages.success(request, f"{found.name} is {'open' if on else 'closed'}")
    return redirect("lists:form", request.tenant.slug, found.public_id)

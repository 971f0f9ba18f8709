"""The fields of contacts: which there are, a new one, another name."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from lists.errors import FieldTaken
from lists.forms.fields import NewFieldForm, RenameFieldForm
from lists.models import ContactField, FieldKind
from lists.selectors.fields import fields_of
from lists.services.fields import create_field, rename_field
from lists.views.posted import posted
from tenants.permissions import requires


@require_safe
@requires("view")
def fields(request: Any) -> HttpResponse:
    return render(request, "lists/fields.html", {"rows": fields_of(request.tenant)})


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def field_new(request: Any) -> HttpResponse:
    form = NewFieldForm(posted(request))
    if form.is_valid():
        try:
            made = create_field(
                tenant=request.tenant,
                label=form.cleaned_data["label"],
                kind=FieldKind(form.cleaned_data["kind"]),
                actor=request.user,
                request=request,
            )
        except FieldTaken as error:
            form.add_error("label", error.message)
        else:
            messages.success(request, f"{made.label} is a field of every contact now")
            return redirect("lists:fields", request.tenant.slug)
    status = 422 if form.is_bound else 200
    return render(request, "lists/field_edit.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def field_edit(request: Any, key: str) -> HttpResponse:
    field = get_object_or_404(ContactField.objects.for_tenant(request.tenant), key=key)
    form = RenameFieldForm(posted(request), instance=field)
    if form.is_valid():
        renamed = rename_field(
            field=field, label=form.cleaned_data["label"], actor=request.user, request=request
        )
        messages.success(request, f"{renamed.label} is saved")
        return redirect("lists:fields", request.tenant.slug)
    status = 422 if form.is_bound else 200
    context = {"form": form, "field": field}
    return render(request, "lists/field_edit.html", context, status=status)

"""The fields of contacts: which there are, a new one, another name, none any more."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import FieldTaken, InUse
from lists.forms.fields import NewFieldForm, RenameFieldForm
from lists.models import Contact, ContactField, FieldKind
from lists.paging import count_up_to
from lists.selectors.fields import fields_of
from lists.selectors.usage import uses_of
from lists.services.fields import create_field, delete_field, rename_field
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
    context = {"form": form, "field": field, "uses": uses_of(field), **_having(request, field)}
    return render(request, "lists/field_edit.html", context, status=status)


def _having(request: Any, field: ContactField) -> dict[str, Any]:
    """How many contacts have a value of it, as far as that is counted."""
    rows = Contact.objects.for_tenant(request.tenant).filter(fields__has_key=field.key)
    return {"having": count_up_to(rows)}


@require_POST
@requires("contacts.edit")
def field_delete(request: Any, key: str) -> HttpResponse:
    """Where the key is typed as `confirmation`."""
    field = get_object_or_404(ContactField.objects.for_tenant(request.tenant), key=key)
    if request.POST.get("confirmation", "").strip() != field.key:
        messages.error(request, f"Type {field.key} to delete the field")
        return redirect("lists:field_edit", request.tenant.slug, field.key)
    try:
        action = delete_field(field=field, actor=request.user, request=request)
    except InUse as error:
        messages.error(request, error.message)
        return redirect("lists:field_edit", request.tenant.slug, field.key)
    if action is None:
        messages.success(request, f"{field.label} is deleted")
        return redirect("lists:fields", request.tenant.slug)
    return redirect("lists:bulk", request.tenant.slug, action.public_id)

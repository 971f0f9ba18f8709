"""Tags: which there are and who has them, a new one, another name, none any more."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import InUse, TagRefused
from lists.forms.tags import TagForm
from lists.models import Tag
from lists.selectors.tags import tags_with_counts
from lists.selectors.usage import uses_of
from lists.services.tags import delete_tag, save_tag
from lists.views.posted import posted
from tenants.permissions import requires


@require_safe
@requires("view")
def tags(request: Any) -> HttpResponse:
    return render(request, "lists/tags.html", {"rows": tags_with_counts(request.tenant)})


def _tag(request: Any, tag_id: UUID) -> Tag:
    tag: Tag = get_object_or_404(Tag.objects.for_tenant(request.tenant), public_id=tag_id)
    return tag


def _save(request: Any, tag: Tag | None) -> HttpResponse:
    form = TagForm(posted(request), initial={"name": tag.name if tag else ""})
    if form.is_valid():
        try:
            saved = save_tag(
                tenant=request.tenant,
                name=form.cleaned_data["name"],
                tag=tag,
                actor=request.user,
                request=request,
            )
        except TagRefused as error:
            form.add_error(error.param, error.message)
        else:
            messages.success(request, f"{saved.name} is saved")
            return redirect("lists:tags", request.tenant.slug)
    status = 422 if form.is_bound else 200
    context: dict[str, Any] = {"form": form, "tag": tag}
    if tag is not None:
        context |= {"contacts": tag.tagged.count(), "uses": uses_of(tag)}
    return render(request, "lists/tag_edit.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def tag_new(request: Any) -> HttpResponse:
    return _save(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def tag_edit(request: Any, tag_id: UUID) -> HttpResponse:
    return _save(request, _tag(request, tag_id))


@require_POST
@requires("contacts.edit")
def tag_delete(request: Any, tag_id: UUID) -> HttpResponse:
    tag = _tag(request, tag_id)
    try:
        taken = delete_tag(tag=tag, actor=request.user, request=request)
    except InUse as error:
        messages.error(request, error.message)
        return redirect("lists:tags", request.tenant.slug)
    messages.success(request, f"{tag.name} is deleted; {taken:,} had it")
    return redirect("lists:tags", request.tenant.slug)

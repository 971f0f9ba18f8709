"""Pages of segments: all of them, one, its builder."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.errors import InUse, SegmentNameTaken, SegmentRefused
from lists.forms.segments import Builder, SegmentForm
from lists.models import Segment
from lists.segments.language import Definition
from lists.segments.reading import parse
from lists.selectors.contacts import add_states
from lists.selectors.segments import Preview, count, preview, segments_of, uses_of
from lists.services.segments import delete_segment, duplicate_segment, save_segment
from lists.views.posted import posted
from tenants.errors import BluefoxError
from tenants.permissions import requires


@require_safe
@requires("view")
def segments(request: Any) -> HttpResponse:
    rows = [(one, uses_of(one.segment)) for one in segments_of(request.tenant)]
    return render(request, "lists/segments.html", {"rows": rows})


def _segment(request: Any, segment_id: UUID) -> Segment:
    owned = Segment.objects.for_tenant(request.tenant).select_related("tenant")
    segment: Segment = get_object_or_404(owned, public_id=segment_id)
    return segment


@require_safe
@requires("view")
def segment(request: Any, segment_id: UUID) -> HttpResponse:
    one = _segment(request, segment_id)
    context = {
        "segment": one,
        "preview": _preview(request, parse(one.definition)),
        "users": uses_of(one),
    }
    return render(request, "lists/segment.html", context)


@require_safe
@requires("view")
def segment_count(request: Any, segment_id: UUID) -> HttpResponse:
    """The number alone, for the list of segments, where each is counted by itself."""
    found = count(request.tenant, parse(_segment(request, segment_id).definition))
    return HttpResponse(f"{found:,}")


def _preview(request: Any, definition: Definition) -> Preview:
    shown = preview(request.tenant, definition)
    add_states(request.tenant, shown.sample)
    return shown


@require_POST
@requires("contacts.edit")
def segment_preview(request: Any) -> HttpResponse:
    """What the builder's conditions come to, before anything is saved."""
    builder = Builder.of_post(request.tenant, request.POST)
    return render(request, "lists/_segment_preview.html", _shown(request, builder))


def _shown(request: Any, builder: Builder) -> dict[str, Any]:
    try:
        return {"preview": _preview(request, parse(builder.document()))}
    except SegmentRefused as refused:
        return {"refused": refused.message}


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def segment_new(request: Any) -> HttpResponse:
    return _build(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def segment_edit(request: Any, segment_id: UUID) -> HttpResponse:
    return _build(request, _segment(request, segment_id))


def _build(request: Any, segment: Segment | None) -> HttpResponse:
    """The builder. A button that adds or removes posts it too, with what is to change; then it
    comes back with that done, and nothing is saved.
    """
    if request.method != "POST":
        builder = (
            Builder.of_definition(request.tenant, parse(segment.definition))
            if segment
            else Builder(request.tenant)
        )
        return _builder_page(request, segment, SegmentForm(instance=segment), builder)
    builder = Builder.of_post(request.tenant, request.POST)
    if change := request.POST.get("change"):
        builder.change(change)
        form = SegmentForm(initial={"name": request.POST.get("name", "")[:120]})
        return _builder_page(request, segment, form, builder)
    return _save(request, segment, SegmentForm(posted(request)), builder)


def _save(
    request: Any, segment: Segment | None, form: SegmentForm, builder: Builder
) -> HttpResponse:
    definition = None
    try:
        definition = parse(builder.document())
    except SegmentRefused as refused:
        builder.mark(refused.problems)
    if form.is_valid() and definition is not None:
        try:
            saved = save_segment(
                tenant=request.tenant,
                name=form.cleaned_data["name"],
                definition=definition,
                segment=segment,
                actor=request.user,
                request=request,
            )
        except SegmentRefused as refused:
            builder.mark(refused.problems)
        except SegmentNameTaken as error:
            form.add_error("name", error.message)
        else:
            messages.success(request, f"{saved.name} is saved")
            return redirect("lists:segment", request.tenant.slug, saved.public_id)
    return _builder_page(request, segment, form, builder, status=422)


def _builder_page(
    request: Any, segment: Segment | None, form: SegmentForm, builder: Builder, *, status: int = 200
) -> HttpResponse:
    context = {"segment": segment, "form": form, "builder": builder}
    # htmx takes only the builder of the page, and asks for the count by itself.
    if not request.htmx:
        context |= _shown(request, builder)
    return render(request, "lists/segment_edit.html", context, status=status)


@require_POST
@requires("contacts.edit")
def segment_duplicate(request: Any, segment_id: UUID) -> HttpResponse:
    one = _segment(request, segment_id)
    try:
        copy = duplicate_segment(segment=one, actor=request.user, request=request)
    except BluefoxError as error:
        messages.error(request, error.message)
        return redirect("lists:segment", request.tenant.slug, one.public_id)
    messages.success(request, f"{copy.name} is made")
    return redirect("lists:segment_edit", request.tenant.slug, copy.public_id)


@require_POST
@requires("contacts.edit")
def segment_delete(request: Any, segment_id: UUID) -> HttpResponse:
    one = _segment(request, segment_id)
    try:
        delete_segment(segment=one, actor=request.user, request=request)
    except InUse as error:
        messages.error(request, error.message)
        return redirect("lists:segment", request.tenant.slug, one.public_id)
    messages.success(request, f"{one.name} is deleted")
    return redirect("lists:segments", request.tenant.slug)

"""The import wizard: upload, say what the columns are, check, watch, see what came of it, undo."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.consent_columns import in_plain_words
from lists.errors import FileRefused, ImportRefused, ImportStarted, TagRefused
from lists.forms.imports import MappingForm, ReadingForm, StartForm, UploadForm
from lists.mapping import in_words
from lists.models import Import, ImportStatus, List
from lists.paging import keyset
from lists.recognising import PRODUCTS
from lists.selectors.fields import fields_of
from lists.services import imports as services
from lists.views.pace import pace_of
from lists.views.posted import posted
from tenants.errors import BluefoxError
from tenants.permissions import allows, requires

_GOING = (ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.UNDOING)


@require_safe
@requires("view")
def imports(request: Any) -> HttpResponse:
    page = keyset(
        Import.objects.for_tenant(request.tenant).select_related("created_by"),
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    return render(request, "lists/imports.html", {"page": page})


def _proposed_lists(request: Any) -> list[List]:
    """The list whose page led here; the only one, where there is but one."""
    lists = list(List.objects.for_tenant(request.tenant)[:1000])
    chosen = request.GET.get("list", "")
    return [one for one in lists if str(one.public_id) == chosen] or (
        lists if len(lists) == 1 else []
    )


@require_http_methods(["GET", "HEAD", "POST"])
@requires("contacts.edit")
def import_new(request: Any) -> HttpResponse:
    form = UploadForm(posted(request), request.FILES or None)
    if form.is_valid():
        try:
            import_ = services.upload(
                tenant=request.tenant,
                file=form.cleaned_data["file"],
                actor=request.user,
                lists=_proposed_lists(request),
            )
        except FileRefused as error:
            form.add_error("file", error.message)
        else:
            return _page_of(request, import_)
    status = 422 if form.is_bound else 200
    return render(request, "lists/import_new.html", {"form": form}, status=status)


def _import(request: Any, import_id: UUID) -> Import:
    owned = Import.objects.for_tenant(request.tenant).select_related("created_by", "tenant")
    import_: Import = get_object_or_404(owned, public_id=import_id)
    return import_


def _page_of(request: Any, import_: Import) -> HttpResponse:
    return redirect("lists:import", request.tenant.slug, import_.public_id)


def _mapping_page(
    request: Any, import_: Import, form: MappingForm | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "import": import_,
        "form": form or MappingForm(import_=import_),
        "reading": ReadingForm(import_=import_),
        "product": PRODUCTS.get(import_.product),
    }
    return render(request, "lists/import_mapping.html", context, status=status)


@require_safe
@requires("view")
def import_(request: Any, import_id: UUID) -> HttpResponse:
    """Whichever page the import's state asks for."""
    import_ = _import(request, import_id)
    if import_.status == ImportStatus.UPLOADED and allows(request.membership, "contacts.edit"):
        return _mapping_page(request, import_)
    return _state_page(request, import_)


def _state_page(
    request: Any, import_: Import, form: StartForm | None = None, status: int = 200
) -> HttpResponse:
    labels = dict(fields_of(request.tenant).values_list("key", "label"))
    context = {
        "import": import_,
        "form": form or StartForm(),
        "lists": import_.lists.order_by("name"),
        "tags": import_.tags.order_by("name"),
        "becomes": [
            (column, in_words(target, labels), in_plain_words(column) if target == "status" else "")
            for column in import_.columns
            for target in [import_.mapping.get(column, "")]
        ],
        "going": import_.status in _GOING,
        "pace": pace_of(import_.rows, import_.rows_total, import_.started_at),
        "can_be_undone": services.can_be_undone(import_),
    }
    return render(request, "lists/import.html", context, status=status)


@require_safe
@requires("view")
def import_progress(request: Any, import_id: UUID) -> HttpResponse:
    import_ = _import(request, import_id)
    if import_.status not in _GOING:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {
        "import": import_,
        "going": True,
        "pace": pace_of(import_.rows, import_.rows_total, import_.started_at),
    }
    return render(request, "lists/_import_progress.html", context)


@require_POST
@requires("contacts.edit")
def import_read(request: Any, import_id: UUID) -> HttpResponse:
    """Reads the file another way: encoding, delimiter or sheet."""
    import_ = _import(request, import_id)
    if import_.status != ImportStatus.UPLOADED:
        raise Http404("the columns have been chosen")
    try:
        services.read_again(
            import_=import_,
            encoding=request.POST.get("encoding", ""),
            delimiter=request.POST.get("delimiter", ""),
            sheet=request.POST.get("sheet", ""),
        )
    except FileRefused as error:
        messages.error(request, error.message)
    return _page_of(request, import_)


@require_POST
@requires("contacts.edit")
def import_start(request: Any, import_id: UUID) -> HttpResponse:
    """From the columns to a check, or to the import itself."""
    import_ = _import(request, import_id)
    form = MappingForm(request.POST, import_=import_)
    if form.is_valid():
        try:
            if request.POST.get("act") == "start":
                services.start(
                    import_=import_, choices=form.choices(), actor=request.user, request=request
                )
            else:
                services.check(import_=import_, choices=form.choices())
        except ImportStarted as error:
            messages.info(request, error.message)
            return _page_of(request, import_)
        except ImportRefused as error:
            form.add_error(None, error.message)
        except TagRefused as error:
            form.add_error("new_tags", error.message)
        except BluefoxError as error:
            form.add_error("new_list", error.message)
        else:
            return _page_of(request, import_)
    return _mapping_page(request, import_, form, status=422)


@require_POST
@requires("contacts.edit")
def import_confirm(request: Any, import_id: UUID) -> HttpResponse:
    """From the counts of a check to the import, or back to the columns."""
    import_ = _import(request, import_id)
    if request.POST.get("act") == "change":
        return _page_of(request, services.reopen(import_=import_))
    form = StartForm(request.POST)
    if form.is_valid():
        try:
            services.start(import_=import_, actor=request.user, request=request)
        except ImportStarted as error:
            messages.info(request, error.message)
            return _page_of(request, import_)
        except BluefoxError as error:
            form.add_error(None, error.message)
        else:
            return _page_of(request, import_)
    return _state_page(request, import_, form, status=422)


@require_POST
@requires("contacts.edit")
def import_cancel(request: Any, import_id: UUID) -> HttpResponse:
    return _page_of(request, services.cancel(import_=_import(request, import_id)))


@require_POST
@requires("contacts.edit")
def import_undo(request: Any, import_id: UUID) -> HttpResponse:
    import_ = _import(request, import_id)
    try:
        services.undo(import_=import_, actor=request.user, request=request)
    except ImportRefused as error:
        messages.error(request, error.message)
    return _page_of(request, import_)


@require_safe
@requires("view")
def import_report(request: Any, import_id: UUID) -> HttpResponse | FileResponse:
    """The file that names each row which did not come in as it stood."""
    import_ = _import(request, import_id)
    if not import_.error_file:
        raise Http404("this import has no such file")
    stem = import_.filename.rpartition(".")[0] or import_.filename
    return FileResponse(
        import_.error_file.open("rb"),
        as_attachment=True,
        filename=f"{stem} - rows to look at.csv",
        content_type="text/csv; charset=utf-8",
    )

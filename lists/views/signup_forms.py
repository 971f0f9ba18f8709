"""Dashboard pages of sign-up forms."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lists.forms.form_rows import FormRows
from lists.forms.signup_forms import WITH_KEYS, SignupFormForm
from lists.models import List, SignupForm
from lists.selectors.signup_forms import Offer, forms_of, history, offer_of
from lists.services.signup_forms import FormGoal, save_form, switch_form
from lists.signals import signup_form_checked, signup_form_previewed
from tenants.permissions import requires

_ASKED_AT_FIRST = [{"key": "first_name", "label": "First name", "required": False}]


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
    script = settings.SITE_URL + reverse("public:embed", args=[found.public_id])
    offer = offer_of(found)
    embed = {"form": found, "offer": offer, "hosted": hosted, "script": script}
    problems = [answer for _, answer in signup_form_checked.send(SignupForm, form=found) if answer]
    past = history(found, today=timezone.localdate())
    context = {
        "form": found,
        "offer": offer,
        "tags": found.tags.order_by("name"),
        "hosted": hosted,
        "html_embed": render_to_string("lists/form_embed.html", embed),
        "script_embed": render_to_string("lists/form_script.html", embed),
        "problems": problems,
        "past": past,
        "days": [f"{one.day.day} {one.day:%b}" for one in past.days],
        "series": [
            {"label": words, "values": [getattr(day, name) for day in past.days], "tone": tone}
            for name, words, tone in (
                ("views", "Views", "grey"),
                ("submits", "Sent in", "blue"),
                ("confirmed", "Confirmed", "green"),
            )
        ],
    }
    return render(request, "lists/form_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires("forms.edit")
def new_form(request: Any) -> HttpResponse:
    if not List.objects.for_tenant(request.tenant).exists():
        return render(request, "lists/form_needs_list.html")
    return _edit(request, SignupForm(tenant=request.tenant, fields=_ASKED_AT_FIRST))


@require_http_methods(["GET", "HEAD", "POST"])
@requires("forms.edit")
def edit_form(request: Any, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(SignupForm.objects.for_tenant(request.tenant), public_id=public_id)
    return _edit(request, found)


def _edit(request: Any, signup_form: SignupForm) -> HttpResponse:
    """The builder. A button with a name, act, changes what is shown and stores nothing."""
    name, posted, act = signup_form.name, request.POST or None, request.POST.get("act", "")
    rows = FormRows(signup_form, posted)
    said = rows.act(act, request.POST.get("new_field", "")) if act else ""
    edit = SignupFormForm(None if act else posted, instance=signup_form, tenant=request.tenant)
    if act:
        edit.refill(request.POST)
    elif edit.is_valid() & rows.is_valid():
        return _save(request, edit, rows)
    context = {
        "edit": edit,
        "rows": rows,
        "said": said,
        "preview_page": _preview(edit, rows),
        "with_keys": " ".join(WITH_KEYS),
        "name": name,
        "public_id": signup_form.public_id if name else None,
    }
    status = 422 if edit.is_bound else 200
    return render(request, "lists/form_edit.html", context, status=status)


def _save(request: Any, edit: SignupFormForm, rows: FormRows) -> HttpResponse:
    changed = edit.changed()
    changed.fields = rows.stored()
    cleaned = edit.cleaned_data
    saved = save_form(
        form=changed,
        goal=FormGoal(cleaned["lists"], cleaned["ticked_lists"], cleaned["tags"]),
        actor=request.user,
        request=request,
    )
    messages.success(request, f"{saved.name} is saved")
    return redirect("lists:form", request.tenant.slug, saved.public_id)


def _preview(edit: SignupFormForm, rows: FormRows) -> str:
    """The public page of what is in the builder now, whether or not it could be stored."""
    tenant = edit.instance.tenant
    lists = List.objects.for_tenant(tenant).order_by("name")
    chosen, ticked = _ids(edit, "lists"), _ids(edit, "ticked_lists")
    offer = Offer(
        asked=rows.asked(),
        lists=[one for one in lists if str(one.pk) in chosen],
        ticked=frozenset(one.public_id for one in lists if str(one.pk) in ticked),
    )
    shown = SignupForm(
        tenant=tenant,
        title=edit["title"].value() or "Heading",
        intro=edit["intro"].value() or "",
        visitor_chooses=bool(edit["visitor_chooses"].value()),
        consent_wording=edit["consent_wording"].value() or "",
        button=edit["button"].value() or "Sign up",
        captcha=edit["captcha"].value() or "",
    )
    answers = signup_form_previewed.send(SignupForm, form=shown, offer=offer)
    return "".join(str(page) for _, page in answers)


def _ids(edit: SignupFormForm, name: str) -> set[str]:
    return {str(getattr(one, "pk", one)) for one in edit[name].value() or ()}


@require_POST
@requires("forms.edit")
def switch(request: Any, public_id: UUID) -> HttpResponse:
    """Opens the form with on=1, closes it with on=0."""
    found = get_object_or_404(SignupForm.objects.for_tenant(request.tenant), public_id=public_id)
    on = request.POST.get("on") == "1"
    switch_form(form=found, on=on, actor=request.user, request=request)
    messages.success(request, f"{found.name} is {'open' if on else 'closed'}")
    return redirect("lists:form", request.tenant.slug, found.public_id)

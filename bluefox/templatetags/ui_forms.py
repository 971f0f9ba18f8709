"""Form fields with their words, help and errors."""

from typing import Any

from django import template
from django.forms import BaseForm, BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect

register = template.Library()

WIDGET_CLASSES = {
    "checkbox": "checkbox",
    "radio": "radio",
    "file": "file-input",
    "select": "select",
    "textarea": "textarea",
}


@register.inclusion_tag("_partials/field.html")
def field(
    bound: BoundField,
    *,
    label: str = "",
    help: str = "",
    prefix: str = "",
    suffix: str = "",
    autofocus: bool = False,
    optional: bool | None = None,
) -> dict[str, Any]:
    widget = bound.field.widget
    choices = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    kind = getattr(widget, "input_type", None) or "textarea"
    base = WIDGET_CLASSES.get(kind, "input")
    help_text = help or bound.help_text
    attrs: dict[str, Any] = {"class": f"{base} {widget.attrs.get('class', '')}".strip()}
    described = [f"{bound.auto_id}_helptext"] * bool(help_text)
    described += [f"{bound.auto_id}_error"] * bool(bound.errors)
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if widget.attrs.get("placeholder") in (bound.label, label):
        attrs["placeholder"] = False  # the label says it already
    if autofocus:
        attrs["autofocus"] = True
    return {
        "bound": bound,
        "control": bound.as_widget(attrs=attrs),
        "choices": choices,
        "check": isinstance(widget, CheckboxInput),
        "label": label or bound.label,
        "help": help_text,
        "described": attrs.get("aria-describedby"),
        "prefix": prefix,
        "suffix": suffix,
        # A draft may lack what its sending needs: such a field is not called optional.
        "optional": not bound.field.required if optional is None else optional,
    }


@register.inclusion_tag("_partials/form_errors.html")
def form_errors(form: BaseForm) -> dict[str, Any]:
    fields = [bound for bound in form if bound.errors and not bound.is_hidden]
    hidden = [error for bound in form if bound.is_hidden for error in bound.errors]
    return {"general": [*form.non_field_errors(), *hidden], "fields": fields}


@register.inclusion_tag("_partials/fields.html")
def fields(form: BaseForm) -> dict[str, Any]:
    return {"form": form}

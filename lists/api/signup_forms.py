"""/forms: sign-up forms for whoever runs them; preferences.api has what visitors' pages need."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from lists.api.bodies import MAX_TAGS
from lists.api.lookup import lists_named
from lists.forms.form_rows import LABEL_LENGTH, MOST
from lists.forms.signup_forms import SignupFormForm
from lists.models import Captcha, FormDay, SignupForm
from lists.selectors.fields import fields_of
from lists.selectors.signup_forms import REFUSALS, forms_of, history
from lists.services.signup_forms import FormGoal, save_form, switch_form
from lists.services.tags import tag_name
from lists.signup_fields import NAMES
from tenants.api.authentication import tenant_of
from tenants.api.bodies import StrictSerializer
from tenants.api.views import ApiView, ListView
from tenants.models import Scope, Tenant

_MOST_DAYS = 365


class Question(StrictSerializer):
    key = serializers.CharField(
        max_length=60, help_text="first_name, last_name, or the key of a field."
    )
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=LABEL_LENGTH, help_text="What the visitor reads beside it."
    )
    required = serializers.BooleanField(default=False)  # type: ignore[assignment]


class FormAnswer(serializers.ModelSerializer[SignupForm]):
    """The secret key of a captcha is never shown. Views, submits and confirmed count all time."""

    id = serializers.UUIDField(source="public_id")
    lists = serializers.SerializerMethodField()
    ticked_lists = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()
    fields = Question(many=True)  # type: ignore[assignment]
    has_captcha_secret = serializers.SerializerMethodField()
    allowed_origins = serializers.ListField(child=serializers.CharField())
    success_url = serializers.CharField()
    url = serializers.SerializerMethodField(help_text="The hosted page.")
    views = serializers.IntegerField()
    submits = serializers.IntegerField()
    confirmed = serializers.IntegerField()

    class Meta:
        model = SignupForm
        fields = """id name title intro lists visitor_chooses ticked_lists tags fields
            consent_wording button from_email success_message success_url captcha captcha_site_key
            has_captcha_secret allowed_origins is_active url views submits confirmed
            created_at""".split()

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_lists(self, form: SignupForm) -> list[str]:
        return [str(one.public_id) for one in form.lists.all()]

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_ticked_lists(self, form: SignupForm) -> list[str]:
        return [str(one.public_id) for one in form.ticked_lists.all()]

    def get_tags(self, form: SignupForm) -> list[str]:
        return sorted(one.name for one in form.tags.all())

    def get_has_captcha_secret(self, form: SignupForm) -> bool:
        return bool(form.captcha_secret)

    def get_url(self, form: SignupForm) -> str:
        return settings.SITE_URL + reverse("public:form", args=[form.public_id])


class FormChange(StrictSerializer):
    """What is left out stays. `is_active` false closes the form: nobody can sign up by it."""

    name = serializers.CharField(required=False, max_length=120)
    title = serializers.CharField(required=False, max_length=120)
    intro = serializers.CharField(required=False, allow_blank=True, max_length=500)
    lists = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=100
    )
    visitor_chooses = serializers.BooleanField(required=False)
    ticked_lists = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=MAX_TAGS
    )
    fields = Question(many=True, required=False, max_length=MOST)  # type: ignore[assignment,call-arg]
    consent_wording = serializers.CharField(
        required=False, max_length=500, help_text="What people agree to; kept with each consent."
    )
    button = serializers.CharField(required=False, max_length=40)
    from_email = serializers.CharField(required=False, max_length=320)
    success_message = serializers.CharField(required=False, allow_blank=True, max_length=500)
    success_url = serializers.CharField(required=False, allow_blank=True, max_length=500)
    captcha = serializers.ChoiceField(required=False, choices=Captcha.choices)
    captcha_site_key = serializers.CharField(required=False, allow_blank=True, max_length=100)
    captcha_secret = serializers.CharField(
        required=False, max_length=100, help_text="Kept encrypted, never shown again."
    )
    allowed_origins = serializers.ListField(
        child=serializers.CharField(max_length=260), required=False, max_length=20
    )
    is_active = serializers.BooleanField(required=False)


class FormRequest(FormChange):
    """The rest has the dashboard's usual values."""

    name = serializers.CharField(max_length=120)
    title = serializers.CharField(max_length=120)
    lists = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=100)
    consent_wording = serializers.CharField(
        max_length=500, help_text="What people agree to; kept with each consent."
    )
    from_email = serializers.CharField(
        max_length=320, help_text="Where the confirmation mail comes from: a verified sender."
    )


class DayBody(serializers.Serializer[FormDay]):
    day = serializers.DateField()
    views = serializers.IntegerField()
    submits = serializers.IntegerField(help_text="Taken; a confirmation mail left where due.")
    confirmed = serializers.IntegerField()
    refused = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_refused(self, day: FormDay) -> dict[str, int]:
        counts = {name.removeprefix("refused_"): getattr(day, name) for name in REFUSALS}
        return {why: count for why, count in counts.items() if count}


class StatsAnswer(serializers.Serializer[Any]):
    days = DayBody(many=True, help_text="Oldest first, today last; days without visits, too.")


class Forms(ListView[SignupForm]):
    scope = Scope.FORMS
    serializer_class = FormAnswer

    def get_queryset(self) -> QuerySet[SignupForm]:
        return _forms(tenant_of(self.request))

    @extend_schema(operation_id="list_forms", summary="The sign-up forms of the workspace")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Newest first, closed ones, too."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="make_form",
        summary="Make a sign-up form",
        request=FormRequest,
        responses={201: FormAnswer},
    )
    def post(self, request: Request) -> Response:
        """It is open at once, unless `is_active` is false."""
        body = FormRequest(data=request.data)
        body.is_valid(raise_exception=True)
        form = SignupForm(tenant=tenant_of(request))
        return _save(request, form, body.validated_data, status=201)


class FormSettings(ApiView):
    scope = Scope.FORMS

    @extend_schema(
        operation_id="get_form_settings",
        summary="A sign-up form and its settings",
        responses={200: FormAnswer},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """GET /forms/{id}, without a key, is what a visitor's page needs of it."""
        return Response(FormAnswer(_form(request, public_id)).data)

    @extend_schema(
        operation_id="change_form",
        summary="Change, close or open a sign-up form",
        request=FormChange,
        responses={200: FormAnswer},
    )
    def patch(self, request: Request, public_id: UUID) -> Response:
        """A closed form keeps its figures, and confirmations that were asked for still work."""
        form = _form(request, public_id)
        body = FormChange(data=request.data)
        body.is_valid(raise_exception=True)
        return _save(request, form, body.validated_data)


class FormStats(ApiView):
    scope = Scope.FORMS
    query = ("days",)

    @extend_schema(
        operation_id="get_form_stats",
        summary="What came of a sign-up form, day by day",
        parameters=[
            OpenApiParameter("days", int, description=f"1 to {_MOST_DAYS}; 30 unless told.")
        ],
        responses={200: StatsAnswer},
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """Days of the workspace's time zone; today's figures lag by a minute."""
        text = request.query_params.get("days", "30")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_DAYS):
            raise ValidationError({"days": [f"days is a whole number from 1 to {_MOST_DAYS}."]})
        form = _form(request, public_id)
        with timezone.override(form.tenant.timezone):
            found = history(form, today=timezone.localdate(), days=int(text))
        return Response(StatsAnswer({"days": found.days}).data)


def _forms(tenant: Tenant) -> QuerySet[SignupForm]:
    return forms_of(tenant).prefetch_related("ticked_lists", "tags").select_related("tenant")


def _form(request: Request, public_id: UUID) -> SignupForm:
    return get_object_or_404(_forms(tenant_of(request)), public_id=public_id)


@transaction.atomic
def _save(
    request: Request, form: SignupForm, given: Mapping[str, Any], *, status: int = 200
) -> Response:
    """Stores what is given, checked as the dashboard's builder checks it."""
    tenant = tenant_of(request)
    if given.keys() - {"is_active"}:
        checked = SignupFormForm(_posted(tenant, form, given), instance=form, tenant=tenant)
        if not checked.is_valid():
            raise ValidationError(_problems(checked))
        form = checked.changed()
        if "fields" in given:
            form.fields = _questions(tenant, given["fields"])
        cleaned = checked.cleaned_data
        goal = FormGoal(cleaned["lists"], cleaned["ticked_lists"], cleaned["tags"])
        save_form(form=form, goal=goal, request=request)
    if given.get("is_active", form.is_active) != form.is_active:
        switch_form(form=form, on=given["is_active"], request=request)
    return Response(FormAnswer(_form(request, form.public_id)).data, status=status)


def _posted(tenant: Tenant, form: SignupForm, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the dashboard's form would post: the form as it is, and what is given."""
    posted = {name: getattr(form, name) for name in SignupFormForm.Meta.fields if _is_plain(name)}
    posted |= {name: value for name, value in given.items() if name in posted}
    for name in ("lists", "ticked_lists"):
        if name in given:
            posted[name] = [one.pk for one in lists_named(tenant, given[name], param=name)]
        else:
            posted[name] = [one.pk for one in getattr(form, name).all()] if form.pk else []
    if "tags" in given:
        tags = [tag_name(name) for name in given["tags"]]
    else:
        tags = [one.name for one in form.tags.all()] if form.pk else []
    origins = posted["allowed_origins"]
    return posted | {
        "tags": ", ".join(tags),
        "allowed_origins": "\n".join(origins),
        "secret": given.get("captcha_secret", ""),
    }


def _is_plain(name: str) -> bool:
    return name not in ("lists", "ticked_lists")


def _problems(checked: SignupFormForm) -> dict[str, list[ErrorDetail]]:
    names = {"secret": "captcha_secret"}
    return {
        names.get(name, name): [
            ErrorDetail(message, code=str(error.code or "invalid"))
            for error in errors.as_data()
            for message in error.messages
        ]
        for name, errors in checked.errors.items()
    }


def _questions(tenant: Tenant, asked: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What SignupForm.fields keeps. Raises ValidationError for no field, or one asked twice."""
    known = {*NAMES, *fields_of(tenant).values_list("key", flat=True)}
    for number, one in enumerate(asked):
        if one["key"] not in known:
            message = f"Contacts have no field {one['key']!r}. POST /fields makes it."
            raise ValidationError({f"fields.{number}.key": [message]})
        known.discard(one["key"])
    return [dict(one) for one in asked]

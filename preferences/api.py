"""Sign-up by a program: the form as data, and a submission under the same checks as the page."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lists.captcha import verifier
from lists.errors import CaptchaUnavailable, SignupClosed, TooManySignups
from lists.form_counts import Count, count
from lists.models import Captcha, FieldKind, List, SignupForm
from lists.signup_fields import NAMES, Asked, read_json
from preferences import origins, stamps
from preferences.services.opening import Opened, opened
from preferences.services.signup import Entry, sign_up
from preferences.views.pages import MAX_BODY
from preferences.views.widgets import widget
from preferences.visitors import Visitor
from tenants.api.bodies import JsonParser, StrictSerializer

CHECK_MAIL = "Check your mail and press the button in it."
SIGNED_UP = "Thank you. You are signed up."


class Unavailable(exceptions.APIException):
    status_code = 503


class ForeignOrigin(exceptions.PermissionDenied):
    default_code = "origin_not_allowed"
    default_detail = (
        "The form may not be used on this site. Its workspace names the sites where it may."
    )


class SmallJsonParser(JsonParser):
    limit = MAX_BODY


class CaptchaDescription(serializers.Serializer[Any]):
    provider = serializers.ChoiceField(choices=Captcha.values)
    site_key = serializers.CharField(help_text="The public key of the service, or empty.")
    action = serializers.CharField(help_text="The action to name to the service, or empty.")
    script_url = serializers.CharField(help_text="The service's script, or empty.")
    challenge_url = serializers.CharField(help_text="Where ALTCHA's challenge is, or empty.")


class QuestionDescription(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="first_name, last_name, or fields.<key>.")
    label = serializers.CharField()  # type: ignore[assignment]  # DRF keeps them elsewhere
    required = serializers.BooleanField()  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=FieldKind.values)


class ListDescription(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    ticked = serializers.BooleanField(help_text="Whether it is chosen at first.")


class FormDescription(serializers.Serializer[Any]):
    title = serializers.CharField()
    intro = serializers.CharField()
    questions = QuestionDescription(many=True, help_text="What is asked beside the address.")
    lists = ListDescription(many=True, help_text="To choose among; empty: there is no choice.")
    consent_wording = serializers.CharField(help_text="Show it: it is kept with the consent.")
    button = serializers.CharField()
    captcha = CaptchaDescription()
    stamp = serializers.CharField(
        help_text="Send it back with the submission, two seconds to one day from now."
    )


class Submission(StrictSerializer):
    email = serializers.CharField(max_length=320)
    first_name = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF keeps it elsewhere
        required=False, help_text="Answers to questions named fields.<key>, by key."
    )
    lists = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100, allow_empty=False
    )
    captcha = serializers.CharField(
        max_length=8192, required=False, allow_blank=True, default="", trim_whitespace=False
    )
    stamp = serializers.CharField(max_length=500)
    website = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        default="",
        help_text="Leave it empty: it is a trap for programs that fill in every field.",
    )


class SubmissionAnswer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["check_mail", "signed_up"])
    message = serializers.CharField()
    redirect_url = serializers.CharField(help_text="Where the visitor goes now, or empty.")


class PublicView(APIView):
    """No key: anybody may sign up, as on the hosted page."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []
    parser_classes = [SmallJsonParser]
    _form: SignupForm | None = None

    def opened(self, public_id: Any) -> Opened:
        """The open form. Raises Http404, and ForeignOrigin for a site that may not embed it."""
        found = opened(public_id)
        if found is None:
            raise Http404
        self._form = found.form
        if not origins.may_use(found.form, self._origin()):
            raise ForeignOrigin
        return found

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """What a browser asks before it posts for a page of another site."""
        form = self.opened(kwargs["public_id"]).form
        return Response(status=204, headers=origins.preflight(form, self._origin()))

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Answers that refuse something may be read by the same pages as all others."""
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"  # a stamp is for one visitor
        if self._form is not None:
            for name, value in origins.headers(self._form, self._origin()).items():
                answer[name] = value
        return answer

    def _origin(self) -> str:
        return str(self.request.META.get("HTTP_ORIGIN", ""))


class FormView(PublicView):
    @extend_schema(operation_id="forms_retrieve", responses=FormDescription, auth=[])
    def get(self, request: Request, public_id: Any) -> Response:
        """A sign-up form as data, for a page of your own. No key is needed."""
        found = self.opened(public_id)
        form, offer = found.form, found.offer
        count(form, Count.VIEWS)
        shown = widget(form)
        is_altcha = form.captcha == Captcha.ALTCHA
        challenge = reverse("public:challenge", args=[form.public_id]) if is_altcha else ""
        return Response(
            {
                "title": form.title,
                "intro": form.intro,
                "questions": [
                    {
                        "name": one.param,
                        "label": one.label,
                        "required": one.required,
                        "kind": one.kind.value,
                    }
                    for one in offer.asked
                ],
                "lists": [
                    {"id": one.public_id, "name": one.name, "ticked": one.public_id in offer.ticked}
                    for one in (offer.lists if form.visitor_chooses else ())
                ],
                "consent_wording": form.consent_wording,
                "button": form.button,
                "captcha": {
                    "provider": form.captcha,
                    "site_key": form.captcha_site_key,
                    "action": verifier(form).action,
                    "script_url": shown.script if shown else "",
                    "challenge_url": request.build_absolute_uri(challenge) if challenge else "",
                },
                "stamp": stamps.make(form),
            }
        )


class SubmissionView(PublicView):
    @extend_schema(
        operation_id="forms_submit",
        request=Submission,
        responses={202: SubmissionAnswer},
        auth=[],
    )
    def post(self, request: Request, public_id: Any) -> Response:
        """Asks for a subscription. The answer is the same whether or not the address is known:
        an address that has not confirmed yet gets a mail with a button. No key is needed.
        """
        found = self.opened(public_id)
        form, offer = found.form, found.offer
        body = Submission(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        entry = Entry(
            email=values["email"],
            values=read_json(offer.asked, _answers(values, offer.asked)),
            lists=_chosen(form, offer.lists, values.get("lists")),
            captcha=values["captcha"],
            stamp=values["stamp"],
            trap=values["website"],
        )
        try:
            sign_up(opened=found, entry=entry, visitor=Visitor.of(request))
        except TooManySignups as error:
            raise exceptions.Throttled(detail=error.message, code=error.code) from error
        except (CaptchaUnavailable, SignupClosed) as error:
            raise Unavailable(error.message, code=error.code) from error
        answer = {
            "status": "check_mail" if entry.asks_for_click else "signed_up",
            "message": form.success_message or (CHECK_MAIL if entry.asks_for_click else SIGNED_UP),
            "redirect_url": form.success_url,
        }
        return Response(answer, status=202)


def _answers(values: Mapping[str, Any], asked: Sequence[Asked]) -> dict[str, object]:
    """What was answered, by key. Raises ValidationError for what the form does not ask."""
    names = {key: values[key] for key in NAMES if key in values}
    own = values.get("fields", {})
    known = {one.key for one in asked}
    for key in names:
        if key not in known:
            raise _refused(key, f"This form does not ask for {key}.", "unknown_field")
    for key in own:
        if key not in known or key in NAMES:
            raise _refused(
                f"fields.{key[:60]}",
                f"There is no question {key[:60]!r} on this form.",
                "unknown_field",
            )
    return {**own, **names}


def _chosen(form: SignupForm, lists: Sequence[List], ids: Sequence[Any] | None) -> Sequence[List]:
    """The lists that are asked for. Raises ValidationError for lists that are not to be chosen."""
    if not form.visitor_chooses:
        if ids is not None:
            raise _refused("lists", "There are no lists to choose on this form.", "unknown_field")
        return lists
    if ids is None:
        raise _refused("lists", "Choose at least one list.", "required")
    offered = {one.public_id for one in lists}
    if not offered.issuperset(ids):
        raise _refused("lists", "This form does not offer one of these lists.", "invalid")
    return [one for one in lists if one.public_id in ids]


def _refused(param: str, message: str, code: str) -> exceptions.ValidationError:
    return exceptions.ValidationError({param: [exceptions.ErrorDetail(message, code=code)]})

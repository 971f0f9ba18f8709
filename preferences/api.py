"""Sign-up by a program: the form as data, and a submission under the same checks as the page."""

from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from lists.captcha import ReCaptchaV3, verifier
from lists.errors import CaptchaUnavailable, SignupClosed, TooManySignups
from lists.models import Captcha, SignupForm
from preferences import stamps
from preferences.services.signup import Entry, sign_up
from preferences.views.signup import open_form
from preferences.visitors import Visitor
from tenants.api.bodies import StrictSerializer


class Unavailable(exceptions.APIException):
    status_code = 503


class CaptchaDescription(serializers.Serializer[Any]):
    provider = serializers.ChoiceField(choices=Captcha.values)
    site_key = serializers.CharField(help_text="reCAPTCHA's public key, or empty.")
    action = serializers.CharField(help_text="The action to name to reCAPTCHA v3, or empty.")
    challenge_url = serializers.CharField(help_text="Where ALTCHA's challenge is, or empty.")


class FormDescription(serializers.Serializer[Any]):
    title = serializers.CharField()
    intro = serializers.CharField()
    asks_name = serializers.BooleanField()
    consent_wording = serializers.CharField(help_text="Show it: it is kept with the consent.")
    captcha = CaptchaDescription()
    stamp = serializers.CharField(
        help_text="Send it back with the submission, two seconds to one day from now."
    )


class Submission(StrictSerializer):
    email = serializers.CharField(max_length=320)
    name = serializers.CharField(max_length=240, required=False, allow_blank=True, default="")
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
    status = serializers.ChoiceField(choices=["check_mail"])
    message = serializers.CharField()


class PublicView(APIView):
    """No key: anybody may sign up, as on the hosted page."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def form(self, public_id: Any) -> SignupForm:
        found = open_form(public_id)
        if found is None:
            raise Http404
        return found


class FormView(PublicView):
    @extend_schema(operation_id="forms_retrieve", responses=FormDescription, auth=[])
    def get(self, request: Request, public_id: Any) -> Response:
        """A sign-up form as data, for a page of your own. No key is needed."""
        form = self.form(public_id)
        proof = verifier(form)
        is_altcha = form.captcha == Captcha.ALTCHA
        challenge = reverse("public:challenge", args=[form.public_id]) if is_altcha else ""
        return Response(
            {
                "title": form.title,
                "intro": form.intro,
                "asks_name": form.asks_name,
                "consent_wording": form.consent_wording,
                "captcha": {
                    "provider": form.captcha,
                    "site_key": form.captcha_site_key,
                    "action": proof.action if isinstance(proof, ReCaptchaV3) else "",
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
        form = self.form(public_id)
        body = Submission(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        entry = Entry(
            email=values["email"],
            name=values["name"] if form.asks_name else "",
            captcha=values["captcha"],
            stamp=values["stamp"],
            trap=values["website"],
        )
        try:
            sign_up(form=form, entry=entry, visitor=Visitor.of(request))
        except TooManySignups as error:
            raise exceptions.Throttled(detail=error.message, code=error.code) from error
        except (CaptchaUnavailable, SignupClosed) as error:
            raise Unavailable(error.message, code=error.code) from error
        message = form.success_message or "Check your mail and press the button in it."
        return Response({"status": "check_mail", "message": message}, status=202)

"""The settings of a sign-up form."""

from typing import Any

from django import forms

from lists.addresses import normalise
from lists.errors import InvalidAddress
from lists.models import Captcha, List, SignupForm
from tenants.models import Tenant

_RECAPTCHA = (Captcha.RECAPTCHA_V2, Captcha.RECAPTCHA_V3)


class SignupFormForm(forms.ModelForm):
    """Creates or changes a form of this tenant. The reCAPTCHA secret can be set, never read."""

    recaptcha_secret = forms.CharField(
        label="Secret key",
        max_length=100,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = SignupForm
        fields = [
            "name",
            "title",
            "intro",
            "lists",
            "asks_name",
            "consent_wording",
            "from_email",
            "success_message",
            "captcha",
            "captcha_site_key",
        ]
        labels = {
            "title": "Heading",
            "intro": "Text under the heading",
            "lists": "Signs up to",
            "asks_name": "Ask for the name too",
            "consent_wording": "What people agree to",
            "from_email": "Confirmation mail comes from",
            "success_message": "What they read after sending it",
            "captcha": "Protection against robots",
            "captcha_site_key": "Site key",
        }
        help_texts = {
            "name": "For you; kept with each consent.",
            "lists": "One confirmation covers all of them.",
            "consent_wording": "Stands above the button and is kept with each consent. Say who "
            "sends what, how often, and that one can unsubscribe.",
            "from_email": "An address of a domain that you verified with Amazon SES.",
            "success_message": "Empty: they are told to look into their mail.",
        }
        widgets = {
            "intro": forms.Textarea(attrs={"rows": 2}),
            "consent_wording": forms.Textarea(attrs={"rows": 3}),
            "success_message": forms.Textarea(attrs={"rows": 2}),
            "lists": forms.CheckboxSelectMultiple,
            "captcha": forms.RadioSelect,
            "from_email": forms.EmailInput,
            "captcha_site_key": forms.TextInput(attrs={"autocomplete": "off"}),
        }

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.tenant = tenant
        lists = self.fields["lists"]
        assert isinstance(lists, forms.ModelMultipleChoiceField)  # noqa: S101 (for the type)
        lists.queryset = List.objects.for_tenant(tenant).order_by("name")
        lists.error_messages["required"] = "Choose at least one list."
        self.fields["from_email"].required = True
        if ending := self.secret_ending():
            secret = self.fields["recaptcha_secret"]
            secret.help_text = f"A key is set; it ends in {ending}. Empty: it stays."

    def secret_ending(self) -> str:
        """The last characters of the stored secret, or "" when there is none."""
        return str(self.instance.captcha_secret.get("secret", ""))[-4:]

    def clean_from_email(self) -> str:
        try:
            return normalise(self.cleaned_data["from_email"]).email
        except InvalidAddress as error:
            raise forms.ValidationError(error.message) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("captcha") in _RECAPTCHA:
            if not cleaned.get("captcha_site_key"):
                self.add_error("captcha_site_key", "Copy the site key from Google's console.")
            if not cleaned.get("recaptcha_secret") and not self.secret_ending():
                self.add_error("recaptcha_secret", "Copy the secret key from Google's console.")
        return cleaned

    def changed(self) -> SignupForm:
        """The form with what was filled in, not yet stored; its lists are in cleaned_data."""
        form: SignupForm = self.save(commit=False)
        if secret := self.cleaned_data["recaptcha_secret"]:
            form.captcha_secret = {"secret": secret}
        return form

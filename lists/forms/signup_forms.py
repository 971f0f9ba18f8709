"""The settings of a sign-up form."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django import forms
from django.core.validators import URLValidator

from lists.addresses import normalise
from lists.errors import InvalidAddress
from lists.forms.tags import TagNamesField
from lists.models import Captcha, List, SignupForm
from lists.services.tags import LENGTH as TAG_LENGTH
from tenants.models import Tenant

WITH_KEYS = (
    Captcha.RECAPTCHA_V2,
    Captcha.RECAPTCHA_V3,
    Captcha.TURNSTILE,
    Captcha.HCAPTCHA,
)
_MOST_ORIGINS = 20
_LOCAL = {"localhost", "127.0.0.1"}
_is_address = URLValidator(schemes=["http", "https"])


class OriginsField(forms.CharField):
    """Sites, one a line; cleans to their origins. What follows the host of a page is cut off."""

    widget = forms.Textarea(attrs={"rows": 3, "placeholder": "https://www.example.com"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        lines = str(value or "").split()
        origins = list(dict.fromkeys(map(_origin, lines)))
        if len(origins) > _MOST_ORIGINS:
            raise forms.ValidationError(f"{_MOST_ORIGINS} sites are the most.")
        return origins


def _host(parts: SplitResult) -> str:
    """Host and port, an international name in Punycode. Raises ValueError."""
    host = (parts.hostname or "").encode("idna").decode()
    port = f":{parts.port}" if parts.port else ""
    return (f"[{host}]" if ":" in host else host) + port


def _origin(line: str) -> str:
    """As browsers send it. Raises ValidationError that names the line."""
    wrong = forms.ValidationError(f"{line[:100]} is no site. Write it like https://www.example.com")
    try:
        _is_address(line)
        parts = urlsplit(line)
        host = _host(parts)
    except (forms.ValidationError, ValueError) as error:
        raise wrong from error
    if parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise forms.ValidationError(f"{line[:100]} must begin with https://")
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{host.removesuffix(default)}"


class SignupFormForm(forms.ModelForm):
    """Creates or changes a form of this tenant. The captcha's secret can be set, never read."""

    tags = TagNamesField(
        label="Tags",
        max_length=500,
        required=False,
        help_text="Given with the confirmation. Separate them with commas.",
    )
    allowed_origins = OriginsField(
        label="Sites that may show it",
        required=False,
        help_text="One a line. Only their pages may use the script or a frame.",
    )
    success_url = forms.URLField(
        label="Or a page that opens then",
        max_length=500,
        required=False,
        assume_scheme="https",
        validators=[URLValidator(schemes=["https"])],
        error_messages={"invalid": "Write a whole address that begins with https://"},
        help_text="On your own site, to say thank you and to ask for the click in the mail.",
    )
    secret = forms.CharField(
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
            "visitor_chooses",
            "ticked_lists",
            "consent_wording",
            "button",
            "from_email",
            "success_message",
            "success_url",
            "captcha",
            "captcha_site_key",
            "allowed_origins",
        ]
        labels = {
            "title": "Heading",
            "intro": "Text under the heading",
            "lists": "Signs up to",
            "visitor_chooses": "The visitor chooses among these lists",
            "ticked_lists": "Ticked at first",
            "consent_wording": "What people agree to",
            "button": "Button",
            "from_email": "Confirmation mail comes from",
            "success_message": "What they read after sending it",
            "captcha": "Protection against robots",
            "captcha_site_key": "Site key",
        }
        help_texts = {
            "name": "For you; kept with each consent.",
            "lists": "One confirmation covers all of them.",
            "visitor_chooses": "",
            "ticked_lists": "Where the law wants consent, people must tick a list themselves.",
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
            "ticked_lists": forms.CheckboxSelectMultiple,
            "captcha": forms.RadioSelect,
            "from_email": forms.EmailInput,
            "captcha_site_key": forms.TextInput(attrs={"autocomplete": "off"}),
        }

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.tenant = tenant
        self._secret_is_for = self.instance.captcha
        for name in ("lists", "ticked_lists"):
            lists = self.fields[name]
            assert isinstance(lists, forms.ModelMultipleChoiceField)  # noqa: S101 (for the type)
            lists.queryset = List.objects.for_tenant(tenant).order_by("name")
            lists.error_messages["required"] = "Choose at least one list."
        if self.instance.pk:
            tags = self.instance.tags.order_by("name")
            self.initial.setdefault("tags", ", ".join(tag.name for tag in tags))
        self.fields["from_email"].required = True
        if ending := self.secret_ending():
            secret = self.fields["secret"]
            secret.help_text = f"A key is set; it ends in {ending}. Empty: it stays."

    def refill(self, posted: Mapping[str, Any]) -> None:
        """Shows what was typed so far, without judging it."""
        for name, field in self.fields.items():
            self.initial[name] = field.widget.value_from_datadict(posted, {}, name)

    def secret_ending(self) -> str:
        """The last characters of the stored secret, or "" when there is none."""
        return str(self.instance.captcha_secret.get("secret", ""))[-4:]

    def clean_success_url(self) -> str:
        """With its host as browsers write it: it goes into a header, which takes ASCII only."""
        address: str = self.cleaned_data["success_url"]
        if not address:
            return ""
        parts = urlsplit(address)
        if "@" in parts.netloc:
            raise forms.ValidationError("Leave out the name and password before the @.")
        try:
            return parts._replace(netloc=_host(parts)).geturl()
        except ValueError as error:
            message = self.fields["success_url"].error_messages["invalid"]
            raise forms.ValidationError(message) from error

    def clean_from_email(self) -> str:
        try:
            return normalise(self.cleaned_data["from_email"]).email
        except InvalidAddress as error:
            raise forms.ValidationError(error.message) from error

    def clean_tags(self) -> list[str]:
        found: list[str] = self.cleaned_data["tags"]
        if any(len(name) > TAG_LENGTH for name in found):
            raise forms.ValidationError(f"A tag has at most {TAG_LENGTH} characters.")
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("captcha") in WITH_KEYS:
            if not cleaned.get("captcha_site_key"):
                self.add_error("captcha_site_key", "Copy the site key from the service's page.")
            kept = self.secret_ending() and cleaned["captcha"] == self._secret_is_for
            if not cleaned.get("secret") and not kept:
                self.add_error("secret", "Copy the secret key from the service's page.")
        if not cleaned.get("visitor_chooses"):
            cleaned["ticked_lists"] = []
        elif set(cleaned.get("ticked_lists", ())) - set(cleaned.get("lists", ())):
            self.add_error("ticked_lists", "Tick only lists that the form signs up to.")
        return cleaned

    def changed(self) -> SignupForm:
        """The form with what was filled in, not yet stored; its lists and tags are in
        cleaned_data.
        """
        form: SignupForm = self.save(commit=False)
        if form.captcha not in WITH_KEYS:
            form.captcha_secret = {}  # or it would be sent to the next service that is chosen
        elif secret := self.cleaned_data["secret"]:
            form.captcha_secret = {"secret": secret}
        return form

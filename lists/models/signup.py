"""Sign-up forms, the confirmations that they ask for, and what came of them day by day."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.functional import cached_property

from lists.models.people import Contact, List
from lists.models.tags import Tag
from tenants.fields import EncryptedJSONField
from tenants.scoping import TenantOwned


class Captcha(models.TextChoices):
    ALTCHA = "altcha", "ALTCHA (no third party)"
    RECAPTCHA_V2 = "recaptcha_v2", "reCAPTCHA v2 (your own Google keys)"
    RECAPTCHA_V3 = "recaptcha_v3", "reCAPTCHA v3 (your own Google keys)"
    TURNSTILE = "turnstile", "Turnstile (your own Cloudflare keys)"
    HCAPTCHA = "hcaptcha", "hCaptcha (your own keys)"
    NONE = "none", "None"


class SignupForm(TenantOwned):
    """A public sign-up form. A confirmed click makes the subscription active."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    intro = models.CharField(max_length=500, blank=True)
    lists = models.ManyToManyField(List, related_name="forms")
    visitor_chooses = models.BooleanField(
        default=False, help_text="The visitor chooses among the lists; else it is all of them."
    )
    ticked_lists = models.ManyToManyField(List, related_name="+", blank=True)
    tags = models.ManyToManyField(Tag, related_name="+", blank=True)
    # What is asked beside the address, in order: [{"key", "label", "required"}], where `key` is
    # first_name, last_name or a ContactField's; see lists.signup_fields.
    fields = models.JSONField(default=list, blank=True)
    consent_wording = models.CharField(max_length=500)
    button = models.CharField(max_length=40, default="Sign up")
    captcha = models.CharField(max_length=12, choices=Captcha, default=Captcha.ALTCHA)
    captcha_site_key = models.CharField(max_length=100, blank=True)
    captcha_secret = EncryptedJSONField(default=dict, blank=True)
    allowed_origins = ArrayField(
        models.CharField(max_length=260),
        default=list,
        blank=True,
        help_text="Sites whose pages may show the form, as https://www.example.com.",
    )
    success_message = models.CharField(max_length=500, blank=True)
    success_url = models.URLField(max_length=500, blank=True, help_text="Shown instead; https.")
    from_email = models.CharField(
        max_length=320, blank=True, help_text="From of the confirmation mail; a verified sender."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Confirmation(TenantOwned):
    """A double opt-in that waits for its click: one row a mail, so that mails can be counted."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="confirmations")
    form = models.ForeignKey(SignupForm, null=True, on_delete=models.SET_NULL)
    lists = models.ManyToManyField(List)
    # As typed and as read when it was asked for; the values count only once it is confirmed.
    # By key: first_name, last_name, or a ContactField's, as Contact.fields keeps it.
    values = models.JSONField(default=dict, blank=True)
    wording = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=10, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    @cached_property
    def asked_lists(self) -> list[List]:
        """The lists by name; whoever makes a confirmation knows them already."""
        return list(self.lists.order_by("name"))

    def __str__(self) -> str:
        return f"confirmation of {self.contact_id}"


class FormDay(TenantOwned):
    """What came of a form on one day of its workspace's calendar. Written by lists.form_counts."""

    form = models.ForeignKey(SignupForm, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    views = models.PositiveIntegerField(default=0)
    submits = models.PositiveIntegerField(default=0, help_text="taken; a mail left where due")
    confirmed = models.PositiveIntegerField(default=0)
    refused_captcha = models.PositiveIntegerField(default=0)
    refused_trap = models.PositiveIntegerField(default=0)
    refused_quick = models.PositiveIntegerField(default=0)
    refused_rate = models.PositiveIntegerField(default=0)
    refused_address = models.PositiveIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["form", "day"], name="form_day")]

    def __str__(self) -> str:
        return f"{self.form_id} on {self.day}"

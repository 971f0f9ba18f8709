"""Sign-up forms, and the confirmations that they ask for."""

import uuid

from django.db import models

from lists.models.people import Contact, List
from tenants.fields import EncryptedJSONField
from tenants.scoping import TenantOwned


class Captcha(models.TextChoices):
    ALTCHA = "altcha", "ALTCHA (no third party)"
    RECAPTCHA_V2 = "recaptcha_v2", "reCAPTCHA v2 (your own Google keys)"
    RECAPTCHA_V3 = "recaptcha_v3", "reCAPTCHA v3 (your own Google keys)"
    NONE = "none", "None"


class SignupForm(TenantOwned):
    """A public sign-up form. A confirmed click makes the subscription active."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    intro = models.CharField(max_length=500, blank=True)
    lists = models.ManyToManyField(List, related_name="forms")
    asks_name = models.BooleanField(default=True)
    consent_wording = models.CharField(max_length=500)
    captcha = models.CharField(max_length=12, choices=Captcha, default=Captcha.ALTCHA)
    captcha_site_key = models.CharField(max_length=100, blank=True)
    captcha_secret = EncryptedJSONField(default=dict, blank=True)
    success_message = models.CharField(max_length=500, blank=True)
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
    # As typed and as read when it was asked for; the name counts only once it is confirmed.
    name = models.CharField(max_length=240, blank=True)
    wording = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"confirmation of {self.contact_id}"

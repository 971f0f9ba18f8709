"""A workspace at work, made by the same services that the pages call."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.services.campaigns import create_campaign, save_draft, send_campaign
from demo.people import write_csv
from lists.models import Captcha, Import, ImportStatus, List, SignupForm
from lists.services import imports
from lists.services.lists import save_list
from sending.models import SesAccount, SesAuth
from sending.services.accounts import connect_key, start_connection
from sending.services.domains import check_domain, set_mail_from
from sending.services.feedback import set_up_feedback
from sending.services.identities import refresh_identities
from simulator.client import SimulatorClient
from tenants.models import Tenant, User
from tenants.services.workspaces import Profile, create_workspace

EMAIL, PASSWORD = "demo@bluefox.example", "bluefox-demo"
PLATFORM_ACCOUNT = "999988887777"
AWS_ACCOUNT, REGION, DOMAIN = "111122223333", "eu-west-1", "acme.example"
PEOPLE = 1000
PATIENCE = 60  # seconds for the workers to do what they are asked

_NEWS = Path(__file__).with_name("news.html")


def fill(simulator_url: str) -> str:
    """Makes what is missing; returns the lines that say where to click."""
    simulator = SimulatorClient(simulator_url)
    _platform(simulator)
    user = User.objects.filter(email=EMAIL).first() or _user()
    membership = user.memberships.first()
    tenant = membership.tenant if membership else _workspace(user, simulator)
    return _guide(tenant, simulator_url)


def _platform(simulator: SimulatorClient) -> None:
    """The AWS account that the product itself runs with, which tenants' roles can trust."""
    key = {"id": os.environ["AWS_ACCESS_KEY_ID"], "secret": os.environ["AWS_SECRET_ACCESS_KEY"]}
    simulator.create_account(PLATFORM_ACCOUNT, keep=True, keys=[key])


def _user() -> User:
    user = User.objects.create_user(EMAIL, PASSWORD, name="Dana Demo")
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    return user


def _workspace(user: User, simulator: SimulatorClient) -> Tenant:
    tenant = create_workspace(
        owner=user,
        profile=Profile(
            name="Acme",
            timezone="Europe/Berlin",
            website="https://acme.example",
            postal_address="Acme Ltd\n1 Acme Street\nSpringfield",
        ),
    )
    _connect(tenant, user, simulator)
    newsletter = save_list(
        tenant=tenant, name="Newsletter", description="What is new, once a month.", actor=user
    )
    offers = save_list(tenant=tenant, name="Offers", description="Now and then.", actor=user)
    _import(tenant, user, newsletter)
    form = SignupForm.unscoped.create(
        tenant=tenant,
        name="Website footer",
        title="News from Acme",
        intro="One mail a month about what is new in our shops.",
        consent_wording="Send me news from Acme. I can unsubscribe at any time.",
        captcha=Captcha.ALTCHA,
        from_email=f"news@{DOMAIN}",
        fields=[{"key": "first_name", "label": "First name", "required": False}],
    )
    form.lists.set([newsletter, offers])
    sent = _campaign(tenant, user, newsletter, "Spring catalogue", "Spring is here")
    send_campaign(campaign=sent, actor=user)
    _campaign(tenant, user, newsletter, "Summer catalogue", "Summer, and what to do with it")
    return tenant


def _connect(tenant: Tenant, user: User, simulator: SimulatorClient) -> None:
    account = simulator.create_account(
        AWS_ACCOUNT,
        keep=True,
        regions={REGION: {"sandbox": False, "max_send_rate": 14, "max_24_hour_send": 50_000}},
        identities={REGION: [DOMAIN]},
        verify_by_dns=True,
        rates={"hard_bounce": 0.03, "complaint": 0.002, "delay": 0.02},
    )
    ((key_id, key),) = account["keys"].items()
    connected = connect_key(
        account=start_connection(
            tenant=tenant, actor=user, name="Main", region=REGION, auth=SesAuth.KEY
        ),
        actor=user,
        access_key_id=key_id,
        secret_access_key=key["secret"],
    )
    refresh_identities(account=connected)
    identity = connected.identities.get(name=DOMAIN)
    set_mail_from(identity=identity, actor=user, mail_from=f"mail.{DOMAIN}")
    simulator.publish(AWS_ACCOUNT, REGION, DOMAIN)
    check_domain(identity=identity)
    set_up_feedback(account=connected, actor=user)
    _wait(lambda: bool(SesAccount.unscoped.get(pk=connected.pk).subscription_arn))


def _import(tenant: Tenant, user: User, newsletter: List) -> None:
    with TemporaryDirectory() as folder:
        content = write_csv(Path(folder) / "customers.csv", PEOPLE).read_bytes()
    import_ = imports.upload(
        tenant=tenant, file=SimpleUploadedFile("customers.csv", content), actor=user
    )
    choices = imports.Choices(mapping=import_.mapping, lists=[newsletter])
    imports.start(import_=import_, choices=choices, actor=user)
    _wait(lambda: Import.unscoped.get(pk=import_.pk).status == ImportStatus.DONE)


def _campaign(tenant: Tenant, user: User, newsletter: List, name: str, subject: str) -> Campaign:
    return save_draft(
        campaign=create_campaign(tenant=tenant, actor=user, name=name),
        lists=[newsletter],
        name=name,
        from_name="Acme",
        from_email=f"news@{DOMAIN}",
        reply_to="",
        subject=subject,
        preheader="The new catalogue is out.",
        html=_NEWS.read_text(),
    )


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"The workers took over {PATIENCE} s. Do they run?")
        time.sleep(0.2)


def _guide(tenant: Tenant, simulator_url: str) -> str:
    form = SignupForm.objects.for_tenant(tenant).first()
    form_url = f"{settings.SITE_URL}{reverse('public:form', args=[form.public_id])}" if form else ""
    return f"""
Dashboard      {settings.SITE_URL}{reverse("tenants:home", args=[tenant.slug])}
  log in as    {EMAIL}   password   {PASSWORD}
Sign-up form   {form_url}
Inbox          {simulator_url}   every mail that "AWS" took, and Bluefox's own
DNS            {simulator_url}/dns   publish the records of a domain that you add, or break them
"""

"""A mail of this workspace as it would leave now: the proof that one can leave the list."""

from dataclasses import dataclass

import orjson
from django.conf import settings

from campaigns.checklist import content_of
from campaigns.models import Campaign
from sending.content import Content, complete
from sending.errors import ContentError, RenderError
from sending.models import Batch, Lane, SesAccount
from sending.skeleton import Recipient, compile_batch
from tenants.models import Tenant

_PLAIN = Content("A first mail", "<html><body><p>Hello.</p></body></html>")
_READER = Recipient(message_id=0, contact_id=None, email="reader@example.com")


@dataclass(frozen=True)
class Sample:
    """What the rendered mail has. `of` names its campaign, "" where none is written yet;
    `wrong` says why it could not be rendered.
    """

    of: str = ""
    link: bool = False
    address: bool = False
    one_click: bool = False
    https: bool = False
    wrong: str = ""


def latest_campaign(tenant: Tenant) -> Campaign | None:
    """The campaign that was worked on last, with a content."""
    found: Campaign | None = (
        Campaign.objects.for_tenant(tenant).exclude(html="").order_by("-id").first()
    )
    return found


def sample_of(tenant: Tenant) -> Sample:
    """The newest campaign, or a plain mail, compiled and read as its recipient's mail program
    does: by the code that sends, with no recipient.
    """
    campaign = latest_campaign(tenant)
    content, name = (content_of(campaign), campaign.name) if campaign else (_PLAIN, "")
    try:
        whole = complete(content, postal_address=tenant.postal_address, unsubscribable=True)
        batch = Batch(
            id=0,
            tenant=tenant,
            lane=Lane.CAMPAIGN,
            ses_account=SesAccount(tenant=tenant),
            from_header="sender@example.com",
            subject=whole.subject,
            html=whole.html,
            text=whole.text,
        )
        skeleton = compile_batch(batch, tenant=tenant, site_url=settings.SITE_URL)
        simple = orjson.loads(skeleton.body(_READER))["Content"]["Simple"]
    except (ContentError, RenderError) as error:
        return Sample(of=name, wrong=str(error))
    headers = {one["Name"]: one["Value"] for one in simple["Headers"]}
    link = headers.get("List-Unsubscribe", "").strip("<>")
    parts = [part["Data"] for part in simple["Body"].values()]
    first_line = tenant.postal_address.strip().partition("\n")[0].strip()
    leaving = (f"{settings.SITE_URL}/u/", f"{settings.SITE_URL}/p/")
    return Sample(
        of=name,
        link=all(any(way in part for way in leaving) for part in parts),
        address=bool(first_line) and any(first_line in part for part in parts),
        one_click=bool(link) and headers.get("List-Unsubscribe-Post") == _ONE_CLICK,
        https=link.startswith("https://"),
    )


_ONE_CLICK = "List-Unsubscribe=One-Click"

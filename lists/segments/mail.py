"""What the apps above know of mails, for conditions about a certain campaign.

This app knows no campaigns and no messages. The app that does registers its MailHistory when it
starts; until then a condition about a campaign is broken, and matches nobody.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from tenants.models import Tenant


@dataclass(frozen=True)
class MailedCampaign:
    """A campaign that has left; `key` is what the SQL below is given for it.

    `lost` says why nobody knows any more who got it; empty while it is known.
    """

    public_id: str
    name: str
    key: int
    lost: str = ""


class MailHistory(Protocol):
    """Answers about mails."""

    # For each of language.ENGAGEMENT a SELECT of contact ids; the parameter %(campaign)s is a key.
    of_campaign: Mapping[str, str]
    # For sent and delivered a SELECT of the contact ids that were sent, or got, a mail since
    # %(since)s of those batches %(unfolded)s that lists_engagement does not count yet.
    of_unfolded: Mapping[str, str]

    def campaigns(
        self, tenant: Tenant, public_ids: Collection[UUID] | None
    ) -> list[MailedCampaign]:
        """These campaigns of the tenant, or with None the newest to choose from."""
        ...

    def unfolded(self, tenant: Tenant) -> list[int]:
        """The batches of the tenant whose mails lists_engagement does not count yet."""
        ...


_registered: list[MailHistory] = []


def register(history: MailHistory) -> None:
    """Makes known who answers; once, when the app starts."""
    _registered[:] = [history]


def history() -> MailHistory | None:
    return _registered[0] if _registered else None

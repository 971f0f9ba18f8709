"""Finds out, for the page of an account, which permissions it has given us."""

from django.utils import timezone

from sending.connection import store
from sending.credentials import api_of
from sending.models import SesAccount
from sending.ses.client import partition
from sending.ses.errors import SesError
from sending.ses.permissions import Place, check
from sending.ses.provisioning import Setup, topic_name


def look(account: SesAccount, name: str) -> None:
    """Asks AWS and stores what it says; `name` is that of our configuration set there.

    A role that cannot be assumed, or a key that AWS does not know, changes nothing: the test of
    the connection tells of those.
    """
    setup = Setup(name, account.region, account.aws_account_id, "", account.topic_arn)
    ours = ":".join(
        ("arn", partition(account.region), "sns", account.region, account.aws_account_id)
    )
    identity = account.identities.order_by("id").first()
    place = Place(
        setup,
        account.topic_arn or f"{ours}:{topic_name(name)}",
        account.dead_letter_url,
        identity.name if identity else "",
    )
    try:
        found = check(api_of(account), place)
    except SesError:
        return
    store(account, {"permissions": found, "permissions_checked_at": timezone.now()})

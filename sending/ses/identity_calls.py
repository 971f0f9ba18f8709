"""Domains and addresses that SES lets an account send from."""

from typing import Any

from sending.ses.client import Calls, adopting, aws


class IdentityCalls(Calls):
    """Makes and reads identities."""

    def identities(self) -> list[tuple[str, bool]]:
        """Every domain and address of this account and region, and whether it may send."""
        found: list[tuple[str, bool]] = []
        following: dict[str, str] = {}
        with aws("ListEmailIdentities"):
            while True:
                page = self._ses().list_email_identities(PageSize=1000, **following)
                found += [
                    (item["IdentityName"], item.get("SendingEnabled", False))
                    for item in page.get("EmailIdentities", [])
                ]
                if not page.get("NextToken"):
                    return found
                following = {"NextToken": page["NextToken"]}

    def get_identity(self, name: str) -> dict[str, Any]:
        with aws("GetEmailIdentity"):
            return dict(self._ses().get_email_identity(EmailIdentity=name))

    def create_identity(self, name: str) -> None:
        """Creates a domain (Easy DKIM, 2048 bit) or address; one that exists stays as it is."""
        dkim = {} if "@" in name else {"NextSigningKeyLength": "RSA_2048_BIT"}
        given = {"DkimSigningAttributes": dkim} if dkim else {}
        with adopting(), aws("CreateEmailIdentity"):
            self._ses().create_email_identity(EmailIdentity=name, **given)

"""Domains and addresses that SES lets an account send from."""

from typing import Any

from sending.ses.client import Calls, adopting, aws
from sending.ses.errors import SesError


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

    def delete_identity(self, name: str) -> None:
        """Deletes a domain or address; one that is gone already is no error."""
        try:
            with aws("DeleteEmailIdentity"):
                self._ses().delete_email_identity(EmailIdentity=name)
        except SesError as error:
            if error.http_status != 404:
                raise

    def put_mail_from(self, name: str, mail_from: str) -> None:
        """Has bounces go to `mail_from`; to a name of Amazon's while its MX record is missing."""
        with aws("PutEmailIdentityMailFromAttributes"):
            self._ses().put_email_identity_mail_from_attributes(
                EmailIdentity=name,
                MailFromDomain=mail_from,
                BehaviorOnMxFailure="USE_DEFAULT_VALUE",
            )

"""What SES says of the whole account, and what is asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sending.ses.client import Calls, aws

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutAccountDetails.html
USE_CASE_LENGTH = 5000
CONTACTS = 4
CONTACT_LENGTH = 254
WEBSITE_LENGTH = 1000


@dataclass(frozen=True)
class AccountDetails:
    """What a request for production access says. `mail_type` MARKETING or TRANSACTIONAL,
    `language` EN or JA, `contacts` further addresses that AWS writes to.
    """

    mail_type: str
    website: str
    use_case: str
    language: str = "EN"
    contacts: Sequence[str] = ()


class AccountCalls(Calls):
    """The account as a whole."""

    def get_account(self) -> dict[str, Any]:
        """SendQuota, ProductionAccessEnabled, SendingEnabled, EnforcementStatus."""
        with aws("GetAccount"):
            return dict(self._ses().get_account())

    def send_text(
        self,
        *,
        from_address: str,
        to: str,
        subject: str,
        text: str,
        configuration_set: str,
        tags: dict[str, str],
    ) -> str:
        """Sends one mail of plain text; the id that SES gives it. For campaigns: sending.sender."""
        given = {"ConfigurationSetName": configuration_set} if configuration_set else {}
        with aws("SendEmail"):
            answer = self._ses().send_email(
                FromEmailAddress=from_address,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}
                },
                EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
                **given,
            )
        return str(answer["MessageId"])

    def request_production_access(self, details: AccountDetails) -> None:
        """Asks AWS's people to let the account out of the sandbox.

        ConflictException while they look at an earlier request.
        """
        # An empty list is refused: the model wants one contact at least.
        contacts = {"AdditionalContactEmailAddresses": list(details.contacts)}
        with aws("PutAccountDetails"):
            self._ses().put_account_details(
                MailType=details.mail_type,
                WebsiteURL=details.website,
                UseCaseDescription=details.use_case,
                ContactLanguage=details.language,
                ProductionAccessEnabled=True,
                **(contacts if details.contacts else {}),
            )

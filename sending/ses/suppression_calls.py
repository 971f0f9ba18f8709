"""The suppression list that SES keeps of a whole account and region."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sending.ses.client import Calls, aws
from sending.ses.errors import SesError

PAGE = 1000
# The two reasons that SES knows.
BOUNCE, COMPLAINT = "BOUNCE", "COMPLAINT"


@dataclass(frozen=True)
class Listed:
    """An address on SES's list, lower-cased, with BOUNCE or COMPLAINT and when it came there."""

    address: str
    reason: str
    at: datetime


class SuppressionCalls(Calls):
    """Reads and changes the list."""

    def list_suppressed(
        self, *, since: datetime | None = None, token: str = ""
    ) -> tuple[Sequence[Listed], str]:
        """A page of what came to the list since then, and the token of the next page or "".

        A token that SES no longer takes is an InvalidNextTokenException: begin again.
        """
        given: dict[str, Any] = {"PageSize": PAGE}
        if since is not None:
            given["StartDate"] = since
        if token:
            given["NextToken"] = token
        with aws("ListSuppressedDestinations"):
            answer = self._ses().list_suppressed_destinations(**given)
        listed = [
            Listed(one["EmailAddress"].lower(), one["Reason"], one["LastUpdateTime"])
            for one in answer.get("SuppressedDestinationSummaries", [])
        ]
        return listed, answer.get("NextToken", "")

    def put_suppressed(self, address: str, reason: str) -> None:
        """Puts an address on the list, or gives it another reason. SES refuses in the sandbox."""
        with aws("PutSuppressedDestination"):
            self._ses().put_suppressed_destination(EmailAddress=address, Reason=reason)

    def delete_suppressed(self, address: str) -> None:
        """Takes an address off the list; one that is not on it is no error."""
        try:
            with aws("DeleteSuppressedDestination"):
                self._ses().delete_suppressed_destination(EmailAddress=address)
        except SesError as error:
            if error.code != "NotFoundException":
                raise

"""What SES says of the whole account."""

from typing import Any

from sending.ses.client import Calls, aws


class AccountCalls(Calls):
    """Reads of the account."""

    def get_account(self) -> dict[str, Any]:
        """SendQuota, ProductionAccessEnabled, SendingEnabled, EnforcementStatus."""
        with aws("GetAccount"):
            return dict(self._ses().get_account())

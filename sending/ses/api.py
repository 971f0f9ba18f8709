"""All calls that we make with a tenant's credentials."""

from sending.ses.account_calls import AccountCalls
from sending.ses.feedback_calls import FeedbackCalls
from sending.ses.identity_calls import IdentityCalls
from sending.ses.suppression_calls import SuppressionCalls


class SesApi(AccountCalls, IdentityCalls, FeedbackCalls, SuppressionCalls):
    """SES, SNS of one account and region. Each call raises SesError."""

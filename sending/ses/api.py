"""All calls that we make with a tenant's credentials."""

from sending.ses.account_calls import AccountCalls
from sending.ses.feedback_calls import FeedbackCalls
from sending.ses.identity_calls import IdentityCalls
from sending.ses.queue_calls import QueueCalls
from sending.ses.suppression_calls import SuppressionCalls


class SesApi(AccountCalls, IdentityCalls, FeedbackCalls, QueueCalls, SuppressionCalls):
    """SES, SNS and SQS of one account and region. Each call raises SesError."""

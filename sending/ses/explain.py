"""What AWS's refusals mean and what to do, in the words of someone who sends newsletters.

Codes: https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html and the errors
listed there with each operation.
"""

import re
from dataclasses import dataclass

from sending.ses.errors import UNREACHABLE, SesError
from sending.ses.policies import proper_case


@dataclass(frozen=True)
class Explanation:
    """Two sentences for the page; `missing_action` is the IAM action to allow, or ""."""

    meaning: str
    remedy: str
    missing_action: str = ""

    def __str__(self) -> str:
        return f"{self.meaning} {self.remedy}"


# "is not authorized to perform: ses:GetAccount on …"; SES puts quotes where STS has none.
_ACTION = re.compile(r"perform:?\s+[`'\"]?([A-Za-z0-9-]+:[A-Za-z0-9*]+)")

_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")
_BAD_KEY = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId")
_BAD_SIGNATURE = ("SignatureDoesNotMatch", "InvalidSignatureException")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException")


def missing_action(message: str) -> str:
    """The IAM action that an AccessDenied names, such as ses:GetAccount, or ""."""
    found = _ACTION.search(message)
    if found is None:
        return ""
    service, _, action = found[1].partition(":")
    return proper_case(f"{service.lower()}:{action}")


def explain(error: SesError) -> Explanation:
    """What this refusal means and what the person should do about it."""
    if error.code in _DENIED:
        return _denied(error)
    if error.code in _BAD_KEY:
        return Explanation(
            "AWS does not know this access key.",
            "Check that it was copied whole and that it is active in IAM, under Users, "
            "Security credentials.",
        )
    if error.code in _BAD_SIGNATURE:
        return _bad_signature(error)
    if error.code in _EXPIRED:
        return Explanation(
            "The session that AWS gave us has ended.", "Test again: a new one is asked for."
        )
    if error.code == UNREACHABLE:
        return Explanation(
            "AWS could not be reached from here.",
            "Check that the region is right, then test again in a minute.",
        )
    return _by_code(error)


def explain_words(words: str) -> Explanation | None:
    """The same for an error kept as "code: message"; None where AWS gave no code."""
    code, separator, message = words.partition(": ")
    if not separator or " " in code:
        return None
    return explain(SesError(code, message, 400, "this"))


def _denied(error: SesError) -> Explanation:
    if "sts:AssumeRole" in error.message:
        return Explanation(
            "AWS does not let us use this role.",
            "Compare its trust policy with the one shown here: the account that may assume it, "
            "and the external id.",
        )
    action = missing_action(error.message)
    if not action:
        return Explanation(
            f"AWS does not allow {error.operation}.",
            "Put the whole permission policy shown here on the role or user.",
        )
    return Explanation(
        f"The permission {action} is missing.",
        "Add it to the policy of the role or user in IAM, then test again.",
        action,
    )


def _bad_signature(error: SesError) -> Explanation:
    if "expired" in error.message.lower() or "not yet current" in error.message.lower():
        return Explanation(
            "The clock of this server is wrong by more than five minutes, so AWS refuses what it "
            "signs.",
            "Ask whoever runs the server to set its clock.",
        )
    return Explanation(
        "The secret access key does not belong to this access key id.",
        "Copy both again. If the secret is lost, make a new access key in IAM.",
    )


def _by_code(error: SesError) -> Explanation:
    if "Throttl" in error.code or error.http_status == 429:
        return Explanation("AWS asks us to go slower.", "Try again in a few seconds.")
    if error.http_status >= 500:
        return Explanation("AWS had a fault of its own.", "Try again in a minute.")
    if error.code == "AccountSuspendedException":
        return Explanation(
            "AWS has suspended sending from this account for good.",
            "Only AWS Support can lift it: answer the case that they opened.",
        )
    if error.code == "SendingPausedException":
        return Explanation(
            "Sending is paused in this SES account.",
            "Open the SES console: it says why, and how to have it resumed.",
        )
    if error.code == "LimitExceededException":
        return Explanation(
            "This AWS account has reached a limit of SES.",
            "Delete what is not used any more in the SES console, or ask AWS for a higher limit.",
        )
    if error.code == "ConflictException" and error.operation == "PutAccountDetails":
        return Explanation(
            "AWS still has an earlier request of this account open.",
            "Answer in its case at AWS Support: paste the text there. A new request is taken once "
            "that one is decided.",
        )
    if error.code in ("NotFoundException", "NotFound"):
        return Explanation(
            "Something that we set up is gone from the AWS account.",
            "Press Set up feedback: what is missing is made again.",
        )
    return Explanation(
        f"AWS refused {error.operation}.", "Its own words say why; mend that and try again."
    )

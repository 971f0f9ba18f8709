"""Errors of the sending app."""

from tenants.errors import BluefoxError


class ContentError(BluefoxError):
    """A content that cannot be sent; the sentence says where and what to change."""

    code = "content"


class RenderError(Exception):
    """One recipient's values do not go into the content. Fails that message, not the batch."""


class AwsRefused(BluefoxError):
    """AWS did not do what a person asked for: what that means, beside `aws`, its own words."""

    code = "aws"

    def __init__(self, message: str, *, aws: str = "", param: str = "") -> None:
        super().__init__(message, param=param)
        self.aws = aws


class IdentityRefused(BluefoxError):
    """No name of a domain or address to send from."""

    code = "invalid_identity"

    def __init__(self, message: str, *, param: str = "name") -> None:
        super().__init__(message, param=param)


class SelfTestRefused(BluefoxError):
    """A self-test cannot be run; the sentence says what it needs."""

    code = "self_test"


class WrongTopic(BluefoxError):
    """A topic that cannot tell of this account's mail."""

    code = "wrong_topic"

    def __init__(self, message: str) -> None:
        super().__init__(message, param="topic_arn")


class EventsAwaited(BluefoxError):
    """What became of mails is still to be read in events of SES."""

    code = "events_awaited"

    def __init__(self) -> None:
        super().__init__(
            "Amazon SES may still tell what became of these mails: no event that is newer than "
            "they are has been read yet. Try again in some minutes, at most in an hour."
        )


class BatchEnded(BluefoxError):
    """A batch that is cancelled or done takes no more mail and cannot be paused."""

    code = "batch_ended"

    def __init__(self) -> None:
        super().__init__("This has ended already, so it can neither be changed nor sent again.")

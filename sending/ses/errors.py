"""What AWS answers when it refuses, or when it cannot be reached."""

from botocore.exceptions import BotoCoreError, ClientError

UNREACHABLE = "Unreachable"


class SesError(Exception):
    """A call to SES, SNS or STS that failed. `message` keeps AWS's own words.

    `http_status` is 0 when no answer came; `code` is then UNREACHABLE.
    """

    def __init__(self, code: str, message: str, http_status: int, operation: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.operation = operation

    @property
    def may_pass(self) -> bool:
        """Whether the same call may succeed later without anyone mending anything."""
        return self.http_status in (0, 429) or self.http_status >= 500 or "Throttl" in self.code


def from_botocore(error: BotoCoreError | ClientError, operation: str) -> SesError:
    """The SesError for what botocore raised during `operation`."""
    if isinstance(error, ClientError):
        answer = error.response
        return SesError(
            answer.get("Error", {}).get("Code", ""),
            answer.get("Error", {}).get("Message", ""),
            answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
            operation,
        )
    return SesError(UNREACHABLE, str(error), 0, operation)

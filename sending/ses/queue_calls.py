"""The dead-letter queue: where SNS puts what it could not deliver to our webhook.

https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
"""

from dataclasses import dataclass

from sending.ses.client import Calls, aws

# As many as one call may return; and how long they are hidden from the next one.
_BATCH, _HIDDEN_SECONDS = 10, 120


@dataclass(frozen=True)
class Letter:
    """A message in the queue: the envelope as SNS posted it, and what deletes it."""

    body: str
    receipt: str


class QueueCalls(Calls):
    """Makes the queue, looks into it, takes from it. Each call raises SesError."""

    def create_queue(self, name: str) -> str:
        """The address of the queue of this name, made now or before."""
        with aws("CreateQueue"):  # without attributes, which may differ from those of one we find
            return str(self._sqs().create_queue(QueueName=name)["QueueUrl"])

    def set_queue_attributes(self, url: str, attributes: dict[str, str]) -> None:
        with aws("SetQueueAttributes"):
            self._sqs().set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def letters_waiting(self, url: str) -> int:
        """About how many messages lie in the queue, those that somebody has in hand too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with aws("GetQueueAttributes"):
            answer = self._sqs().get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def take_letters(self, url: str) -> list[Letter]:
        """Up to ten messages, hidden from others for two minutes; none when the queue is empty."""
        with aws("ReceiveMessage"):
            answer = self._sqs().receive_message(
                QueueUrl=url, MaxNumberOfMessages=_BATCH, VisibilityTimeout=_HIDDEN_SECONDS
            )
        return [Letter(one["Body"], one["ReceiptHandle"]) for one in answer.get("Messages", [])]

    def delete_letter(self, url: str, receipt: str) -> None:
        with aws("DeleteMessage"):
            self._sqs().delete_message(QueueUrl=url, ReceiptHandle=receipt)

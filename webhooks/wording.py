"""Why a mail came back, in words that are no mail server's."""

from sending.models import EventKind, MessageEvent

# https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
_BOUNCES = {
    "Permanent/General": "The mail server refused the address for good.",
    "Permanent/NoEmail": "There is no such mailbox.",
    "Permanent/Suppressed": "It bounced for other senders lately, so Amazon SES did not try.",
}
_COMPLAINTS = {
    "abuse": "They marked the mail as spam.",
    "fraud": "They reported the mail as fraud.",
    "virus": "Their provider found a virus in the mail.",
}


def why(event: MessageEvent) -> str:
    """The reason of a hard bounce or a complaint, a sentence."""
    if event.kind == EventKind.COMPLAINT:
        return _COMPLAINTS.get(event.subtype, _COMPLAINTS["abuse"])
    return _BOUNCES.get(event.subtype, _BOUNCES["Permanent/General"])

"""What still needs a field or a tag that somebody is about to delete."""

from lists.models import ContactField, Tag
from lists.signals import deletion_asked


def uses_of(thing: ContactField | Tag) -> list[str]:
    """Sentences that say what uses it, from whoever answers lists.signals.deletion_asked."""
    answers = deletion_asked.send(sender=type(thing), thing=thing)
    return [sentence for _, said in answers for sentence in said or ()]

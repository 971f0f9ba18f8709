"""What still needs a field or a tag that somebody is about to delete."""

from lists.models import ContactField, SignupForm, Tag
from lists.selectors.segments import segments_with
from lists.signals import deletion_asked


def uses_of(thing: ContactField | Tag) -> list[str]:
    """Sentences that say what uses it: ours, and those of lists.signals.deletion_asked."""
    said = []
    if isinstance(thing, ContactField):
        forms = SignupForm.objects.for_tenant(thing.tenant)
        asking = forms.filter(fields__contains=[{"key": thing.key}]).order_by("name")
        said = [f"The form {form} asks for it." for form in asking]
    said += [
        f"The segment {segment} names it, and must be changed first."
        for segment in segments_with(thing)
    ]
    answers = deletion_asked.send(sender=type(thing), thing=thing)
    return said + [sentence for _, more in answers for sentence in more or ()]

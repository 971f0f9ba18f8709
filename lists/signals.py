"""What the apps above may hear or add."""

from dataclasses import dataclass

from django.dispatch import Signal

# Sent for the contact page: contact_timeline.send(sender=Contact, contact=contact).
# A receiver returns a list of entries for the page's timeline, newest first and at most 50, each
# {"at": datetime, "title": str, "text": str, "tone": "green|amber|blue|red|grey", "icon": str,
# "url": str}; `at` and `title` are needed, the rest may be absent.
contact_timeline = Signal()

# Sent for a form's page: signup_form_checked.send(sender=SignupForm, form=form).
# A receiver returns a sentence that says why the form cannot send its confirmation mail, or "".
signup_form_checked = Signal()

# Sent for a form's builder: signup_form_previewed.send(sender=SignupForm, form=form, offer=offer),
# with a form that may not be stored yet and the lists.selectors.signup_forms.Offer that it makes.
# A receiver returns the form's public page as HTML, without script and captcha.
signup_form_previewed = Signal()


@dataclass(frozen=True)
class Use:
    """What uses a list or a segment: `kind` and `name` in words ("Campaign", "May offers"), where
    it is, and whether the list or segment cannot go while this does."""

    kind: str
    name: str
    url: str
    blocks: bool = False


# Sent before a list or a segment is deleted, and for its page:
# used_by.send(sender=List or Segment, thing=it).
# A receiver returns a list of Use: each thing of its app that would lose it.
used_by = Signal()

# Sent before a field or tag is deleted: deletion_asked.send(sender=ContactField or Tag, thing=it).
# A receiver returns a list of sentences that say what uses it; an empty one for nothing.
deletion_asked = Signal()

# Sent for the file of one person: contact_exported.send(sender=Contact, contact=contact).
# A receiver returns a dictionary of JSON values to be put into the file beside what lists knows:
# everything that its app keeps of this person. Keys of different apps must differ.
contact_exported = Signal()

# Sent in the transaction that erases a person, before the contact is deleted:
# contact_erased.send(sender=Contact, contact=contact). A receiver deletes what its app keeps of
# this person, also of their address alone, and takes address, name and data out of what has to
# stay. When it raises, nothing is erased.
contact_erased = Signal()

# Sent in the transaction that suppresses addresses for a hard bounce or complaint that was not read
# from SES's list: suppressed_by_us.send(sender=Suppression, tenant_id=id, rows=rows), each row
# (email_norm, reason, source).
suppressed_by_us = Signal()

# Sent in the transaction in which a member lets an address be mailed again:
# suppression_lifted.send(sender=Suppression, tenant=tenant, email_norm=address).
suppression_lifted = Signal()

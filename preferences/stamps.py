"""A signed note in each sign-up page: which form, when it was shown, with which consent wording.

It tells a program that posts at once from a person who reads and types, and it makes sure that
what was agreed to is what stood there.
"""

import hashlib
import time
from dataclasses import dataclass

from django.core import signing

from lists.models import SignupForm

SHORTEST = 2.0  # seconds to read a form and type an address
LONGEST = 24 * 3600.0
_SALT = "preferences.stamps"


@dataclass(frozen=True)
class Stamp:
    age: float  # seconds since the form was shown
    current: bool  # the consent wording has not changed since


def _digest(form: SignupForm) -> str:
    return hashlib.sha256(form.consent_wording.encode()).hexdigest()[:16]


def make(form: SignupForm) -> str:
    """The stamp of this form as it is shown now."""
    note = {"form": form.public_id.hex, "at": time.time(), "wording": _digest(form)}
    return signing.dumps(note, salt=_SALT)


def read(form: SignupForm, stamp: str) -> Stamp | None:
    """What the stamp says, or None when it is missing, forged or another form's."""
    try:
        note = signing.loads(stamp, salt=_SALT)
    except signing.BadSignature:
        return None
    if note["form"] != form.public_id.hex:
        return None
    return Stamp(age=time.time() - note["at"], current=note["wording"] == _digest(form))

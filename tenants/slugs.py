"""A workspace's short name in addresses."""

import secrets
from collections.abc import Iterator

from django.utils.text import slugify

_LONGEST = 50
# Words that people would take for a place of ours, in a path or as a host name.
_RESERVED = frozenset(
    "about account accounts admin api app assets auth billing blog bluefox contact dashboard demo "
    "docs email feedback help home legal login logout mail me media new postmaster pricing privacy "
    "security settings signup smtp staff static status support system team terms test user users "
    "w webhooks workspace workspaces www".split()
)


def candidates(name: str) -> Iterator[str]:
    """Slugs for a workspace of this name, the best first; never ends.

    The tail of a second choice is random: a number would tell how many have the same name.
    """
    base = slugify(name)[:_LONGEST].strip("-_")
    if base and base not in _RESERVED:
        yield base
    while True:
        yield f"{base or 'workspace'}-{secrets.token_hex(3)}"

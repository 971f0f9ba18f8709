"""A form that is open, with all that a sign-up needs of it.

It is read once by a process and remembered. Each request asks the database whether anything of it
has changed since: a row that was written anew has another ctid or xmin ("System Columns").
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections

from lists.models import SignupForm
from lists.selectors.signup_forms import Offer, offer_of, open_form
from preferences.services.mailing import Sender, sender_of
from tenants.prepared import Prepared

_MOST = 1_000  # forms that a process remembers
# The form and its workspace, its lists and which are ticked, the workspace's fields, and who may
# send. An inner join drops a form that is off: it is gone.
_VERSION = Prepared(
    "form_version",
    """
    SELECT concat_ws(' ', f.ctid, f.xmin, t.ctid, t.xmin,
        (SELECT string_agg(concat_ws(' ', l.ctid, l.xmin), ',' ORDER BY l.id)
         FROM lists_signupform_lists m JOIN lists_list l ON l.id = m.list_id
         WHERE m.signupform_id = f.id),
        (SELECT string_agg(m.list_id::text, ',' ORDER BY m.list_id)
         FROM lists_signupform_ticked_lists m WHERE m.signupform_id = f.id),
        (SELECT string_agg(concat_ws(' ', c.ctid, c.xmin), ',' ORDER BY c.id)
         FROM lists_contactfield c WHERE c.tenant_id = f.tenant_id),
        (SELECT string_agg(concat_ws(' ', i.ctid, i.xmin, a.ctid, a.xmin), ',' ORDER BY i.id)
         FROM sending_senderidentity i JOIN sending_sesaccount a ON a.id = i.ses_account_id
         WHERE i.tenant_id = f.tenant_id))
    FROM lists_signupform f JOIN tenants_tenant t ON t.id = f.tenant_id
    WHERE f.public_id = $1 AND f.is_active
    """,
)


@dataclass(frozen=True)
class Opened:
    """To be read only: requests at the same time share it. `sender` is None when none may send."""

    version: str
    form: SignupForm
    offer: Offer
    sender: Sender | None


_remembered: OrderedDict[UUID, Opened] = OrderedDict()
_lock = Lock()


def opened(public_id: UUID) -> Opened | None:
    """The form with this id as it is now, if it takes sign-ups."""
    rows = _versions(public_id)
    if not rows:
        return None
    [(version,)] = rows
    known = _remembered.get(public_id)
    if known is not None and known.version == version:
        return known
    form = open_form(public_id)
    if form is None:
        return None
    found = Opened(version, form, offer_of(form), sender_of(form))
    with _lock:
        _remembered[public_id] = found
        while len(_remembered) > _MOST:
            _remembered.popitem(last=False)
    return found


def _versions(public_id: UUID) -> list[tuple[Any, ...]]:
    """Asked first of all, so that the answer is also the proof that the connection is alive, for
    which Django would ask before it (CONN_HEALTH_CHECKS)."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.in_atomic_block:
        return _VERSION.rows(public_id)
    connection.health_check_done = True  # type: ignore[attr-defined]  # unknown to the stubs
    try:
        return _VERSION.rows(public_id)
    except (InterfaceError, OperationalError):
        connection.close()
        return _VERSION.rows(public_id)

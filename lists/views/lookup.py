"""A contact of the workspace by the id in the address."""

from typing import Any, cast
from uuid import UUID

from django.shortcuts import get_object_or_404

from lists.models import Contact


def contact_of(request: Any, public_id: UUID) -> Contact:
    owned = Contact.objects.for_tenant(request.tenant)
    return cast(Contact, get_object_or_404(owned, public_id=public_id))

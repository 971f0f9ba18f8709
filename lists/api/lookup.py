"""What an id in a request stands for."""

from uuid import UUID

from rest_framework import serializers

from lists.models import List
from tenants.models import Tenant


def lists_named(tenant: Tenant, public_ids: list[UUID], *, param: str) -> list[List]:
    """The tenant's lists of these ids. Raises ValidationError, with the path of the first that is
    not there.
    """
    found = {
        one.public_id: one
        for one in List.objects.for_tenant(tenant).filter(public_id__in=public_ids)
    }
    for index, public_id in enumerate(public_ids):
        if public_id not in found:
            message = f"There is no list {public_id}."
            raise serializers.ValidationError({f"{param}.{index}": [message]})
    return list(found.values())

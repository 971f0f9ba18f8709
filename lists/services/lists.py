"""Writes to lists."""

from django.db import IntegrityError, transaction

from lists.errors import ListNameTaken
from lists.models import List
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit


def save_list(
    *,
    tenant: Tenant,
    name: str,
    description: str = "",
    is_public: bool = True,
    double_opt_in: bool = True,
    list_: List | None = None,
    actor: User | None = None,
    request: HasMeta | None = None,
) -> List:
    """Makes a list, or changes `list_`. Raises ListNameTaken."""
    is_new = list_ is None
    saved = list_ or List(tenant=tenant)
    saved.name = name.strip()
    saved.description = description.strip()
    saved.is_public = is_public
    saved.double_opt_in = double_opt_in
    try:
        with transaction.atomic():
            saved.save()
            audit.record(
                tenant=tenant,
                actor=actor,
                action="list.created" if is_new else "list.changed",
                target=saved.name,
                request=request,
            )
    except IntegrityError as error:
        raise ListNameTaken(name) from error
    return saved

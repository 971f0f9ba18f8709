"""Workspaces: made by a person, changed by its admins."""

from dataclasses import asdict, dataclass

from django.db import transaction

from tenants import slugs
from tenants.clients import HasMeta
from tenants.models import Accent, Membership, Role, Tenant, User
from tenants.services import audit


@dataclass(frozen=True)
class Limits:
    """From when on a campaign is paused (percent), and how many days messages are kept."""

    bounce_limit: float
    complaint_limit: float
    retention_days: int


@dataclass(frozen=True)
class Profile:
    """What a workspace says of itself."""

    name: str
    timezone: str
    website: str = ""
    postal_address: str = ""
    accent: Accent = Accent.BLUE


def _insert(tenant: Tenant, slug: str) -> Tenant | None:
    """The stored tenant, or None when the slug is taken.

    Two people may ask for one name in the same moment: the unique index decides, and ON CONFLICT
    DO NOTHING keeps the transaction alive for the next slug.
    """
    tenant.slug = slug
    Tenant.objects.bulk_create([tenant], ignore_conflicts=True)
    return Tenant.objects.filter(public_id=tenant.public_id).first()


@transaction.atomic
def create_workspace(*, owner: User, profile: Profile, request: HasMeta | None = None) -> Tenant:
    """A new workspace that `owner` owns, with a slug made of its name."""
    tenant = Tenant(**asdict(profile))
    attempts = (_insert(tenant, slug) for slug in slugs.candidates(profile.name))
    stored = next(filter(None, attempts))
    Membership.unscoped.create(tenant=stored, user=owner, role=Role.OWNER)
    audit.record(
        tenant=stored,
        actor=owner,
        action="workspace.created",
        target=stored.name,
        request=request,
    )
    return stored


@transaction.atomic
def update_workspace(
    *, tenant: Tenant, actor: User, to: Profile | Limits, request: HasMeta | None = None
) -> Tenant:
    """The workspace with these values; the audit log keeps what each was before."""
    stored = Tenant.objects.select_for_update().get(pk=tenant.pk)
    wanted = asdict(to)
    changes = {
        field: {"from": getattr(stored, field), "to": value}
        for field, value in wanted.items()
        if getattr(stored, field) != value
    }
    if changes:
        for field in changes:
            setattr(stored, field, wanted[field])
        stored.save(update_fields=list(changes))
        audit.record(
            tenant=stored,
            actor=actor,
            action="workspace.changed",
            target=stored.name,
            detail=changes,
            request=request,
        )
    return stored

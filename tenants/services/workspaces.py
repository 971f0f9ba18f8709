"""Workspaces: made by a person, changed by its admins."""

import hashlib
from dataclasses import asdict, dataclass

from django.db import transaction

from tenants import slugs
from tenants.clients import HasMeta
from tenants.look import kind_of_picture
from tenants.models import Accent, Logo, Membership, Role, Tenant, User
from tenants.services import audit


@dataclass(frozen=True)
class Limits:
    """From when on a campaign is paused (percent), how many days messages are kept, after how
    many somebody is unengaged, and on how many of how many days a mailbox may bounce softly
    (None: never, always).
    """

    bounce_limit: float
    complaint_limit: float
    retention_days: int
    unengaged_days: int | None = None
    soft_bounce_days: int | None = 4
    soft_bounce_window: int = 14


@dataclass(frozen=True)
class Profile:
    """What a workspace says of itself."""

    name: str
    timezone: str
    website: str = ""
    postal_address: str = ""
    monthly_report: bool = True


@dataclass(frozen=True)
class Look:
    """How a workspace's public pages look. `colour` as tenants.look.read_colour() gives it."""

    accent: Accent
    colour: str = ""
    public_footer: str = ""


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
    *, tenant: Tenant, actor: User, to: Profile | Limits | Look, request: HasMeta | None = None
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


@transaction.atomic
def set_logo(
    *, tenant: Tenant, actor: User, picture: bytes | None, request: HasMeta | None = None
) -> Tenant:
    """The workspace with this picture on its public pages, or with none. Raises LookRefused."""
    stored = Tenant.objects.select_for_update().get(pk=tenant.pk)
    if picture is None:
        Logo.unscoped.filter(tenant=stored).delete()
        stored.logo_digest = ""
    else:
        kind = kind_of_picture(picture)
        Logo.unscoped.update_or_create(
            tenant=stored, defaults={"content_type": kind, "data": picture}
        )
        stored.logo_digest = hashlib.sha256(picture).hexdigest()[:32]
    stored.save(update_fields=["logo_digest"])
    audit.record(
        tenant=stored,
        actor=actor,
        action="workspace.logo_changed" if picture else "workspace.logo_removed",
        target=stored.name,
        request=request,
    )
    return stored

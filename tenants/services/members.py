"""Members: their role, and their leaving. A workspace always has an owner."""

from django.db import transaction

from tenants.clients import HasMeta
from tenants.errors import MemberRefused
from tenants.models import Membership, Role, Tenant
from tenants.services import audit


def _lock(member: Membership, actor: Membership) -> tuple[Membership, Membership]:
    """Both rows as they are now, behind a lock on the workspace.

    Two owners who demote each other at the same moment must not leave it without one, so changes
    of membership take turns; and whoever was demoted meanwhile may no longer act.
    Raises MemberRefused when either is no member any more.
    """
    Tenant.objects.select_for_update().get(pk=actor.tenant_id)
    members = Membership.objects.for_tenant(actor.tenant).select_related("user")
    found = {row.pk: row for row in members.filter(pk__in=[member.pk, actor.pk])}
    if member.pk not in found or actor.pk not in found:
        raise MemberRefused("This person is not a member of the workspace any more.")
    return found[member.pk], found[actor.pk]


def _check_owner_stays(member: Membership) -> None:
    owners = Membership.objects.for_tenant(member.tenant).filter(role=Role.OWNER)
    if not owners.exclude(pk=member.pk).exists():
        raise MemberRefused(
            "A workspace needs an owner. Make somebody else an owner first.", param="role"
        )


@transaction.atomic
def change_role(
    *, member: Membership, role: Role, actor: Membership, request: HasMeta | None = None
) -> Membership:
    """The member with this role. Raises MemberRefused.

    Owners and admins may; only owners make or unmake owners.
    """
    member, actor = _lock(member, actor)
    if actor.role not in (Role.OWNER, Role.ADMIN):
        raise MemberRefused("Only owners and admins change roles.", param="role")
    before = Role(member.role)
    if before == role:
        return member
    if Role.OWNER in (before, role) and actor.role != Role.OWNER:
        raise MemberRefused("Only an owner can make or unmake an owner.", param="role")
    if before == Role.OWNER:
        _check_owner_stays(member)
    member.role = role
    member.save(update_fields=["role"])
    audit.record(
        tenant=member.tenant,
        actor=actor.user,
        action="member.role_changed",
        target=str(member.user),
        detail={"from": before.value, "to": role.value},
        request=request,
    )
    return member


@transaction.atomic
def remove_member(*, member: Membership, actor: Membership, request: HasMeta | None = None) -> None:
    """The person is no member any more. Raises MemberRefused.

    Everybody may leave; owners remove anybody, admins anybody but owners.
    """
    member, actor = _lock(member, actor)
    leaves = member.pk == actor.pk
    if not leaves and actor.role not in (Role.OWNER, Role.ADMIN):
        raise MemberRefused("Only owners and admins remove members.")
    if member.role == Role.OWNER:
        if actor.role != Role.OWNER:
            raise MemberRefused("Only an owner can remove an owner.")
        _check_owner_stays(member)
    member.delete()
    audit.record(
        tenant=actor.tenant,
        actor=actor.user,
        action="member.left" if leaves else "member.removed",
        target=str(member.user),
        detail={"role": member.role},
        request=request,
    )

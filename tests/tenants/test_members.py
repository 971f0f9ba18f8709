"""Members: who may change whom, and that an owner always stays."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from tenants.errors import MemberRefused
from tenants.models import AuditEvent, Membership, Role, Tenant, User
from tenants.services.members import change_role, remove_member
from tests.conftest import Person


def member(tenant: Tenant, role: Role) -> Membership:
    user = User.objects.create_user(f"{role}{User.objects.count()}@acme.example")
    return Membership.unscoped.create(tenant=tenant, user=user, role=role)


@pytest.mark.parametrize(
    ("actor", "before", "after", "allowed"),
    [
        (Role.OWNER, Role.VIEWER, Role.OWNER, True),
        (Role.OWNER, Role.OWNER, Role.ADMIN, True),
        (Role.ADMIN, Role.VIEWER, Role.ADMIN, True),
        (Role.ADMIN, Role.ADMIN, Role.VIEWER, True),
        (Role.ADMIN, Role.VIEWER, Role.OWNER, False),
        (Role.ADMIN, Role.OWNER, Role.VIEWER, False),
        (Role.MARKETER, Role.VIEWER, Role.MARKETER, False),
        (Role.DEVELOPER, Role.VIEWER, Role.DEVELOPER, False),
        (Role.VIEWER, Role.MARKETER, Role.VIEWER, False),
    ],
)
def test_who_changes_which_role(
    acme: Tenant, actor: Role, before: Role, after: Role, allowed: bool
) -> None:
    member(acme, Role.OWNER)
    acting, changed = member(acme, actor), member(acme, before)
    if allowed:
        change_role(member=changed, role=after, actor=acting)
        assert AuditEvent.unscoped.get().detail == {"from": before, "to": after}
    else:
        with pytest.raises(MemberRefused):
            change_role(member=changed, role=after, actor=acting)
        assert not AuditEvent.unscoped.exists()
    changed.refresh_from_db()
    assert changed.role == (after if allowed else before)


def test_the_last_owner_stays_owner(acme: Tenant) -> None:
    owner = member(acme, Role.OWNER)
    with pytest.raises(MemberRefused, match="needs an owner"):
        change_role(member=owner, role=Role.ADMIN, actor=owner)
    with pytest.raises(MemberRefused, match="needs an owner"):
        remove_member(member=owner, actor=owner)
    member(acme, Role.OWNER)
    remove_member(member=owner, actor=owner)
    assert AuditEvent.unscoped.get().action == "member.left"


def test_who_was_demoted_meanwhile_may_no_longer_act(acme: Tenant) -> None:
    admin, viewer = member(acme, Role.ADMIN), member(acme, Role.VIEWER)
    Membership.unscoped.filter(pk=admin.pk).update(role=Role.VIEWER)
    with pytest.raises(MemberRefused):
        change_role(member=viewer, role=Role.ADMIN, actor=admin)
    with pytest.raises(MemberRefused):
        remove_member(member=viewer, actor=admin)


def test_a_member_of_another_workspace_cannot_be_reached(acme: Tenant, evil: Tenant) -> None:
    stranger, owner = member(acme, Role.VIEWER), member(evil, Role.OWNER)
    with pytest.raises(MemberRefused, match="not a member"):
        remove_member(member=stranger, actor=owner)
    assert Membership.unscoped.filter(pk=stranger.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_demote_each_other_leave_one(acme: Tenant) -> None:
    one, two = member(acme, Role.OWNER), member(acme, Role.OWNER)
    barrier = Barrier(2)

    def demote(actor: Membership, other: Membership) -> bool:
        barrier.wait()
        try:
            change_role(member=other, role=Role.VIEWER, actor=actor)
        except MemberRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, (one, two), (two, one)))
    assert sorted(done) == [False, True]
    assert Membership.unscoped.filter(role=Role.OWNER).count() == 1


def test_the_page_changes_removes_and_says_why_not(alice: Person, bob: Person) -> None:
    row = Membership.unscoped.get(user=bob.user)
    own = Membership.unscoped.get(user=alice.user)
    base = "/w/acme/settings/members"
    page = alice.client.post(f"{base}/{row.public_id}/role/", {"role": "viewer"}, follow=True)
    assert "Bob is Viewer now" in page.content.decode()
    page = alice.client.post(f"{base}/{own.public_id}/role/", {"role": "viewer"}, follow=True)
    assert "needs an owner" in page.content.decode()
    page = alice.client.post(f"{base}/{row.public_id}/role/", {"role": "king"}, follow=True)
    assert "one of the roles" in page.content.decode()
    row.refresh_from_db()
    assert row.role == Role.VIEWER
    alice.client.post(f"{base}/{row.public_id}/remove/")
    assert bob.client.get("/w/acme/").status_code == 404


def test_everybody_may_leave(alice: Person, bob: Person) -> None:
    response = bob.client.post("/w/acme/settings/members/leave/")
    assert response.headers["Location"] == "/"
    assert not Membership.unscoped.filter(user=bob.user).exists()

"""Writes to segments, and the answer to whoever deletes what they name."""

from django.db import transaction

from lists.errors import InUse, SegmentNameTaken, SegmentRefused
from lists.models import ContactField, Segment, Tag
from lists.segments.language import Definition
from lists.segments.names import names_for
from lists.segments.reading import dump
from lists.selectors.segments import segments_with, uses_of
from lists.services.naming import name_of_its_own
from tenants.clients import HasMeta
from tenants.models import Tenant, User
from tenants.services import audit

MOST_SEGMENTS = 500


def save_segment(
    *,
    tenant: Tenant,
    name: str,
    definition: Definition,
    segment: Segment | None = None,
    actor: User | None = None,
    request: HasMeta | None = None,
) -> Segment:
    """Makes a segment, or changes `segment`.

    Raises SegmentNameTaken, and SegmentRefused for a definition that names what this workspace
    does not have.
    """
    broken = names_for(tenant, [definition]).broken(definition)
    if broken:
        raise SegmentRefused([(one.group, one.condition, one.why) for one in broken])
    if segment is None and Segment.objects.for_tenant(tenant).count() >= MOST_SEGMENTS:
        raise SegmentRefused([(0, 0, f"{MOST_SEGMENTS} segments are the most. Delete one first.")])
    saved = segment or Segment(tenant=tenant)
    saved.name, saved.definition = name.strip(), dump(definition)
    action = "segment.changed" if segment else "segment.created"
    with name_of_its_own(SegmentNameTaken(saved.name)):
        saved.save()
        audit.record(tenant=tenant, actor=actor, action=action, target=saved.name, request=request)
    return saved


def duplicate_segment(
    *, segment: Segment, actor: User | None = None, request: HasMeta | None = None
) -> Segment:
    """A second segment with this definition, called `Copy of …`; what is broken stays broken."""
    taken = {
        name.lower()
        for name in Segment.objects.for_tenant(segment.tenant).values_list("name", flat=True)
    }
    numbers = range(1, len(taken) + 2)
    names = (f"Copy{'' if n == 1 else f' {n}'} of {segment.name}"[:120] for n in numbers)
    name = next(name for name in names if name.lower() not in taken)
    with name_of_its_own(SegmentNameTaken(name)):
        copy: Segment = Segment.unscoped.create(
            tenant=segment.tenant, name=name, definition=segment.definition
        )
        audit.record(
            tenant=segment.tenant,
            actor=actor,
            action="segment.created",
            target=name,
            detail={"copy of": segment.name},
            request=request,
        )
    return copy


@transaction.atomic
def delete_segment(
    *, segment: Segment, actor: User | None = None, request: HasMeta | None = None
) -> None:
    """Raises InUse while something still to come needs it: a draft that leaves it out would mail
    its members.
    """
    locked = Segment.unscoped.select_for_update().select_related("tenant").get(pk=segment.pk)
    blocking = [f"{use.kind} {use.name}" for use in uses_of(locked) if use.blocks]
    if blocking:
        raise InUse(locked.name, blocking)
    audit.record(
        tenant=locked.tenant,
        actor=actor,
        action="segment.deleted",
        target=locked.name,
        request=request,
    )
    locked.delete()


def refuse_if_used(thing: Tag | ContactField) -> None:
    """For whoever deletes a tag or a field. Raises InUse with the segments that name it."""
    users = segments_with(thing)
    if users:
        raise InUse(str(thing), [f"Segment {one.name}" for one in users])

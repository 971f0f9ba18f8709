"""A contact's places on lists, and how each came to be what it is."""

from dataclasses import dataclass
from datetime import datetime

from lists.models import ConsentRecord, Contact, Source, Subscription

_RECORDS = 500  # more acts than any person has


@dataclass(frozen=True)
class Step:
    """One thing that happened to a place, in words."""

    at: datetime
    words: str


def places_of(contact: Contact) -> list[Subscription]:
    """By name of the list, each with `.history`: its Steps, the oldest first.

    They come of the consent records, which keep lists by the name that they had.
    """
    places = list(
        Subscription.unscoped.filter(contact=contact)
        .select_related("list", "imported__created_by")
        .order_by("list__name")
    )
    records = list(contact.consents.order_by("at")[:_RECORDS])
    for place in places:
        steps = [_step(record) for record in records if _is_about(record, place)]
        if not any(step.at <= place.created_at for step in steps):
            steps.insert(0, Step(place.created_at, f"Joined ({_joined_by(place)})"))
        place.history = sorted(steps, key=lambda step: step.at)  # type: ignore[attr-defined]
    return places


def _is_about(record: ConsentRecord, place: Subscription) -> bool:
    """A pause of everything names no list."""
    everywhere = not record.list_names and record.act in (
        ConsentRecord.Act.PAUSED,
        ConsentRecord.Act.RESUMED,
    )
    return place.list.name in record.list_names or (everywhere and record.at >= place.created_at)


def _step(record: ConsentRecord) -> Step:
    words = record.get_act_display()
    if record.act == ConsentRecord.Act.PAUSED and record.wording:
        words = f"{words} {record.wording[0].lower()}{record.wording[1:]}"
    elif record.form_name:
        words = f"{words} ({record.form_name})"
    elif record.source != Source.PREFERENCES:
        words = f"{words} ({record.get_source_display()})"
    return Step(record.at, words)


def _joined_by(place: Subscription) -> str:
    return place.imported.filename if place.imported else place.get_source_display()

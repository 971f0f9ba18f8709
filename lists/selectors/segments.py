"""Who is in a segment, and what uses what."""
# ruff: noqa: S608, S611 (SQL of lists.segments.sql: constants, with bound parameters)

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Lower
from django.utils import timezone

from lists.models import Contact, ContactField, List, Segment, Tag
from lists.segments import mail
from lists.segments.language import Condition, Definition, Takes, operators_of
from lists.segments.mail import MailedCampaign
from lists.segments.names import Broken, names_for
from lists.segments.reading import conditions, parse
from lists.segments.sql import Clock, Compiled, compile_definition
from lists.segments.wording import words
from lists.selectors.counting import count_found
from lists.signals import Use, used_by
from tenants.models import Tenant

SAMPLE = 10


@dataclass(frozen=True)
class Preview:
    """What a definition comes to now: how many, some of them, in words, and what is broken."""

    count: int
    sample: list[Contact]
    words: str
    broken: tuple[Broken, ...]


@dataclass(frozen=True)
class InWords:
    """A segment as a sentence, and the conditions of it that cannot be answered any more."""

    segment: Segment
    words: str
    broken: list[Broken]


def segments_of(tenant: Tenant) -> list[InWords]:
    """By name."""
    return in_words(tenant, Segment.objects.for_tenant(tenant).order_by(Lower("name")))


def in_words(tenant: Tenant, segments: Iterable[Segment]) -> list[InWords]:
    """These segments of the tenant, in their order."""
    segments = list(segments)
    definitions = {one.pk: parse(one.definition) for one in segments}
    names = names_for(tenant, definitions.values())
    return [
        InWords(one, words(definitions[one.pk], names), names.broken(definitions[one.pk]))
        for one in segments
    ]


def compiled(tenant: Tenant, definition: Definition) -> Compiled:
    """The definition's condition as of this moment."""
    clock = Clock.of(tenant, timezone.now())
    return compile_definition(definition, names_for(tenant, [definition]), clock)


_PARAMETER = re.compile(r"%\((\w+)\)s")


def holds(tenant: Tenant, asked: Compiled) -> RawSQL:
    """What compiled() made, as a condition for a queryset of Contact.

    Each contact is asked for by its id, so that asking a few of a million costs a few.
    """
    names = _PARAMETER.findall(asked.sql)
    return RawSQL(
        "EXISTS (SELECT 1 FROM lists_contact c WHERE c.id = lists_contact.id "
        f"AND c.tenant_id = %s AND {_PARAMETER.sub('%s', asked.sql)})",
        [tenant.pk, *(asked.params[name] for name in names)],
        output_field=BooleanField(),
    )


def count(tenant: Tenant, definition: Definition) -> int:
    """How many contacts of the tenant a definition holds for now."""
    return count_found(tenant, compiled(tenant, definition))


def preview(tenant: Tenant, definition: Definition) -> Preview:
    """What a definition comes to now."""
    names = names_for(tenant, [definition])
    asked = compile_definition(definition, names, Clock.of(tenant, timezone.now()))
    found = count_found(tenant, asked)
    sample = _sample(tenant, asked) if found else []
    return Preview(found, sample, words(definition, names), asked.broken)


def _sample(tenant: Tenant, asked: Compiled) -> list[Contact]:
    """Any ten, by address. Without an order PostgreSQL stops at the tenth that it meets."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT c.id FROM lists_contact c WHERE c.tenant_id = %(tenant_id)s "
            f"AND {asked.sql} LIMIT {SAMPLE}",
            asked.params | {"tenant_id": tenant.pk},
        )
        ids = [row[0] for row in cursor.fetchall()]
    return list(Contact.objects.for_tenant(tenant).filter(pk__in=ids).order_by("email_norm"))


def uses_of(thing: Segment | List) -> list[Use]:
    """What would lose a segment or a list if it were deleted, as the apps above answer."""
    answers: list[Any] = used_by.send(sender=type(thing), thing=thing)
    return [use for _, uses in answers for use in uses]


def segments_with(thing: List | Tag | ContactField) -> list[Segment]:
    """The segments whose definitions name a list, a tag or a field, by name."""
    segments = Segment.objects.for_tenant(thing.tenant).order_by("name")
    return [
        one
        for one in segments
        if any(_names(c, thing) for _, _, c in conditions(parse(one.definition)))
    ]


def _names(condition: Condition, thing: List | Tag | ContactField) -> bool:
    if isinstance(thing, ContactField):
        return condition.field == (thing.kind, thing.key)
    wanted = Takes.LIST if isinstance(thing, List) else Takes.TAG
    takes = operators_of(condition.what)[condition.op].takes
    return (wanted, str(thing.public_id)) in zip(takes, condition.values, strict=True)


def campaigns_to_choose(tenant: Tenant, chosen: Iterable[UUID] = ()) -> list[MailedCampaign]:
    """The newest campaigns that have left, and those that a definition names already."""
    history = mail.history()
    if history is None:
        return []
    newest = history.campaigns(tenant, None)
    known = {one.public_id for one in newest}
    others = {one for one in chosen if str(one) not in known}
    return newest + (history.campaigns(tenant, others) if others else [])

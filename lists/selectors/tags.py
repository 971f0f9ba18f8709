"""Reading tags, and who has them."""

from django.db.models import Count, QuerySet

from lists.models import Contact, ContactTag, Tag
from tenants.models import Tenant


def tags_of(tenant: Tenant) -> QuerySet[Tag]:
    """By name."""
    tags: QuerySet[Tag] = Tag.objects.for_tenant(tenant)
    return tags.order_by("name")


def tags_with_counts(tenant: Tenant) -> list[Tag]:
    """By name, each with `.contacts`: how many have it."""
    counted = ContactTag.objects.for_tenant(tenant).values_list("tag_id").annotate(Count("id"))
    counts = dict(counted.order_by())
    tags = list(tags_of(tenant))
    for tag in tags:
        tag.contacts = counts.get(tag.pk, 0)  # type: ignore[attr-defined]
    return tags


def tags_on(contact: Contact) -> QuerySet[Tag]:
    """The contact's tags, by name."""
    return Tag.unscoped.filter(tagged__contact=contact).order_by("name")

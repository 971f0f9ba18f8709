"""Sign-up forms, and what came of them."""

from django.db.models import Count, Q, QuerySet

from lists.models import SignupForm
from tenants.models import Tenant


def forms_of(tenant: Tenant) -> QuerySet[SignupForm]:
    """The tenant's forms by name, with `requested` and `confirmed`: people, not mails."""
    people = Count("confirmation__contact", distinct=True)
    done = Q(confirmation__confirmed_at__isnull=False)
    forms: QuerySet[SignupForm] = (
        SignupForm.objects.for_tenant(tenant)
        .prefetch_related("lists")
        .annotate(
            requested=people,
            confirmed=Count("confirmation__contact", distinct=True, filter=done),
        )
        .order_by("name", "pk")
    )
    return forms

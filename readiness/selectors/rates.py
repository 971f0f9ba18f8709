"""Rates of a span of time that has an end; for those up to now see reputation.selectors.rates."""

from datetime import datetime

from reputation.selectors.rates import Rates, account_ids
from sending.selectors.standing import hours_of, standing_from, sums
from tenants.models import Tenant


def rates_between(tenant: Tenant, since: datetime, until: datetime) -> Rates:
    """What all accounts of the workspace sent together; exact to the hour."""
    hours = hours_of(account_ids(tenant), since).filter(hour__lt=until)
    return Rates(**vars(standing_from(hours.aggregate(**sums()))))

"""Rates as AWS counts them, over windows, of one account or all, of one tenant only."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reputation.selectors.rates import BOUNCES, COMPLAINTS, Level, Rate, high_rates, rates
from sending.models import SesAccount, SesState
from tenants.models import Tenant
from tests.reputation.scenes import tell
from tests.sending.factory import make_batch


@pytest.mark.parametrize(
    ("rate", "level"),
    [
        (Rate(0, 0, 5, BOUNCES), Level.NONE),
        (Rate(9, 99, 5, BOUNCES), Level.FEW),
        (Rate(4, 100, 5, BOUNCES), Level.FEW),
        (Rate(0, 100, 5, BOUNCES), Level.GOOD),
        (Rate(2, 100, 5, BOUNCES), Level.GOOD),
        (Rate(249, 10_000, 5, BOUNCES), Level.GOOD),
        (Rate(250, 10_000, 5, BOUNCES), Level.NEAR),
        (Rate(5, 100, 5, BOUNCES), Level.REVIEW),
        (Rate(999, 10_000, 5, BOUNCES), Level.REVIEW),
        (Rate(10, 100, 5, BOUNCES), Level.PAUSE),
        (Rate(1, 500, 2, COMPLAINTS), Level.FEW),
        (Rate(1, 10_000, 2, COMPLAINTS), Level.GOOD),
        (Rate(2, 4_000, 2, COMPLAINTS), Level.NEAR),
        (Rate(2, 2_000, 2, COMPLAINTS), Level.REVIEW),
        (Rate(2, 400, 2, COMPLAINTS), Level.PAUSE),
    ],
)
def test_how_a_rate_stands_to_the_lines(rate: Rate, level: Level) -> None:
    assert rate.level == level


def test_rates_over_windows_of_accounts(
    ses_account: SesAccount, acme: Tenant, evil: Tenant
) -> None:
    other = SesAccount.unscoped.create(tenant=acme, name="Other", region="us-east-1", auth="key")
    main, second = make_batch(ses_account), make_batch(other)
    now = timezone.now()
    tell(main, now, sent=150, delivered=140, bounced=10, complained=1)
    tell(main, now, domain="gmail.com", sent=50)
    tell(main, now - timedelta(days=5), sent=300, bounced=1, held_back=7, soft_bounced=3)
    tell(main, now - timedelta(days=20), sent=500)
    tell(main, now - timedelta(days=31), sent=1_000)
    tell(second, now, sent=50, bounced=2)
    day = rates(acme, days=1, account=ses_account)
    assert (day.sent, day.delivered, day.bounced, day.complained) == (200, 140, 10, 1)
    assert (day.bounce_rate, day.enough) == (0.05, True)
    # Gmail tells nobody who complains, so its mails are no part of the complaint rate.
    assert (day.heard, day.complaint_rate) == (150, 1 / 150)
    assert rates(acme, days=7, account=ses_account).sent == 500
    assert rates(acme, days=30).sent == 1_050
    assert rates(acme, days=7).held_back == 7
    small = rates(acme, days=30, account=other)
    assert (small.sent, small.bounce_rate, small.enough) == (50, 0.04, False)
    assert rates(evil, days=30).sent == 0
    assert rates(evil, days=30, account=ses_account).sent == 0
    assert rates(evil, days=30).bounce_rate == rates(evil, days=30).complaint_rate == 0.0


def test_the_highest_rate_of_each_account_is_told(
    ses_account: SesAccount, acme: Tenant, evil: Tenant
) -> None:
    batch, now = make_batch(ses_account), timezone.now()
    tell(batch, now, sent=1_000, bounced=20)
    assert high_rates(acme) == []
    tell(batch, now - timedelta(days=3), bounced=15)
    [one] = high_rates(acme)
    assert (one.account, one.days, one.what) == (ses_account, 7, "bounced")
    assert (one.rate.count, one.rate.of, one.rate.level) == (35, 1_000, Level.NEAR)
    tell(batch, now, complained=2)
    [one] = high_rates(acme)
    assert (one.days, one.what, one.rate.level) == (1, "drew a complaint", Level.REVIEW)
    assert high_rates(evil) == []
    SesAccount.unscoped.update(state=SesState.FAILED)
    assert high_rates(acme) == []

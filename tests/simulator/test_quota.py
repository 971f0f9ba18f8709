"""Both quotas, counted in recipients."""

import time

import pytest
from botocore.exceptions import ClientError

from simulator.ledger import busiest_second
from simulator.quota import DAY, Limits, SendQuota
from simulator.web import ApiError
from tests.simulator.conftest import REGION, Cloud

STRICT = Limits(-1, 14, "strict")


def accepted(quota: SendQuota, times: list[float], limits: Limits, recipients: int = 1) -> int:
    count = 0
    for now in times:
        try:
            quota.admit(now, recipients, recipients, limits)
            count += 1
        except ApiError as error:
            assert error.code == "TooManyRequestsException"
    return count


def test_strict_never_lets_a_sliding_second_pass_the_rate() -> None:
    quota = SendQuota()
    times = [100 + n * 0.0371 for n in range(400)]
    taken: list[tuple[int, int]] = []
    for now in times:
        try:
            quota.admit(now, 1, 1, STRICT)
            taken.append((int(now * 1e9), 1))
        except ApiError:
            pass
    assert busiest_second(taken) == 14
    assert len(taken) >= 14 * 14


def test_strict_counts_recipients_and_frees_after_a_second() -> None:
    quota = SendQuota()
    assert accepted(quota, [0.0, 0.0, 0.0], STRICT, recipients=7) == 2
    assert accepted(quota, [0.999], STRICT) == 0
    assert accepted(quota, [1.001], STRICT, recipients=14) == 1


def test_a_message_larger_than_the_rate_is_paid_off() -> None:
    for mode in ("strict", "bucket"):
        quota = SendQuota()
        limits = Limits(-1, 1, mode)
        assert accepted(quota, [10.0], limits, recipients=5) == 1
        assert accepted(quota, [11.0, 12.0, 13.0, 14.0], limits) == 0
        assert accepted(quota, [15.1], limits) == 1


def test_bucket_allows_one_burst_and_then_the_rate() -> None:
    quota = SendQuota()
    limits = Limits(-1, 10, "bucket")
    assert accepted(quota, [0.0] * 30, limits) == 10
    assert accepted(quota, [n / 64 for n in range(1, 129)], limits) == 20


def test_the_day_rolls() -> None:
    quota = SendQuota()
    limits = Limits(10, 1000, "strict")
    quota.admit(0.0, 6, 6, limits)
    quota.admit(3600.0, 4, 4, limits)
    with pytest.raises(ApiError) as caught:
        quota.admit(3700.0, 1, 1, limits)
    assert (caught.value.code, caught.value.message) == (
        "LimitExceededException",
        "Daily message quota exceeded.",
    )
    quota.admit(3700.0, 1, 0, limits)  # the mailbox simulator does not count to the day
    assert quota.sent(DAY - 1) == 10
    assert quota.sent(DAY + 1) == 4
    quota.admit(DAY + 2, 6, 6, limits)


def test_rate_over_the_wire(cloud: Cloud) -> None:
    cloud.sim.set_region(cloud.id, REGION, max_send_rate=5)
    ses = cloud.ses
    end = time.monotonic() + 1.6
    codes = set()
    while time.monotonic() < end:
        try:
            cloud.send(ses)
        except ClientError as error:
            codes.add(
                (error.response["Error"]["Code"], error.response["Error"]["Message"],
                 error.response["ResponseMetadata"]["HTTPStatusCode"])
            )  # fmt: skip
    assert codes == {("TooManyRequestsException", "Maximum sending rate exceeded.", 429)}
    summary = cloud.sim.summary(cloud.id)
    assert summary["max_recipients_in_a_second"] == 5
    assert 8 <= summary["accepted"] <= 10
    assert summary["refused"]["TooManyRequestsException"] == len(
        cloud.sim.refused(cloud.id)["TooManyRequestsException"]
    )


def test_the_day_over_the_wire(cloud: Cloud) -> None:
    cloud.sim.set_region(cloud.id, REGION, max_24_hour_send=10, sent_last_24_hours=7)
    cloud.send(to=["a@example.org", "b@example.org"])
    assert cloud.ses.get_account()["SendQuota"] == {
        "Max24HourSend": 10.0,
        "MaxSendRate": 1000.0,
        "SentLast24Hours": 9.0,
    }
    with pytest.raises(ClientError) as caught:
        cloud.send(to=["a@example.org", "b@example.org"])
    assert caught.value.response["Error"] == {
        "Code": "LimitExceededException",
        "Message": "Daily message quota exceeded.",
    }
    cloud.send()
    cloud.send(to="bounce@simulator.amazonses.com")
    with pytest.raises(ClientError):
        cloud.send()


def test_regions_and_accounts_have_counters_of_their_own(cloud: Cloud) -> None:
    cloud.sim.set_region(cloud.id, REGION, max_24_hour_send=1)
    cloud.send()
    cloud.sim.set_identity(cloud.id, "us-east-1", "example.com")
    cloud.sim.set_region(cloud.id, "us-east-1", sandbox=False, max_24_hour_send=1)
    cloud.send(cloud.client("sesv2", region_name="us-east-1"))
    with pytest.raises(ClientError):
        cloud.send()

"""Every fault, as a client meets it, and what the ledger says of it."""

import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from simulator.client import SimulatorError
from tests.simulator.conftest import Cloud

IMPATIENT = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=0.3)


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "TooManyRequestsException", 429),
        ("daily_quota", "LimitExceededException", 400),
        ("paused", "SendingPausedException", 400),
        ("suspended", "AccountSuspendedException", 400),
        ("expired_token", "ExpiredTokenException", 403),
        ("error", "InternalFailure", 500),
    ],
)
def test_refusals_come_in_their_own_words_and_end(
    cloud: Cloud, kind: str, code: str, status: int
) -> None:
    cloud.sim.add_fault(cloud.id, kind, count=2)
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            cloud.send()
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    cloud.send()
    summary = cloud.sim.summary(cloud.id)
    assert summary["accepted"] == 1
    assert summary["refused"] == {code: 2}


def test_hang_before_accept_accepts_nothing(cloud: Cloud) -> None:
    cloud.sim.add_fault(cloud.id, "hang_before_accept", count=1)
    with pytest.raises(ReadTimeoutError):
        cloud.send(cloud.client("sesv2", config=IMPATIENT))
    assert cloud.sim.summary(cloud.id)["accepted"] == 0


def test_hang_after_accept_is_in_the_ledger(cloud: Cloud) -> None:
    cloud.sim.add_fault(cloud.id, "hang_after_accept", count=1)
    with pytest.raises(ReadTimeoutError):
        cloud.send(cloud.client("sesv2", config=IMPATIENT))
    assert cloud.sim.summary(cloud.id)["accepted"] == 1


@pytest.mark.parametrize(
    ("kind", "accepted"), [("reset_before_accept", 0), ("reset_after_accept", 1)]
)
@pytest.mark.parametrize("tls", [False, True])
def test_resets(cloud: Cloud, kind: str, accepted: int, tls: bool) -> None:
    cloud.sim.add_fault(cloud.id, kind, count=1)
    with pytest.raises(ConnectionClosedError):
        cloud.send(cloud.client("sesv2", tls=tls))
    assert cloud.sim.summary(cloud.id)["accepted"] == accepted


def test_an_error_after_accept_is_ambiguous_too(cloud: Cloud) -> None:
    cloud.sim.add_fault(cloud.id, "error_after_accept", status=503, count=1)
    with pytest.raises(ClientError) as caught:
        cloud.send()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert cloud.sim.summary(cloud.id)["accepted"] == 1


def test_latency_holds_the_answer(cloud: Cloud) -> None:
    cloud.sim.add_fault(cloud.id, "latency", milliseconds=200, count=1)
    ses = cloud.ses
    started = time.monotonic()
    cloud.send(ses)
    assert 0.2 <= time.monotonic() - started < 1
    started = time.monotonic()
    cloud.send(ses)
    assert time.monotonic() - started < 0.2


def test_a_share_strikes_some(cloud: Cloud) -> None:
    cloud.sim.add_fault(cloud.id, "throttle", share=0.5)
    ses = cloud.ses
    refused = 0
    for _ in range(60):
        try:
            cloud.send(ses)
        except ClientError:
            refused += 1
    assert 10 < refused < 50
    cloud.sim.clear_faults(cloud.id)
    cloud.send(ses)


def test_a_fault_ends_with_its_time(cloud: Cloud) -> None:
    cloud.sim.add_fault(cloud.id, "throttle", seconds=0.2)
    with pytest.raises(ClientError):
        cloud.send()
    time.sleep(0.25)
    cloud.send()


def test_a_paused_configuration_set_leaves_the_others(cloud: Cloud) -> None:
    for name in ("one", "two"):
        cloud.ses.create_configuration_set(ConfigurationSetName=name)
    cloud.sim.add_fault(cloud.id, "paused", configuration_set="one")
    with pytest.raises(ClientError) as caught:
        cloud.send(ConfigurationSetName="one")
    assert caught.value.response["Error"]["Code"] == "SendingPausedException"
    cloud.send(ConfigurationSetName="two")


def test_faults_of_one_account_do_not_touch_another(cloud: Cloud, process: object) -> None:
    other = cloud.sim.create_account("200000000001")
    cloud.sim.add_fault(other["id"], "throttle")
    cloud.send()


def test_control_calls_fail_only_when_asked(cloud: Cloud) -> None:
    cloud.sim.add_fault(cloud.id, "error")
    cloud.ses.get_account()
    cloud.sim.add_fault(cloud.id, "expired_token", all_operations=True)
    with pytest.raises(ClientError) as caught:
        cloud.ses.get_account()
    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"


def test_an_unknown_fault_is_refused_by_name(cloud: Cloud) -> None:
    with pytest.raises(SimulatorError, match="kind must be one of throttle"):
        cloud.sim.add_fault(cloud.id, "storm")
    with pytest.raises(SimulatorError, match="sometimes"):
        cloud.sim.add_fault(cloud.id, "throttle", sometimes=True)


def test_latency_does_not_block_others(cloud: Cloud) -> None:
    cloud.sim.settings(latency_ms=5_000)
    try:
        started = time.monotonic()
        cloud.ses.get_account()
        assert time.monotonic() - started < 5
    finally:
        cloud.sim.settings(latency_ms=0)

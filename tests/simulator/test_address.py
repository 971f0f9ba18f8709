"""The simulator at an address of its own, as other hosts reach it."""

import sys
from pathlib import Path

import boto3
import pytest

from simulator.client import SimulatorProcess
from tests.simulator.conftest import ONCE, REGION

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS has 127.0.0.1 alone")


def _max_send_rate(process: SimulatorProcess, address: str) -> float:
    (key,) = process.client.create_account("123456789012")["keys"].values()
    ses = boto3.client(
        "sesv2",
        aws_access_key_id=key["id"],
        aws_secret_access_key=key["secret"],
        region_name=REGION,
        endpoint_url=f"https://{address}:{process.tls_port}",
        verify=str(process.ca_file),
        config=ONCE,
    )
    return float(ses.get_account()["SendQuota"]["MaxSendRate"])


def test_tls_is_served_and_certified_at_a_further_address(tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path) as process:
        assert _max_send_rate(process, "127.0.0.1") == 1
    for address in ("127.0.0.2", "127.0.0.3"):  # the second finds a certificate without it
        with SimulatorProcess(tmp_path, options=(f"--address={address}",)) as process:
            assert _max_send_rate(process, address) == 1
            assert _max_send_rate(process, "127.0.0.1") == 1

"""`make chaos` and `make hosts`: campaigns through real processes while everything dies.

The last line is counted from the simulator's ledger and held against the database. What is done to
the product, and what each word of the line means, is in docs/chaos.md.
"""

import argparse
import os
import secrets
import signal
import sys
import time
from pathlib import Path

from embedded.folder import reset
from embedded.system import ServiceError
from simulator.client import SimulatorError
from tests.chaos import hosts, machine
from tests.chaos.count import broken, count
from tests.chaos.world import Asked

_SHOWN_LINES = 60  # enough to see what ended a process


def main() -> int:
    """0 when every promise was kept, 1 when not, 2 when the run could not be made."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # leaves every `with` block
    given = _arguments()
    name, run = ("hosts", hosts.run) if given.hosts else ("chaos", machine.run)
    data = given.data or Path(".data") / name
    log = data / "output.log"
    # The run kills, empties and restarts its servers, so they are its own whatever is set.
    for variable in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(variable, None)
    asked = Asked(data, given.recipients, given.seed, given.short, not given.no_events)
    print(f"{name}: seed={asked.seed}", flush=True)
    started = time.monotonic()
    try:
        reset(data)
        data.mkdir(parents=True, mode=0o711)
        with log.open("w") as output:
            campaigns = run(asked, output)
    except (ServiceError, SimulatorError, TimeoutError) as error:
        print(f"{name}: failed: {error} See {log}", file=sys.stderr)
        return 2
    problems = [words for one in campaigns for words in broken(one, events=asked.events)]
    if problems:
        _show_end(log)
    for words in problems:
        print(f"{name}: broken promise: {words}", file=sys.stderr)
    counted = count(campaigns)
    seconds = time.monotonic() - started
    print(
        f"{name}: recipients={asked.recipients} {counted.line()} seconds={seconds:.0f}", flush=True
    )
    return 1 if problems or not counted.kept(events=asked.events) else 0


def _show_end(log: Path) -> None:
    """The last lines of what the processes wrote of warnings and errors, to stderr."""
    lines = [line for line in log.read_text().splitlines() if "INFO" not in line]
    print(*lines[-_SHOWN_LINES:], sep="\n", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--short", action="store_true", help="less goes wrong, claims age at once")
    parser.add_argument("--no-events", action="store_true", help="SES tells nothing afterwards")
    parser.add_argument("--hosts", action="store_true", help="three hosts, one of them cut off")
    parser.add_argument("--data", type=Path, help="a folder that is emptied first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

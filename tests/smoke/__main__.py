"""`make smoke`: the main job, through the real pages, API endpoints and processes.

A person signs up, connects SES, imports contacts and sends a campaign while some addresses
bounce, some complain and some unsubscribe from their mail client; a second campaign must reach
none of those. The last line counts from the simulator's ledger and from the database.
"""

import argparse
import sys
import time
from pathlib import Path

from demo.people import write_csv
from embedded.folder import reset
from embedded.stack import stack
from embedded.system import ServiceError
from simulator.client import SimulatorClient, SimulatorError
from tests.smoke.count import Counted, count
from tests.smoke.job import Job
from tests.smoke.site import PageError

DATA = Path(".data/smoke")
PEOPLE = 1000


def main() -> int:
    """Runs the job in an empty folder; 0 when every promise was kept."""
    arguments = argparse.ArgumentParser(prog="python -m tests.smoke", description=__doc__)
    arguments.add_argument("--csv", type=Path, help="contacts to import instead of made-up ones")
    given = arguments.parse_args()
    reset(DATA)
    DATA.mkdir(parents=True)
    contacts = given.csv or write_csv(DATA / "contacts.csv", PEOPLE)
    if not contacts.is_file():
        print(f"There is no file {contacts}.", file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        with stack(DATA) as running:
            job = Job(running, SimulatorClient(running.simulator_url))
            job.run(contacts)
            counted = count(job, running.environ["DATABASE_URL"])
    except (ServiceError, SimulatorError, PageError) as error:
        print(f"\nsmoke: failed: {error}", file=sys.stderr)
        return 1
    return report(counted, time.monotonic() - started)


def report(counted: Counted, seconds: float) -> int:
    """Prints what was broken, then the one line; 1 when anything was."""
    for broken in counted.broken():
        print(f"smoke: broken promise: {broken}", file=sys.stderr)
    print(f"{counted.line()} seconds={seconds:.0f}", flush=True)
    return 1 if counted.broken() else 0


if __name__ == "__main__":
    sys.exit(main())

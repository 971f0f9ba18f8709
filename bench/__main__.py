"""Starts what the measurements need and takes them in a process of their own."""

import sys

from bench.stage import DATA, end_in_order, stage
from embedded.system import try_lock


def main() -> int:
    """The exit code of the measurements; 1 when others are being taken already."""
    end_in_order()
    DATA.parent.mkdir(exist_ok=True)
    with (DATA.parent / "bench.lock").open("a") as lock:
        if not try_lock(lock):
            print("Measurements are being taken already; two at once would spoil each other.")
            return 1
        with stage() as run:
            return run([sys.executable, "-m", "bench.measure", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

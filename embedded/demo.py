"""`make demo`: the product with a filled workspace, until Ctrl-C."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from embedded.stack import Ports, Stack, stack
from embedded.system import ServiceError, try_lock

DATA = Path(".data/demo")
PORTS = Ports(web=8000, simulator=9000, simulator_tls=9001, smtp=9002, dns=9003)


def main() -> int:
    """Run until Ctrl-C (0) or until a part ends by itself (1)."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    DATA.parent.mkdir(exist_ok=True)
    with (DATA.parent / "demo.lock").open("a") as lock:
        if not try_lock(lock):
            print("The demo already runs in another terminal. Stop it there with Ctrl-C first.")
            return 1
        try:
            with stack(DATA, PORTS) as running:
                welcome(running)
                return watch(running)
        except ServiceError as error:
            print(f"\nThe demo cannot run: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(
                "\nStopped. `make demo` starts again with its data, `make demo-reset` deletes it."
            )
            return 0


def welcome(running: Stack) -> None:
    """Fill the workspace and say where to click."""
    for asked, got in zip(PORTS, running.ports, strict=True):
        if asked != got:
            print(f"Port {asked} is taken by another program: using {got}.")
    print(running.run("-m", "demo", "--simulator", running.simulator_url))
    print("Ctrl-C stops everything; the data stays.", flush=True)


def watch(running: Stack) -> int:
    """Wait until a process ends; say which."""
    while not (ended := running.processes.ended()):
        time.sleep(0.5)
    print(f"\n{ended} Stopping the others.", file=sys.stderr)
    return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

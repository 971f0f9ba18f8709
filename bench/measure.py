"""Takes measurements, prints `bench: name: value=…` and writes bench/out.json."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from bench.machine import describe  # noqa: E402 (models need the set-up)
from bench.stage import Figures, end_in_order, simulator  # noqa: E402
from bench.whole_path import whole_path  # noqa: E402
from simulator.client import SimulatorClient  # noqa: E402

MEASUREMENTS: dict[str, Callable[[SimulatorClient], Figures]] = {"whole_path": whole_path}
_OUT = Path(__file__).with_name("out.json")


def main() -> int:
    """Take all, or the one asked for; 2 for a name that is no measurement."""
    end_in_order()
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", choices=MEASUREMENTS, help="take one measurement")
    wanted = parser.parse_args().only
    known = json.loads(_OUT.read_text()) if _OUT.exists() else {"figures": {}}
    known["machine"] = describe()
    for name in [wanted] if wanted else MEASUREMENTS:
        figures = MEASUREMENTS[name](simulator())
        known["figures"][name] = figures
        words = " ".join(f"{key}={value}" for key, value in figures.items())
        print(f"bench: {name}: {words}", flush=True)
    _OUT.write_text(json.dumps(known, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

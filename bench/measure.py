"""Takes measurements, prints `bench: name: value=…` and writes bench/out.json."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from bench.contacts import contacts  # noqa: E402 (models need the set-up)
from bench.feedback import feedback  # noqa: E402
from bench.imports import imports  # noqa: E402
from bench.launch import launch, launch_paced, launch_whole  # noqa: E402
from bench.machine import describe  # noqa: E402
from bench.pace import pace, pace_stalls  # noqa: E402
from bench.scaling import scaling  # noqa: E402
from bench.segments import segments  # noqa: E402
from bench.signups import signups  # noqa: E402
from bench.soak import soak  # noqa: E402
from bench.stage import Figures, Run, end_in_order, simulator  # noqa: E402
from bench.tenants import tenants  # noqa: E402
from bench.transactional import transactional  # noqa: E402
from bench.whole_path import whole_path  # noqa: E402

MEASUREMENTS: dict[str, Callable[[Run], Figures]] = {
    "whole_path": whole_path,
    "pace": pace,
    "pace_stalls": pace_stalls,
    "transactional": transactional,
    "tenants": tenants,
    "imports": imports,
    "launch": launch,
    "launch_paced": launch_paced,
    "scaling": scaling,
    "signups": signups,
    "soak": soak,
    "feedback": feedback,
    "contacts": contacts,
    "segments": segments,
    "launch_whole": launch_whole,
}
_ONLY_BY_NAME = {"launch_whole"}  # launch, and ten minutes more
_OUT = Path(__file__).with_name("out.json")


def main() -> int:
    """Take all but the longest, or the one asked for; 2 for a name that is no measurement."""
    end_in_order()
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", choices=MEASUREMENTS, help="take one measurement")
    parser.add_argument("--seconds", type=float, help="how long to look, instead of its own time")
    parser.add_argument("--recipients", type=int, help="how many, instead of its own number")
    given = parser.parse_args()
    run = Run(simulator(), given.seconds, given.recipients)
    regular = [name for name in MEASUREMENTS if name not in _ONLY_BY_NAME]
    for name in [given.only] if given.only else regular:
        machine = describe()
        figures = MEASUREMENTS[name](run)
        figures["load_before"] = machine["load_before"]
        words = " ".join(f"{key}={value}" for key, value in figures.items())
        print(f"bench: {name}: {words}", flush=True)
        _store(name, figures, machine)
    return 0


def _store(name: str, figures: Figures, machine: Figures) -> None:
    known = json.loads(_OUT.read_text()) if _OUT.exists() else {"figures": {}}
    known["figures"][name] = figures
    known["machine"] = machine
    _OUT.write_text(json.dumps(known, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())

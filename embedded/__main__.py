"""Start and stop the embedded servers by hand: python -m embedded up|down|status|env|reset."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from embedded import folder
from embedded.system import ServiceError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m embedded", description="PostgreSQL and Valkey from PyPI wheels"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "up": "start both and leave them running",
        "down": "stop both",
        "status": "say which of them run",
        "env": "start both and print DATABASE_URL and REDIS_URL for a shell to eval",
        "reset": "stop both and delete their data",
    }.items():
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--data", type=Path, default=Path(".data/demo"), help="folder of the data (%(default)s)"
        )
    arguments = parser.parse_args()
    try:
        return run(arguments)
    except ServiceError as error:
        print(f"embedded: {error}", file=sys.stderr)
        return 1


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line says; return the exit code."""
    data: Path = arguments.data
    match arguments.command:
        case "up":
            folder.up(data)
            return show_status(data)
        case "env":
            for key, value in folder.up(data).environ().items():
                print(f"export {key}={shlex.quote(value)}")
        case "down":
            folder.down(data)
        case "status":
            return show_status(data)
        case "reset":
            folder.reset(data)
            for name in {"DATABASE_URL", "REDIS_URL"} & set(os.environ):
                print(f"{name} names a server of yours, which is left as it is.")
    return 0


def show_status(data: Path) -> int:
    """Print a line for each server; return 0 if both run, else 3."""
    found = folder.status(data)
    for name, running in found.items():
        print(
            f"{name}: "
            + (f"running, pid {running[0]}, port {running[1]}" if running else "stopped")
        )
    return 0 if all(found.values()) else 3


if __name__ == "__main__":
    sys.exit(main())

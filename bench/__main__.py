"""Starts what the measurements need and takes them in a process of their own."""

import sys

from bench.stage import stage

if __name__ == "__main__":
    with stage() as run:
        code = run([sys.executable, "-m", "bench.measure", *sys.argv[1:]])
    sys.exit(code)

"""Fills the demo: `python -m demo --simulator http://127.0.0.1:9000`, with the product running.

Run again it changes nothing and says again where to click.
"""

import argparse
import os
import sys

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bluefox.settings")
    django.setup()
    # Models can be imported only now.
    from demo.workspace import fill

    arguments = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    arguments.add_argument("--simulator", required=True, help="address of the running simulator")
    sys.stdout.write(fill(arguments.parse_args().simulator))

"""Made-up people from a seed: the same seed gives the same people. Nobody can be reached."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_FIRST = (
    "Ada Zoë Amélie Björn Chidi Dalia Élodie Farid Grace Hanna Ibrahim Jürgen Kofi Léa Mateo "
    "Nadia Olu Priya Quentin Rosa Søren Tomás Uma Viktor Wanjiru Ximena Yusuf Zuzana Aiko Bao"
).split()
_LAST = (
    "O'Brien García-López Müller Nguyễn Okafor Papadopoulos Rossi Şahin Tanaka Van-den-Berg "
    "Wójcik Yildiz Žižka Andersson Bianchi Chowdhury Dubois Eriksen Ferreira Goldberg Haddad"
).split()
_CITIES = "Berlin Lagos Osaka Lyon Porto Austin Kraków Accra Lima Turin Malmö Pune".split()
_DOMAINS = tuple(
    f"{name}.example"
    for name in "post brief letter mailhall northwind contoso bluebird redwood greyhound".split()
)


class Person(NamedTuple):
    first_name: str
    last_name: str
    email: str
    city: str


def people(count: int, *, seed: int = 1) -> Iterator[Person]:
    """`count` people with different addresses."""
    chance = random.Random(seed)  # noqa: S311 (made-up data, not a secret)
    for number in range(count):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        plain = first.encode("ascii", "ignore").decode().lower() or "person"
        address = f"{plain}.{number}@{chance.choice(_DOMAINS)}"
        yield Person(first, last, address, chance.choice(_CITIES))


def write_csv(path: Path, count: int, *, seed: int = 1) -> Path:
    """Writes a contact file as a shop would export it; returns the path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("First name", "Last name", "Email", "City"))
        writer.writerows(people(count, seed=seed))
    return path

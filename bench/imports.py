"""A file of a million rows becomes contacts, beside Django's bulk_create(update_conflicts)."""

import csv
import itertools
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import validate_email

from bench.cpu import Meter, server_groups
from bench.people import empty
from bench.stage import Figures, Run
from lists.models import Contact, Import, List, Source, Subscription
from lists.services import imports as services
from tenants.models import Tenant, User

ROWS = 1_000_000
_DUPLICATES, _INVALID = 0.05, 0.01
_OBVIOUS_SHARE = 10  # of the rows, one in so many: the rate of the obvious way does not grow
_OBVIOUS_BATCH = 2_000

# What a worker does, in a process of its own: it says how long it took, its CPU seconds, and the
# most memory that it had.
_WORK = """
import json, re, resource, sys, time
from pathlib import Path
import django
django.setup()
from lists import importing, undoing

def peak_mb():
    # Not getrusage: on Linux ru_maxrss begins with what the parent had at the fork.
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts in bytes

started, cpu = time.perf_counter(), time.process_time()
importing.run(int(sys.argv[1]))
undoing.undo(int(sys.argv[1]))
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "cpu": time.process_time() - cpu,
    "peak_mb": peak_mb(),
}))
"""


def imports(run: Run) -> Figures:
    """Rows a second of a new file, of the same file again, of its check and of its undo."""
    rows = run.recipients or ROWS
    figures: Figures = {"rows": rows}
    empty()
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    user, _ = User.objects.get_or_create(email="ann@acme.example")
    news, offers = (List.unscoped.create(tenant=tenant, name=name) for name in ("News", "Offers"))
    with TemporaryDirectory() as folder:
        path = write_file(Path(folder) / "people.csv", rows)
        figures["file_mb"] = round(path.stat().st_size / 1e6, 1)
        _take(figures, "check", rows, _ready(path, tenant, user, news, dry=True))
        made = _ready(path, tenant, user, news)
        _take(figures, "new", rows, made)
        figures["contacts"] = Contact.unscoped.count()
        _take(figures, "again", rows, _ready(path, tenant, user, news))
        _take(figures, "other_list", rows, _ready(path, tenant, user, offers))
        services.undo(import_=made, actor=user)
        _take(figures, "undo", rows, made)
        few = write_file(Path(folder) / "few.csv", rows // _OBVIOUS_SHARE)
        empty()
        tenant = Tenant.objects.create(slug="obvious", name="Obvious")
        news = List.unscoped.create(tenant=tenant, name="News")
        for name in ("bulk_create_new", "bulk_create_again"):
            started = time.perf_counter()
            _obvious(few, tenant, news)
            seconds = time.perf_counter() - started
            figures[f"{name}_rows_per_second"] = round(rows / _OBVIOUS_SHARE / seconds)
    for name in ("new", "again"):
        ratio = float(figures[f"{name}_rows_per_second"]) / float(
            figures[f"bulk_create_{name}_rows_per_second"]
        )
        figures[f"{name}_times_bulk_create"] = round(ratio, 1)
    return figures


def write_file(path: Path, rows: int) -> Path:
    """A CSV file with so many rows: 5 % repeat an address, 1 % have none that is right."""
    made = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "first_name", "last_name", "city"])
        for number in range(rows):
            shape = made.random()
            who = made.randrange(number) if shape < _DUPLICATES and number else number
            at = " at " if shape > 1 - _INVALID else "@"
            writer.writerow(
                [
                    f"given{who}.family{at}mail{who % 2000}.example",
                    f"Given{who % 5000}",
                    f"Family {who % 7000}",
                    f"City {who % 1000}",
                ]
            )
    return path


def _ready(path: Path, tenant: Tenant, user: User, target: List, *, dry: bool = False) -> Import:
    """An import that waits for a worker."""
    with path.open("rb") as file:
        upload = UploadedFile(File(file), path.name, "text/csv", path.stat().st_size)
        import_ = services.upload(tenant=tenant, file=upload, actor=user)
    choices = services.Choices(mapping=import_.mapping, lists=[target])
    if dry:
        return services.check(import_=import_, choices=choices)
    return services.start(import_=import_, choices=choices, actor=user)


def _take(figures: Figures, name: str, rows: int, import_: Import) -> None:
    meter = Meter(server_groups())
    done = subprocess.run(
        [sys.executable, "-c", _WORK, str(import_.pk)], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    import_.refresh_from_db()
    assert not import_.failure, import_.failure
    figures[f"{name}_rows_per_second"] = round(rows / said["seconds"])
    figures[f"{name}_cpu_us_per_row"] = round(said["cpu"] / rows * 1e6, 2)
    figures[f"{name}_postgres_us_per_row"] = round(meter.used()["postgres"] / rows * 1e6, 2)
    figures["peak_mb"] = max(round(said["peak_mb"]), int(figures.get("peak_mb", 0)))


def _obvious(path: Path, tenant: Tenant, target: List) -> None:
    """The same rows as the Django documentation does it: validated, upserted, put on the list."""
    with path.open(encoding="utf-8", newline="") as file:
        for batch in _batches(csv.DictReader(file)):
            people = {}
            for row in batch:
                try:
                    validate_email(row["email"])
                except ValidationError:
                    continue
                address = row["email"].lower()
                people[address] = Contact(
                    tenant=tenant,
                    email=row["email"],
                    email_norm=address,
                    first_name=row["first_name"],
                    last_name=row["last_name"],
                    fields={"city": row["city"]},
                )
            contacts = Contact.unscoped.bulk_create(
                people.values(),
                update_conflicts=True,
                unique_fields=["tenant", "email_norm"],
                update_fields=["first_name", "last_name", "fields", "updated_at"],
            )
            Subscription.unscoped.bulk_create(
                (
                    Subscription(
                        tenant=tenant,
                        contact=contact,
                        list=target,
                        status="active",
                        source=Source.IMPORT,
                    )
                    for contact in contacts
                ),
                ignore_conflicts=True,
            )


def _batches(rows: Iterator[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    while batch := list(itertools.islice(rows, _OBVIOUS_BATCH)):
        yield batch

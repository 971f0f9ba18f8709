"""Files on their way into contacts."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.db.models import Q

from lists.models.people import List
from tenants.models import User
from tenants.scoping import TenantOwned


class ImportStatus(models.TextChoices):
    UPLOADED = "uploaded", "Waiting for column mapping"
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


def private_storage() -> FileSystemStorage:
    """Files that are never served by address: uploads and error files."""
    return FileSystemStorage()


class Import(TenantOwned):
    """A CSV file on its way into contacts, and what came of each line."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(upload_to="imports/%Y/%m/", storage=private_storage)
    filename = models.CharField(max_length=255)
    encoding = models.CharField(max_length=40, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    names_line = models.PositiveSmallIntegerField(default=1)
    columns = ArrayField(models.CharField(max_length=200), default=list)
    mapping = models.JSONField(default=dict, help_text="column name -> contact field, or absent")
    sample = models.JSONField(default=list, help_text="the first rows, for the mapping page")
    lists = models.ManyToManyField(List, related_name="imports")
    consent_attested = models.BooleanField(default=False)
    consent_wording = models.CharField(
        max_length=500, blank=True, help_text="What the member who imported has attested."
    )
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.UPLOADED)
    cancel_requested = models.BooleanField(default=False)
    failure = models.CharField(max_length=500, blank=True)
    bytes_total = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(default=0, help_text="counted before the first is used")
    # Rows committed so far: also the fence. A worker moves it on only from where it believes it
    # to be, so of two workers on one import one stops.
    rows = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    invalid = models.BigIntegerField(default=0)
    suppressed = models.BigIntegerField(default=0, help_text="kept, but nothing is sent to them")
    unsubscribed = models.BigIntegerField(default=0, help_text="stay unsubscribed")
    error_file = models.FileField(upload_to="imports/%Y/%m/", storage=private_storage, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    progressed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["tenant", "-id"], name="import_newest"),
            # The sweep that starts again what a dead worker left.
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=["queued", "running"]),
                name="import_open",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

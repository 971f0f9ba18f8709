"""Files on their way into contacts."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.db.models import Q

from lists.models.people import Contact, List, Source
from tenants.models import Tenant, User
from tenants.scoping import TenantOwned


class ImportStatus(models.TextChoices):
    UPLOADED = "uploaded", "Waiting for column mapping"
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    CHECKED = "checked", "Checked, nothing imported yet"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"


class UpdatePolicy(models.TextChoices):
    """What becomes of the fields of contacts that are there already."""

    OVERWRITE = "overwrite", "Overwrite them with what the file has; blank cells overwrite nothing"
    FILL = "fill", "Fill in only what is blank"
    KEEP = "keep", "Leave them alone"


def private_storage() -> FileSystemStorage:
    """Files that are never served by address: uploads and error files."""
    return FileSystemStorage()


class Import(TenantOwned):
    """A table on its way into contacts, and what came of each line.

    `file` is CSV always: an Excel workbook is turned into it, one sheet at a time, and so are the
    records that a program sends.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(max_length=12, choices=Source, default=Source.IMPORT)
    file = models.FileField(upload_to="imports/%Y/%m/", storage=private_storage)
    workbook = models.FileField(
        upload_to="imports/%Y/%m/",
        storage=private_storage,
        blank=True,
        help_text="The Excel file that `file` comes of.",
    )
    sheets = ArrayField(models.CharField(max_length=200), default=list)
    sheet = models.CharField(max_length=200, blank=True)
    filename = models.CharField(max_length=255)
    product = models.CharField(
        max_length=20, blank=True, help_text="Whose export it is: a key of recognising.PRODUCTS."
    )
    encoding = models.CharField(max_length=40, blank=True)
    delimiter = models.CharField(max_length=1, blank=True)
    names_line = models.PositiveSmallIntegerField(default=1)
    columns = ArrayField(models.CharField(max_length=200), default=list)
    mapping = models.JSONField(default=dict, help_text="column name -> contact field, or absent")
    kinds = models.JSONField(default=dict, help_text="key -> kind of the fields to be made")
    state = models.SmallIntegerField(
        default=0, help_text="mapping.State of the rows that have no status of their own."
    )
    policy = models.CharField(max_length=9, choices=UpdatePolicy, default=UpdatePolicy.OVERWRITE)
    sample = models.JSONField(default=list, help_text="the first rows, for the mapping page")
    lists = models.ManyToManyField(List, related_name="imports")
    new_list = models.CharField(max_length=120, blank=True, help_text="Made when it starts.")
    tags = models.ManyToManyField("lists.Tag", related_name="imports")
    new_tags = ArrayField(
        models.CharField(max_length=60), default=list, help_text="Made when it starts."
    )
    consent_attested = models.BooleanField(default=False)
    consent_wording = models.CharField(
        max_length=500, blank=True, help_text="What the member who imported has attested."
    )
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.UPLOADED)
    dry_run = models.BooleanField(default=False, help_text="It counts, and writes no contact.")
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
    role = models.BigIntegerField(default=0, help_text="addresses of an office, not a person")
    disposable = models.BigIntegerField(default=0, help_text="at domains for throw-away mail")
    stopped = models.BigIntegerField(default=0, help_text="rows whose status stops mail")
    unconfirmed = models.BigIntegerField(default=0, help_text="rows whose status awaits a yes")
    # How far an undo has come: the last contact that it looked at, and of how many.
    undone_to = models.BigIntegerField(default=0)
    undo_rows = models.BigIntegerField(default=0)
    undo_total = models.BigIntegerField(default=0)
    removed = models.BigIntegerField(default=0, help_text="contacts that its undo took away")
    restored = models.BigIntegerField(default=0, help_text="contacts that got their values back")
    kept = models.BigIntegerField(default=0, help_text="new contacts that its undo left")
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
                condition=Q(status__in=["queued", "running", "undoing"]),
                name="import_open",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def by_record(self) -> bool:
        """Whether its lines are numbers of records: a value with a line break is no two lines."""
        return bool(self.workbook) or self.source == Source.API


class ImportChange(TenantOwned):
    """What an import changed of a contact that was there: before and after, so that it can be
    undone. Kept as long as it can be; the database checks no foreign key, as for Subscription.
    """

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    imported = models.ForeignKey(
        Import,
        on_delete=models.CASCADE,
        related_name="changes",
        db_index=False,
        db_constraint=False,
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    first_name = models.CharField(max_length=120)
    last_name = models.CharField(max_length=120)
    fields = models.JSONField()
    new_first_name = models.CharField(max_length=120)
    new_last_name = models.CharField(max_length=120)
    new_fields = models.JSONField()

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["imported", "contact"], name="import_change_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} by {self.imported_id}"

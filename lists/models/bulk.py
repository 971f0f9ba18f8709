"""One act on many contacts, and what can be undone of it."""

import uuid

from django.db import models
from django.db.models import Q

from lists.models.people import Contact, List
from lists.models.tags import Tag
from tenants.models import Tenant, User
from tenants.scoping import TenantOwned


class BulkKind(models.TextChoices):
    ADD_TAG = "add_tag", "Add a tag"
    REMOVE_TAG = "remove_tag", "Take a tag away"
    ADD_TO_LIST = "add_to_list", "Add to a list"
    REMOVE_FROM_LIST = "remove_from_list", "Unsubscribe from a list"
    SUPPRESS = "suppress", "Suppress"
    DELETE = "delete", "Delete"
    CLEAR_FIELD = "clear_field", "Delete a field"


class BulkStatus(models.TextChoices):
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"
    UNDOING = "undoing", "Being undone"
    UNDONE = "undone", "Undone"


class BulkAction(TenantOwned):
    """One act on everyone who matches a filter or was ticked, done by a worker in chunks.

    Those who match at their turn are acted on, among the contacts that were there at the start.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=16, choices=BulkKind)
    wanted = models.JSONField(default=dict, help_text="the filter, as selectors.contacts keeps it")
    words = models.CharField(max_length=500, help_text="who that is, in words")
    list = models.ForeignKey(List, null=True, on_delete=models.SET_NULL, related_name="+")
    tag = models.ForeignKey(Tag, null=True, on_delete=models.SET_NULL, related_name="+")
    what = models.CharField(
        max_length=120, blank=True, help_text="name of the list or tag, key of the field"
    )
    consent_wording = models.CharField(max_length=500, blank=True)
    total = models.BigIntegerField(default=0, help_text="how many matched when it was asked for")
    last_id = models.BigIntegerField(default=0, help_text="the newest contact at that time")
    # Contacts up to this id are done: also the fence. A worker moves it on only from where it
    # believes it to be, so of two workers on one action one stops.
    cursor = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    undone = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, choices=BulkStatus, default=BulkStatus.QUEUED)
    cancel_requested = models.BooleanField(default=False)
    failure = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    progressed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta(TenantOwned.Meta):
        indexes = [
            models.Index(fields=["tenant", "-id"], name="bulk_newest"),
            # The sweep that starts again what a dead worker left.
            models.Index(
                fields=["created_at"],
                condition=Q(status__in=["queued", "running", "undoing"]),
                name="bulk_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.words}"


class BulkChange(TenantOwned):
    """A contact that an action has changed in a way that can be undone."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    action = models.ForeignKey(
        BulkAction,
        on_delete=models.CASCADE,
        related_name="changes",
        db_index=False,
        db_constraint=False,
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="+", db_constraint=False
    )

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["action", "contact"], name="bulk_change_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} by {self.action_id}"

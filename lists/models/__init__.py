"""Who may be mailed, and by whose consent."""

from lists.models.bulk import BulkAction, BulkChange, BulkKind, BulkStatus
from lists.models.erasure import ErasureKey
from lists.models.history import LeaveReason, ListDay, ListTally
from lists.models.imports import (
    Import,
    ImportChange,
    ImportStatus,
    UpdatePolicy,
    private_storage,
)
from lists.models.people import (
    ConsentRecord,
    Contact,
    ContactField,
    FieldKind,
    List,
    Source,
    Subscription,
    SubscriptionStatus,
)
from lists.models.search import BUCKET_BITS, SearchBlock, SearchChange
from lists.models.segments import Engagement, Segment
from lists.models.signup import Captcha, Confirmation, FormDay, SignupForm
from lists.models.suppression import (
    LiftedSuppression,
    Suppression,
    SuppressionImport,
    SuppressionImportStatus,
    SuppressionReason,
)
from lists.models.tags import ContactTag, Tag

__all__ = [
    "BUCKET_BITS",
    "BulkAction",
    "BulkChange",
    "BulkKind",
    "BulkStatus",
    "Captcha",
    "Confirmation",
    "ConsentRecord",
    "Contact",
    "ContactField",
    "ContactTag",
    "Engagement",
    "ErasureKey",
    "FieldKind",
    "FormDay",
    "Import",
    "ImportChange",
    "ImportStatus",
    "LeaveReason",
    "LiftedSuppression",
    "List",
    "ListDay",
    "ListTally",
    "SearchBlock",
    "SearchChange",
    "Segment",
    "SignupForm",
    "Source",
    "Subscription",
    "SubscriptionStatus",
    "Suppression",
    "SuppressionImport",
    "SuppressionImportStatus",
    "SuppressionReason",
    "Tag",
    "UpdatePolicy",
    "private_storage",
]

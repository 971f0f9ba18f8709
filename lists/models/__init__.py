"""Who may be mailed, and by whose consent."""

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
    Suppression,
    SuppressionReason,
)
from lists.models.signup import Captcha, Confirmation, FormDay, SignupForm
from lists.models.tags import ContactTag, Tag

__all__ = [
    "Captcha",
    "Confirmation",
    "ConsentRecord",
    "Contact",
    "ContactField",
    "ContactTag",
    "FieldKind",
    "FormDay",
    "Import",
    "ImportChange",
    "ImportStatus",
    "LeaveReason",
    "List",
    "ListDay",
    "ListTally",
    "SignupForm",
    "Source",
    "Subscription",
    "SubscriptionStatus",
    "Suppression",
    "SuppressionReason",
    "Tag",
    "UpdatePolicy",
    "private_storage",
]

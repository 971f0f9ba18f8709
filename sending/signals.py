"""What sending tells the apps above it."""

from django.dispatch import Signal

# batch, reason: a limit has paused it, in words. Sent in the transaction that pauses it.
paused_by_limit = Signal()

# account: AWS's review of its request for production access has moved, `before` says from where
# (SesAccount.review_status). In the transaction that stores it.
review_moved = Signal()

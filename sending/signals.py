"""What sending tells the apps above it."""

from django.dispatch import Signal

# batch, reason: a limit has paused it, in words. Sent in the transaction that pauses it.
paused_by_limit = Signal()

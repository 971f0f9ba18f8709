"""What the admin API may change while the simulator runs."""

from dataclasses import dataclass


@dataclass
class Settings:
    """Times are seconds before scaling; shares are between 0 and 1."""

    latency_ms: float = 0.0  # before each answer of SendEmail
    time_scale: float = 1.0  # multiplies every wait below and the retry waits of SNS
    delivery_after: float = 0.2
    bounce_after: float = 0.4
    complaint_after: float = 1.5
    late_bounce_share: float = 0.0  # of hard bounces: Delivery first, Bounce after it
    duplicate_share: float = 0.0  # of SNS deliveries made twice
    reorder_share: float = 0.0  # of SNS deliveries held back so that later ones pass
    reorder_seconds: float = 1.0
    notification_delay: float = 0.0  # before every SNS delivery
    busy_sends: float = 200.0  # accepted a second, from which SNS deliveries step back
    busy_deliveries: float = 200.0  # SNS deliveries a second while that busy
    deliver: bool = True  # False: notifications wait in the queue

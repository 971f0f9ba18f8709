"""How long the state machines run: briefly with the other tests, longer when asked."""

import os

from hypothesis import HealthCheck, settings


def brief(examples: int) -> settings:
    """So many examples of 40 steps; the environment's EXAMPLES and STEPS set other numbers."""
    return settings(
        max_examples=int(os.environ.get("EXAMPLES", examples)),
        stateful_step_count=int(os.environ.get("STEPS", "40")),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

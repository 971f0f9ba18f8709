"""What beat rings, and how often. Each entry names a task that is safe to run twice."""

BEAT_SCHEDULE: dict[str, dict[str, object]] = {
    "start again imports whose worker is gone": {
        "task": "lists.tasks.sweep_imports",
        "schedule": 60.0,
    },
}

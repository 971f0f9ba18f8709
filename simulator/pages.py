"""The web inbox."""

from simulator.cloud import Cloud
from simulator.web import Request, Response


def serves(path: str) -> bool:
    """Return whether the path is a page of the inbox."""
    return path == "/" or path.startswith("/mail/")


def handle(request: Request, cloud: Cloud) -> Response:
    """Return a page."""
    return Response(b"inbox", content_type="text/plain")

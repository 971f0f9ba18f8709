"""What every test of lists shares."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def own_media(tmp_path: Path, settings: Any) -> None:
    """Uploads of a test go to its own folder."""
    settings.MEDIA_ROOT = tmp_path

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedded import folder


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that every account may enter, unlike pytest's own."""
    with _folder() as base:
        base.chmod(0o755)
        yield base


@pytest.fixture(scope="module")
def _made() -> Iterator[Path]:
    with _folder() as made:
        made.chmod(0o755)
        yield made / "data"


@pytest.fixture
def data(_made: Path) -> Iterator[Path]:
    """A data folder for tests that may find it used before; nothing runs on it."""
    yield _made
    folder.down(_made)


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder that only we may enter, as a home folder is."""
    with _folder() as private:
        yield private


@contextmanager
def _folder() -> Iterator[Path]:
    # A space in the path, as folders on a Mac often have.
    with tempfile.TemporaryDirectory(prefix="bluefox embedded ") as name:
        yield Path(name)
        for state in list(Path(name).rglob("state.json")):
            if state.stat().st_uid == os.getuid():
                folder.reset(state.parent)


@pytest.fixture(autouse=True)
def _servers_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)

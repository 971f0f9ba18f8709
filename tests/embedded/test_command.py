"""`python -m embedded`, as a shell sees it."""

import sys
from pathlib import Path

import pytest

from embedded.__main__ import main


@pytest.fixture
def data(base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, the default one."""
    monkeypatch.chdir(base)
    return base / ".data" / "demo"


def embedded(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["embedded", *arguments])
    return main()


def test_up_status_env_down_reset(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert embedded(monkeypatch, "status") == 3
    assert capfd.readouterr().out == "postgres: stopped\nvalkey: stopped\n"
    assert embedded(monkeypatch, "up") == 0
    running = capfd.readouterr().out
    assert running.startswith("postgres: running, pid ")
    assert embedded(monkeypatch, "env") == 0
    exports = capfd.readouterr().out
    assert exports.startswith("export DATABASE_URL=postgres://postgres:")
    assert "\nexport REDIS_URL=redis://:" in exports
    assert embedded(monkeypatch, "status") == 0
    assert capfd.readouterr().out == running
    assert embedded(monkeypatch, "down") == 0
    assert embedded(monkeypatch, "status") == 3
    assert embedded(monkeypatch, "reset") == 0
    assert not data.exists()


def test_a_refusal_is_one_line(
    data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    data.parent.mkdir()
    data.touch()
    assert embedded(monkeypatch, "up") == 1
    message = "embedded: .data/demo is a file; a folder is needed for the data.\n"
    assert capfd.readouterr().err == message

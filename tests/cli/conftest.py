"""A fixture that runs the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Command


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run `toolkit` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return Command(tmp_path, monkeypatch, capsys)

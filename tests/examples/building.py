"""How the example programs are built, each in a folder of its own that git ignores."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.data import PROJECT

EXAMPLES = PROJECT / "examples"
# Ignored by git. Processes of pytest-xdist that run at once have folders of their own.
BUILD = PROJECT / "build" / "examples" / os.environ.get("PYTEST_XDIST_WORKER", "")
ENVIRONMENT = os.environ | {"ORT_DISABLE_TELEMETRY": "1"}


def copy(name: str, *files: str) -> Path:
    """Copy an example to where it is built; what was built there before stays."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        shutil.copy2(EXAMPLES / name / file, folder / file)
    return folder


def build(command: list[str], folder: Path) -> None:
    """Run a command that has to succeed in a folder."""
    done = execute(command, folder)
    assert done.returncode == 0, done.stderr


def execute(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, whatever comes of it."""
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT, check=False
    )

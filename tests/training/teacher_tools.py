"""Running the tools that make teachers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.data import PROJECT


def run_tool(module: str, folder: Path, *arguments: str, code: int = 0) -> str:
    """What a tool prints, all in one; it reads a folder and writes into its `work`."""
    places = ["--data", str(folder), "--work", str(folder / "work")]
    done = subprocess.run(
        [sys.executable, "-m", module, *places, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr

"""Running the commands of the pages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.data import PROJECT


def run(command: str, folder: Path) -> str:
    """Give what a terminal of 80 columns without colours shows."""
    environment = os.environ | {
        "COLUMNS": "80",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
    }
    done = subprocess.run(
        ["sh", "-c", f"{{ {command}\n}} 2>&1"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout

"""Where tests find the real data, which is not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def shared_data(name: str) -> Path:
    """Give a folder of the data; skip the test where it is missing."""
    root = Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))
    if not (root / name).exists():
        pytest.skip(f"needs {name}/ in the folder that TOOLKIT_DATA names")
    return root / name

"""Where the benchmarks find the project and the data."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).parents[2]

# Of the parts that look into one model: the tutorial's.
TIMED_MODEL = "conv1d"


def data_folder() -> Path:
    """Give the folder that TOOLKIT_DATA names."""
    return Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))

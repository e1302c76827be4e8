"""Where the benchmarks find the project and the data."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).parents[2]

# Of all parts of speed but `presets`: the network that Keras can be timed with, too.
TIMED_MODEL = "conv1d"


def data_folder() -> Path:
    """Give the folder that TOOLKIT_DATA names."""
    return Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))

"""Numbers of a model, which are float32, as decimals."""

from __future__ import annotations

import numpy as np


def shortest(value: float) -> float:
    """Return the number with the fewest decimals that is the same float32, as `score` writes it.

    Python would write the float32 nearest to 0.9595864 as 0.9595863819122314.
    """
    return float(str(np.float32(value)))

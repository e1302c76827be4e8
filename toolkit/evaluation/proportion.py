"""Shares of reviews, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

NORMAL_95 = 1.959963984540054  # the standard normal deviate of a two-sided 95% interval


@dataclass(frozen=True)
class Proportion:
    """`right` of `count` reviews; there is at least one."""

    right: int
    count: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% confidence interval of Wilson (1927), which also suits shares near 0 and 1."""
        n, squared = self.count, NORMAL_95**2
        middle = (self.right + squared / 2) / (n + squared)
        spread = self.right * (n - self.right) / n + squared / 4
        half = NORMAL_95 * sqrt(spread) / (n + squared)
        # Rounding must not keep the ends from 0 and 1.
        low = middle - half if self.right else 0.0
        return low, middle + half if self.right < n else 1.0

"""A share of reviews, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

NORMAL_95 = 1.959964  # the standard normal deviate of a two-sided 95 % interval


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
        """The 95 % confidence interval of Wilson (1927), which also suits shares near 0 and 1."""
        n, z2 = self.count, NORMAL_95**2
        middle = (self.value + z2 / (2 * n)) / (1 + z2 / n)
        half = sqrt(z2 * (self.value * (1 - self.value) + z2 / (4 * n)) / n) / (1 + z2 / n)
        low = 0.0 if self.right == 0 else middle - half
        return low, 1.0 if self.right == n else middle + half

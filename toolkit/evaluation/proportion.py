"""A share of reviews, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

CONFIDENCE_LEVEL = 0.95


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
        from scipy.stats import binomtest

        found = binomtest(self.right, self.count).proportion_ci(CONFIDENCE_LEVEL, "wilson")
        return float(found.low), float(found.high)

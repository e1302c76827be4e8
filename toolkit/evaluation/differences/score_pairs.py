"""Texts scored by two models, and how the numbers of millions of rows are summed up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.evaluation.differences.changes import NO_SCORE, Shift
from toolkit.evaluation.metrics import Probabilities, calls_positive
from toolkit.model.scorer import Scorer

Ints = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

# A distance is counted by the leading digits of its float32, which puts distances that are closer
# than one in a thousand to each other into one bin, however small they are.
_DIGITS_LEFT_OUT = 13
_HUNDREDTHS = 100  # of a star


@dataclass(frozen=True)
class PairScores:
    """What both models say of some texts; all arrays are (rows,)."""

    old: Probabilities  # float32, NaN where there is no score
    new: Probabilities
    codes: Ints  # 3 · the old answer + the new one
    old_stars: Probabilities | None  # None where a model has no stars
    new_stars: Probabilities | None

    @property
    def is_changed(self) -> Truths:
        """Where the answers differ."""
        return np.asarray(self.codes // 3 != self.codes % 3)

    @property
    def distance(self) -> Probabilities:
        """How far the probability moves; 0 where a model gives no score."""
        return np.asarray(np.nan_to_num(np.abs(self.new - self.old)), np.float32)


@dataclass(frozen=True)
class ModelPair:
    """The old and the new model, safe to share between threads."""

    old: Scorer
    new: Scorer

    def score(self, texts: pa.Array) -> PairScores:
        """Score texts with both."""
        both = [each.numbers(texts) for each in (self.old, self.new)]
        old, new = (_floats(numbers["probability"]) for numbers in both)
        answers = [
            np.where(np.isnan(found), NO_SCORE, calls_positive(found, float(scorer.threshold)))
            for found, scorer in ((old, self.old), (new, self.new))
        ]
        stars: list[Probabilities | None] = [None, None]
        if self.old.has_stars and self.new.has_stars:
            stars = [_floats(numbers["stars"]) for numbers in both]
        return PairScores(old, new, (3 * answers[0] + answers[1]).astype(np.int64), *stars)


def _floats(values: pa.FloatArray) -> Probabilities:
    """Give the numbers, NaN for null."""
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float32)


class Distances:
    """Sums up how far numbers move; quantiles are exact to one in a thousand."""

    def __init__(self) -> None:
        self._bins: dict[int, int] = {}
        self._rows = 0
        self._sum, self._sum_of_distances, self._largest = 0.0, 0.0, 0.0

    @classmethod
    def of(cls, old: Probabilities, new: Probabilities) -> Distances:
        """Take the rows that have both numbers, (rows,) each."""
        found = cls()
        moved = (new - old)[~(np.isnan(old) | np.isnan(new))]
        distances = np.abs(moved)
        if len(moved):
            bins, counts = np.unique(
                distances.view(np.int32) >> _DIGITS_LEFT_OUT, return_counts=True
            )
            found._bins = dict(zip(bins.tolist(), counts.tolist(), strict=True))
            found._rows = len(moved)
            found._sum = float(moved.sum(dtype=np.float64))
            found._sum_of_distances = float(distances.sum(dtype=np.float64))
            found._largest = float(distances.max())
        return found

    def add(self, other: Distances) -> None:
        """Add those of other rows."""
        for key, count in other._bins.items():
            self._bins[key] = self._bins.get(key, 0) + count
        self._rows += other._rows
        self._sum += other._sum
        self._sum_of_distances += other._sum_of_distances
        self._largest = max(self._largest, other._largest)

    def shift(self, decimals: int) -> Shift | None:
        """Give the figures, rounded; None without a row."""
        if not self._rows:
            return None
        keys = np.array(sorted(self._bins), np.int32)
        ends = np.cumsum([self._bins[key] for key in keys.tolist()])
        # The middle of the bins; a bin of zeros is that alone, or nearly.
        middle = np.int32(1 << (_DIGITS_LEFT_OUT - 1))
        values = np.where(keys > 0, ((keys << _DIGITS_LEFT_OUT) + middle).view(np.float32), 0)

        def quantile(share: float) -> float:
            at = int(np.searchsorted(ends, share * self._rows))
            return min(float(values[min(at, len(values) - 1)]), self._largest)

        figures = (
            *(self._sum / self._rows, self._sum_of_distances / self._rows),
            *(quantile(0.5), quantile(0.95), self._largest),
        )
        return Shift(self._rows, *(round(figure, decimals) for figure in figures))


def other_whole_stars(scores: PairScores) -> int:
    """Count rows whose stars, rounded to a whole number, are others."""
    if scores.old_stars is None or scores.new_stars is None:
        return 0
    old, new = (np.floor(each + 0.5) for each in (scores.old_stars, scores.new_stars))
    return int(np.count_nonzero((old != new) & ~np.isnan(old) & ~np.isnan(new)))

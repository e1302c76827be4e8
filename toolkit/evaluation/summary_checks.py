"""Whether the scores of files fit together: labels with probabilities, and rows of one model."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import counted
from toolkit.evaluation.metrics import Numbers
from toolkit.records.labels import Rows

_BINS = 1_000  # of the probability: labels are compared as finely
# bins in which a threshold may be
_LOWEST = 50
_HIGHEST = 950
_MANY = 0.05  # of all rows
_MOST_MODELS = 20
_MODEL = re.compile(r".+ sha256-[0-9a-f]{16}")  # as `ModelFile.in_one_value`
_SIGNS = (1, -1)  # by kind: which probabilities of negative and of positive rows are wrong

_Kinds = npt.NDArray[np.int8]


@dataclass(frozen=True)
class _Row:
    """A row of a file, to show."""

    file: str
    number: int  # from 0
    probability: float = 0.0


@dataclass
class ScoreChecks:
    """Counts of some scored rows, and an example of each kind."""

    # (2, bins): rows called negative and positive, by their probability.
    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, _BINS), np.int64))
    # The lowest and the highest probability in each bin.
    lowest: Numbers = field(default_factory=lambda: np.full(_BINS, np.inf))
    highest: Numbers = field(default_factory=lambda: np.full(_BINS, -np.inf))
    # The negative row with the highest probability, and the positive one with the lowest, by kind.
    furthest: dict[int, _Row] = field(default_factory=dict)
    models: Counter[str] = field(default_factory=Counter)
    first_of_model: dict[str, _Row] = field(default_factory=dict)

    @classmethod
    def of(
        cls, kinds: _Kinds, probability: Numbers, rows: Rows, models: pa.Array | None = None
    ) -> ScoreChecks:
        """Count rows by their label (0 negative, 1 positive, below 0 others) and probability."""
        found = cls()
        places = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
        is_counted = (kinds == 0) | (kinds == 1)
        np.minimum.at(found.lowest, places[is_counted], probability[is_counted])
        np.maximum.at(found.highest, places[is_counted], probability[is_counted])
        for kind, sign in enumerate(_SIGNS):
            own = np.flatnonzero(kinds == kind)
            found.bins[kind] = np.bincount(places[own], minlength=_BINS)
            if len(own):
                at = own[np.argmax(sign * probability[own])]
                found.furthest[kind] = _Row("", int(rows[at]), float(probability[at]))
        for each in [] if models is None else pc.value_counts(models).to_pylist():
            word = each["values"]
            if word is not None and _MODEL.fullmatch(word) and len(found.models) < _MOST_MODELS:
                found.models[word] = each["counts"]
                found.first_of_model[word] = _Row("", int(rows[pc.index(models, word).as_py()]))
        return found

    def add(self, other: ScoreChecks, file: str, before: int) -> None:
        """Add the counts of later rows; `before` rows of their file come first."""
        self.bins += other.bins
        self.lowest = np.minimum(self.lowest, other.lowest)
        self.highest = np.maximum(self.highest, other.highest)
        for kind, row in other.furthest.items():
            known = self.furthest.get(kind)
            new = replace(row, file=file, number=row.number + before)
            if known is None or _SIGNS[kind] * (new.probability - known.probability) > 0:
                self.furthest[kind] = new
        for model, count in other.models.items():
            if model in self.models or len(self.models) < _MOST_MODELS:
                self.models[model] += count
                row = other.first_of_model[model]
                new = replace(row, file=file, number=row.number + before)
                self.first_of_model.setdefault(model, new)

    @property
    def contradictions(self) -> int:
        """Rows whose label does not follow from their probability, whatever the threshold is."""
        negative, positive = self.bins
        above = negative.sum() - np.cumsum(negative)  # negative ones above a threshold in each bin
        below = np.cumsum(positive) - positive
        # Rows of one probability with both labels; few of them may be rounded, at the threshold.
        both = np.where(self.lowest == self.highest, np.minimum(negative, positive), 0)
        both[both < _MANY * self.bins.sum()] = 0
        return int((above + below + both)[_LOWEST:_HIGHEST].min())

    def warnings(self, labels: tuple[str, str], model: str) -> list[str]:
        """Return warnings of contradictions; `model` is the model whose words are counted."""
        found = []
        count = self.contradictions
        if count:
            found.append(self._contradiction(count, labels))
        if len(self.models) > 1:
            shown = [
                f"{name} ({counted(rows, 'row')}, first: {first.file} row {first.number + 1:,})"
                for name, rows in self.models.most_common(3)
                for first in (self.first_of_model[name],)
            ]
            found.append(
                f"The rows were scored by {len(self.models)} models: {'; '.join(shown)}. Shares of "
                "different models cannot be added up: score all files with one."
            )
        elif self.models and model not in self.models:
            (other,) = self.models
            found.append(
                f"The rows were scored by {other}, but words are counted by {model}. Name the "
                "model of the scores with --model."
            )
        return found

    def _contradiction(self, count: int, labels: tuple[str, str]) -> str:
        lowest = int(np.flatnonzero(self.bins.sum(axis=0))[0])
        why = (
            "No probability is below 0.5, so this may be the confidence of the label: name the "
            "column with the probability of positive with --names probability=NAME."
            if lowest >= _BINS // 2
            else "They may be of two models or two thresholds, or of other columns: see --names."
        )
        known = [*self.furthest.items()]
        # The one that is furthest on the wrong side of 0.5.
        kind, row = max(known, key=lambda each: _SIGNS[each[0]] * (each[1].probability - 0.5))
        rows = "1 row contradicts itself" if count == 1 else f"{count:,} rows contradict themselves"
        return (
            f"At least {rows}: {row.file} row {row.number + 1:,} is {labels[kind]} with a "
            f"probability of {labels[1]} of {row.probability:.3f}. {why}"
        )

"""Turn the probabilities of a model of classes into labels and columns of the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import Classification
from toolkit.errors import UsageError
from toolkit.model.facts import ModelFacts
from toolkit.model.typed_json import is_line
from toolkit.records.class_labels import listed_labels, plain_class
from toolkit.records.columns import (
    LABEL,
    LABEL_PROBABILITY,
    REASONS,
    TOP_LABELS,
    class_probability_role,
)

# Names in the result of `ClassAnswers.numbers`.
CLASS = "class"
PROBABILITY = "probability"
PROBABILITIES = "probabilities"

_JOINED_WITH = "; "  # between the labels of `top_labels`
_DECIMALS = 3
_SHOWN = 12  # classes in a message


@dataclass(frozen=True)
class ClassAnswers:
    """The user's options for the answers of a model of classes.

    Parameters
    ----------
    facts : ModelFacts
        The facts of the model.
    min_probability : float | None
        Least probability of a label, 0 to 1. Less likely labels are replaced by `other`.
    other : str | None
        Label for texts whose label is less likely; None: no label.
    top : int
        Number of most likely labels to list.
    probabilities : bool
        Whether to add the probability of each class.
    reasons : bool
        Whether to add the words that decided the label.
    """

    facts: ModelFacts
    min_probability: float | None = None
    other: str | None = None
    top: int = 0
    probabilities: bool = False
    reasons: bool = False

    def __post_init__(self) -> None:
        least = self.min_probability
        if least is not None and not 0 <= least <= 1:
            raise UsageError(
                f"--min-probability: expected a probability from 0 to 1, received {least}"
            )
        if self.other is not None:
            self._check_other(self.other)
        if type(self.top) is not int or not 0 <= self.top <= len(self.facts.labels):
            raise UsageError(
                f"--top: expected 1 to {len(self.facts.labels)}, the number of classes, received "
                f"{self.top!r}"
            )
        joined = next((name for name in self.facts.labels if _JOINED_WITH in name), None)
        if self.top and joined is not None:
            raise UsageError(
                f"--top: lists labels with {_JOINED_WITH!r} between them, and the label "
                f"{joined!r:.60} has it inside. Use --probabilities."
            )

    def _check_other(self, other: str) -> None:
        if self.min_probability is None:
            raise UsageError(
                "--other: needs --min-probability: texts without a class of that "
                "probability get this label."
            )
        if not is_line(other):
            raise UsageError(f"--other: expected a label in one line, received {other!r:.60}")
        if plain_class(other) in map(plain_class, self.facts.labels):
            raise UsageError(f"--other: {other!r:.60} is a class of the model. Choose another.")

    @property
    def shown(self) -> tuple[str, ...]:
        """The labels that a text may get, in order."""
        return (*self.facts.labels, *(() if self.other is None else (self.other,)))

    @property
    def adds(self) -> tuple[str, ...]:
        """The roles of the columns that scoring adds, in order."""
        names = self.facts.labels if self.probabilities else ()
        top = (TOP_LABELS,) if self.top else ()
        reasons = (REASONS,) if self.reasons else ()
        return (LABEL, LABEL_PROBABILITY, *top, *reasons, *map(class_probability_role, names))

    def class_of(self, label: str, option: str) -> str:
        """Return the class that a user names, in any case; raise `UsageError` without one."""
        plain = {plain_class(name): name for name in reversed(self.facts.labels)}
        if label in self.facts.labels:
            return label
        if plain_class(label) in plain:
            return plain[plain_class(label)]
        from difflib import get_close_matches  # late: it takes a few ms

        close = get_close_matches(plain_class(label), plain, n=1)
        meant = f", did you mean {plain[close[0]]!r}?" if close else ""
        known = listed_labels(self.facts.labels, _SHOWN)
        raise UsageError(
            f"{option}: {label!r:.60} is not a class of the model{meant} (it has: {known})"
        )

    def numbers(self, found: npt.NDArray[np.float32]) -> dict[str, Any]:
        """Return the columns to keep of (texts, classes) probabilities, by name, (texts,) each.

        `CLASS`, int32, and `PROBABILITY`, float32, describe the most likely class, the first if
        several are equally likely. `PROBABILITIES` is included only if it is asked for.
        """
        place = found.argmax(axis=1).astype(np.int32)
        numbers: dict[str, Any] = {
            PROBABILITY: found[np.arange(len(found)), place],
            CLASS: place,
        }
        if self.probabilities or self.top:
            flat = pa.array(found.reshape(-1), pa.float32())
            numbers[PROBABILITIES] = pa.FixedSizeListArray.from_arrays(flat, found.shape[1])
        return numbers

    def labels(self, predictions: pa.RecordBatch) -> pa.StringArray:
        """Return the label of each text; null without an answer, or `other` if it is unlikely."""
        found = pa.array(self.facts.labels, pa.string()).take(predictions[CLASS])
        if self.min_probability is None:
            return found
        least = pa.scalar(self.min_probability, pa.float32())
        is_likely = pc.greater_equal(predictions[PROBABILITY], least)
        return pc.if_else(is_likely, found, pa.scalar(self.other, pa.string()))

    def probability_of(self, predictions: pa.RecordBatch, role: str) -> pa.FloatArray:
        """Return the probability of one class; `role`: of its column."""
        roles = [class_probability_role(name) for name in self.facts.labels]
        return pc.list_element(predictions[PROBABILITIES], roles.index(role))

    def of_rows(self, predictions: pa.RecordBatch) -> list[Classification]:
        """Return label and probability of each text."""
        labels = self.labels(predictions).to_pylist()
        probabilities = predictions[PROBABILITY].to_pylist()
        return [
            Classification(label, probability)
            for label, probability in zip(labels, probabilities, strict=True)
        ]

    def by_class(self, predictions: pa.RecordBatch) -> list[dict[str, float] | None]:
        """Return label → probability of each text, most likely first; None without an answer."""
        names = self.facts.labels

        def by_name(row: Sequence[float]) -> dict[str, float]:
            pairs = zip(names, row, strict=True)
            return dict(sorted(pairs, key=lambda pair: -pair[1]))

        rows = predictions[PROBABILITIES].to_pylist()
        return [None if row is None else by_name(row) for row in rows]

    def top_labels(self, predictions: pa.RecordBatch) -> pa.StringArray:
        """Return the most likely labels of each text, such as ``billing 0.71; login 0.2``."""
        return pa.array(self._top(predictions), pa.string())

    def _top(self, predictions: pa.RecordBatch) -> Iterator[str | None]:
        for found in self.by_class(predictions):
            if found is None:
                yield None
                continue
            shares = [f"{name} {share:.{_DECIMALS}f}" for name, share in found.items()]
            yield _JOINED_WITH.join(shares[: self.top])

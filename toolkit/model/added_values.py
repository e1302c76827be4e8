"""How the columns that scoring adds are computed: one function for each entry of `ADDITIONS`.

A function gets what was predicted and the role of the column, and returns its values, (texts,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from toolkit.classes import tone_names
from toolkit.model.file import Model
from toolkit.model.labels import Labelling
from toolkit.records.columns import (
    ADDITIONS,
    LABEL,
    LABEL_PROBABILITY,
    TOP_LABELS,
    key_of,
)

if TYPE_CHECKING:
    from toolkit.model.class_answers import ClassAnswers


@dataclass(frozen=True)
class Predicted:
    """What is known of some texts."""

    rows: pa.RecordBatch  # as `Scorer.predict` returns it
    file: Model
    labelling: Labelling
    answers: ClassAnswers | None  # of a model of classes

    def column(self, role: str) -> pa.Array:
        """Return the values of an added column, (texts,)."""
        return _FUNCTIONS[key_of(role) or role](self, role)

    @property
    def of_classes(self) -> ClassAnswers:
        """The answers of a model of classes."""
        assert self.answers is not None
        return self.answers


_Function: TypeAlias = Callable[[Predicted, str], pa.Array]
_FUNCTIONS: dict[str, _Function] = {}


def _computes(*keys: str) -> Callable[[_Function], _Function]:
    """Register a function for entries of `ADDITIONS`."""

    def register(function: _Function) -> _Function:
        _FUNCTIONS.update(dict.fromkeys(keys, function))
        return function

    return register


@_computes("sentiment")
def _sentiment(given: Predicted, _: str) -> pa.Array:
    return given.labelling.of_predictions(given.rows)


@_computes(
    "probability",
    "stars",
    "positive_sentences",
    "negative_sentences",
    "reasons",
    "aspect_probability",
)
def _as_predicted(given: Predicted, role: str) -> pa.Array:
    return given.rows[role]


@_computes("aspect")
def _tone(given: Predicted, role: str) -> pa.Array:
    names = pa.array(tone_names(given.labelling.facts.labels), pa.string())
    return names.take(given.rows[role])


@_computes("model")
def _model(given: Predicted, _: str) -> pa.Array:
    # Also for rows without a score: the model has seen them.
    return pa.repeat(given.file.in_one_value, len(given.rows))


@_computes("answered_by")
def _answered_by(given: Predicted, _: str) -> pa.Array:
    from toolkit.model.second import answered_by  # late: few runs have a second model

    return answered_by(given.rows)


@_computes(LABEL)
def _label(given: Predicted, _: str) -> pa.Array:
    return given.of_classes.labels(given.rows)


@_computes(LABEL_PROBABILITY)
def _label_probability(given: Predicted, _: str) -> pa.Array:
    return given.rows["probability"]


@_computes(TOP_LABELS)
def _top_labels(given: Predicted, _: str) -> pa.Array:
    return given.of_classes.top_labels(given.rows)


@_computes("class_probability")
def _class_probability(given: Predicted, role: str) -> pa.Array:
    return given.of_classes.probability_of(given.rows, role)


if _FUNCTIONS.keys() != ADDITIONS.keys():
    odd = sorted(_FUNCTIONS.keys() ^ ADDITIONS.keys())
    raise AssertionError(f"columns without a function, or the reverse: {', '.join(odd)}")

"""Evaluate a model of classes: metrics, the most confused pairs with examples, and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit import __version__
from toolkit.errors import InputError
from toolkit.evaluation.class_metrics import ClassMetrics, ConfusedPair, measure_classes
from toolkit.evaluation.groups import named_groups
from toolkit.evaluation.labelled_reviews import sha256_if_file
from toolkit.evaluation.metrics import Proportion
from toolkit.model.class_answers import CLASS, PROBABILITIES
from toolkit.model.scorer import Scorer
from toolkit.records.class_labels import NO_CLASS, are_given, listed_labels, numbers_of
from toolkit.records.labelled import LabelledTexts, read_labelled
from toolkit.records.options import ReadOptions
from toolkit.stores.paths import path_of

FORMAT_VERSION = 1  # of the JSON
_PAIRS = 10  # that are confused most often
_OTHER_LABELS = 5  # that are no class, in a message


@dataclass(frozen=True)
class ClassRowCounts:
    """How many rows a file has, and what was left out of them."""

    path: Path
    sha256: str | None  # of the file; None for standard input
    columns: dict[str, str]  # text and label
    rows: int
    texts: int  # with a label and an answer: all figures are of these
    without_text: int
    without_label: int  # with a text
    other_labels: dict[str, int]  # that are no class of the model, and in how many rows
    without_answer: int  # with text and label, of which the model knows no word


@dataclass(frozen=True)
class ClassMistake:
    """A text that is taken for another class."""

    row: int  # in the file, from 1
    text: str
    label: str
    called: str
    probability: float  # of what it is called


@dataclass(frozen=True)
class ClassGroup:
    """The figures of a model on the texts of one group."""

    name: str
    accuracy: Proportion
    macro_f1: float  # of the classes in this group
    constant_accuracy: float  # of the most frequent label in this group

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return {
            "name": self.name,
            "texts": self.accuracy.count,
            "accuracy": self.accuracy.value,
            "interval": [*self.accuracy.interval],
            "macro_f1": self.macro_f1,
            "constant_accuracy": self.constant_accuracy,
        }


@dataclass(frozen=True)
class ClassEvaluation:
    """What was measured of a model of classes."""

    date: datetime
    data: ClassRowCounts
    model: dict[str, Any]  # as `Scorer.identity`
    metrics: ClassMetrics
    confused: list[ConfusedPair]  # most often, in order
    mistakes: list[ClassMistake]  # the surest of each of these pairs
    groups: tuple[ClassGroup, ...] = ()  # the lowest accuracy first; empty without a column

    def as_dict(self) -> dict[str, Any]:
        """Return all as JSON has it; None where a figure is not defined."""
        found = self.metrics
        figures = {
            name: value
            for name, value in vars(found).items()
            if name not in ("accuracy", "classes", "confusion", "sure")
        }
        accuracy = {**asdict(found.accuracy), "value": found.accuracy.value}
        accuracy["interval"] = [*found.accuracy.interval]
        groups = {"groups": [each.as_dict() for each in self.groups]} if self.groups else {}
        return {
            "format_version": FORMAT_VERSION,
            "kind": "classes",
            "toolkit_version": __version__,
            "date": self.date.isoformat(),
            "data": {**asdict(self.data), "path": str(self.data.path)},
            "model": self.model,
            "metrics": {"accuracy": accuracy, **figures},
            "classes": [
                {
                    **asdict(each),
                    "precision": each.precision,
                    "recall": each.recall,
                    "f1": each.f1,
                }
                for each in found.classes
            ],
            "confusion": found.confusion.tolist(),
            "by_probability": [asdict(each) for each in found.sure],
            "confused": [asdict(each) for each in self.confused],
            "mistakes": [asdict(each) for each in self.mistakes],
            **groups,
        }


def evaluate_classes(
    data: str | Path,
    model: str | Path | Scorer,
    reading: ReadOptions | None = None,
    examples: int = 10,
) -> ClassEvaluation:
    """Measure a model of classes on labelled texts.

    Parameters
    ----------
    data : str | Path
        A file of any format with a text and a label in each row; ``-`` is standard input.
    model : str | Path | Scorer
        The model.
    reading : ReadOptions | None
        How the file is read; its columns. Rows with a label that the model
        does not have are left out and counted.
    examples : int
        How many texts to show, of the pairs of classes that are confused most often.

    Returns
    -------
    ClassEvaluation
        The figures, for each class and for all.

    Raises
    ------
    InputError
        If the file cannot be read, or no row has a text with a class and an answer.
    ModelError
        If the model cannot be loaded.
    UsageError
        If a column is missing.
    """
    scorer = model if isinstance(model, Scorer) else Scorer(model, probabilities=True)
    path = path_of(data)
    return evaluate_table(path, read_texts(path, reading), scorer, examples).evaluation


def read_texts(path: Path, reading: ReadOptions | None) -> LabelledTexts:
    """Read the texts and labels of a file, and the groups if their column is named."""
    reading = reading or ReadOptions()
    roles = () if reading.columns.group is None else ("group",)
    return read_labelled(path, reading, *roles)


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of a model, and its answer to each text."""

    evaluation: ClassEvaluation
    classes: tuple[str, ...]  # all classes of the model, as it writes them
    rows: npt.NDArray[np.int64]  # (texts,) their positions in the file, ascending
    labels: npt.NDArray[np.object_]  # (texts,) their labels, as the model writes them
    called: npt.NDArray[np.object_]  # (texts,) what the model calls them


def evaluate_table(
    path: Path, labelled_texts: LabelledTexts, scorer: Scorer, examples: int
) -> Evaluated:
    """Measure a model on the texts of a file; raises `InputError` as `evaluate_classes`."""
    names = scorer.facts.labels
    labelled = _of_classes(path, labelled_texts, scorer)
    answered = _answer(labelled, scorer)
    metrics = measure_classes(answered.numbers, answered.shares, names)
    confused = metrics.confused(_PAIRS)
    found = ClassEvaluation(
        date=datetime.now(UTC).replace(microsecond=0),
        data=replace(
            labelled.counts,
            texts=len(answered.rows),
            without_answer=len(labelled.rows) - len(answered.rows),
        ),
        model=scorer.identity(),
        metrics=metrics,
        confused=confused,
        mistakes=_mistakes(labelled, answered, names=names, confused=confused, examples=examples),
        groups=_groups(labelled_texts, answered, names),
    )
    words = np.array(names, object)
    return Evaluated(
        evaluation=found,
        classes=names,
        rows=answered.rows,
        labels=words[answered.numbers],
        called=words[answered.shares.argmax(axis=1)],
    )


def _groups(
    labelled: LabelledTexts, answered: _Answered, names: tuple[str, ...]
) -> tuple[ClassGroup, ...]:
    """Measure the groups, the lowest accuracy first; empty without a column of groups."""
    if "group" not in labelled.table.chosen:
        return ()
    groups = named_groups(labelled.table["group"].take(pa.array(answered.rows)))
    found = []
    for at, name in enumerate(groups.names):
        own = groups.places == at
        metrics = measure_classes(answered.numbers[own], answered.shares[own], names)
        found.append(
            ClassGroup(name, metrics.accuracy, metrics.macro_f1, metrics.constant_accuracy)
        )
    return tuple(sorted(found, key=lambda each: (each.accuracy.value, each.name)))


@dataclass(frozen=True)
class _Labelled:
    """The texts of a file whose label is a class of the model."""

    name: str  # of the file, for messages
    texts: pa.ChunkedArray  # of all rows
    rows: npt.NDArray[np.int64]  # (texts,) their positions in the file
    numbers: npt.NDArray[np.int64]  # (texts,) of their classes
    counts: ClassRowCounts  # before the model has answered


@dataclass(frozen=True)
class _Answered:
    """The labelled texts that the model has an answer for."""

    rows: npt.NDArray[np.int64]  # (texts,) their positions in the file
    numbers: npt.NDArray[np.int64]  # (texts,) of their classes
    shares: npt.NDArray[np.float32]  # (texts, classes) probabilities


def _of_classes(path: Path, labelled: LabelledTexts, scorer: Scorer) -> _Labelled:
    """Choose the texts with a label of the model; `InputError` if there are none."""
    labels = scorer.facts.labels
    table = labelled.table
    texts = labelled.rows
    words = labelled.words
    numbers = numbers_of(words, labels)
    is_given = are_given(words)
    others = _counts(words.filter(pa.array(is_given & (numbers == NO_CLASS))))
    has_class = numbers >= 0
    if not has_class.any():
        found = ", ".join(repr(label)[:60] for label in [*others][:_OTHER_LABELS]) or "none"
        raise InputError(
            f"{table.place('label')}: no text has a label that is a class of "
            f"{scorer.identity()['path']} (found: {found}; the model has: "
            f"{listed_labels(labels, _OTHER_LABELS)}). Choose the column with --label-column, or "
            "another model."
        )
    counts = ClassRowCounts(
        path=path,
        sha256=sha256_if_file(path),
        columns=dict(table.chosen),
        rows=table.rows,
        texts=int(np.count_nonzero(has_class)),
        without_text=labelled.without_text,
        without_label=int(np.count_nonzero(~is_given)),
        other_labels=others,
        without_answer=0,
    )
    return _Labelled(
        name=table.name,
        texts=table["text"],
        rows=texts[has_class],
        numbers=numbers[has_class],
        counts=counts,
    )


def _answer(labelled: _Labelled, scorer: Scorer) -> _Answered:
    """Ask the model for the probabilities; `InputError` if it has an answer for no text."""
    answers = scorer.predict(labelled.texts.take(pa.array(labelled.rows)))
    has_answer = answers[CLASS].is_valid().to_numpy(zero_copy_only=False)
    if not has_answer.any():
        raise InputError(
            f"{labelled.name}: {scorer.identity()['path']} knows no word of any text with a label."
        )
    flat = answers[PROBABILITIES].drop_null().flatten().to_numpy(zero_copy_only=False)
    return _Answered(
        rows=labelled.rows[has_answer],
        numbers=labelled.numbers[has_answer],
        shares=flat.reshape(-1, len(scorer.facts.labels)),
    )


def _counts(words: pa.ChunkedArray) -> dict[str, int]:
    """Count different words, the most frequent first."""
    found = words.combine_chunks().value_counts().to_pylist()
    ordered = sorted(found, key=lambda each: -each["counts"])
    return {each["values"]: each["counts"] for each in ordered}


def _mistakes(
    labelled: _Labelled,
    answered: _Answered,
    names: tuple[str, ...],
    confused: list[ConfusedPair],
    examples: int,
) -> list[ClassMistake]:
    """Choose the surest mistakes of each pair, in turn."""
    called = answered.shares.argmax(axis=1)
    sure = answered.shares.max(axis=1)
    by_pair = []
    for pair in confused:
        is_pair = (answered.numbers == names.index(pair.label)) & (
            called == names.index(pair.called)
        )
        at = np.flatnonzero(is_pair)
        by_pair.append(at[np.argsort(-sure[at], kind="stable")][:examples])
    most = max(map(len, by_pair), default=0)
    turns = [at[turn] for turn in range(most) for at in by_pair if turn < len(at)][:examples]
    return [
        ClassMistake(
            row=int(answered.rows[at]) + 1,
            text=labelled.texts[int(answered.rows[at])].as_py(),
            label=names[answered.numbers[at]],
            called=names[called[at]],
            probability=float(sure[at]),
        )
        for at in turns
    ]

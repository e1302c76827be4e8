"""Models of classes on the same labelled texts: which one is right, and where their answers differ.

Two models are compared on the texts whose label is a class of both, and that both have an answer
for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.evaluation.cells import (
    UNDEFINED,
    Cell,
    Row,
    Table,
    ends,
    number,
    p_value,
    percent,
    table_of,
)
from toolkit.evaluation.class_evaluate import (
    ClassEvaluation,
    Evaluated,
    evaluate_table,
    read_texts,
)
from toolkit.evaluation.class_metrics import TOP, OfClass
from toolkit.evaluation.class_tables import MOST_CLASSES, MOST_GROUPS
from toolkit.evaluation.comparison import (
    Comparison,
    compare,
    difference_in_points,
    unique_names,
)
from toolkit.evaluation.summary import Section
from toolkit.model.opened import open_model
from toolkit.model.scorer import Scorer
from toolkit.records.class_labels import in_spelling_of, plain_class
from toolkit.records.options import ReadOptions
from toolkit.stores.paths import path_of

_FORMAT_VERSION = 1  # of the JSON
_PAIRS = 10  # of answers that differ


@dataclass(frozen=True)
class DifferingAnswers:
    """Texts that the best model gives one class, and another model another class."""

    best: str  # the class by the best model
    other: str  # the class by the other model
    texts: int
    best_right: int
    other_right: int


@dataclass(frozen=True)
class ClassComparison:
    """A model compared with the best one, on the texts that both can be right on."""

    test: Comparison
    texts: int  # that both are compared on
    differing: list[DifferingAnswers]  # the most frequent first

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON."""
        differing = [asdict(each) for each in self.differing]
        return {**asdict(self.test), "texts": self.texts, "differing": differing}


@dataclass(frozen=True)
class ClassReport:
    """Several models of classes on the same file."""

    names: tuple[str, ...]  # unique
    models: tuple[ClassEvaluation, ...]
    best: int  # position of the model with the highest accuracy
    comparisons: tuple[ClassComparison, ...]  # of every other model

    def as_dict(self) -> dict[str, Any]:
        """Return all as JSON."""
        return {
            "format_version": _FORMAT_VERSION,
            "kind": "classes",
            "toolkit_version": __version__,
            "best": self.names[self.best],
            "models": {
                name: each.as_dict() for name, each in zip(self.names, self.models, strict=True)
            },
            "comparisons": [each.as_dict() for each in self.comparisons],
        }


def compare_classes(
    data: str | Path,
    models: Sequence[str | Path],
    reading: ReadOptions | None = None,
    examples: int = 10,
) -> ClassReport:
    """Measure several models of classes on labelled texts, and compare them with the best one.

    Parameters
    ----------
    data : str | Path
        A file of any format with a text and a label in each row; ``-`` is standard input.
    models : Sequence[str | Path]
        Model files or run folders.
    reading : ReadOptions | None
        How the file is read; its columns.
    examples : int
        Number of mistakes to keep for each model.

    Returns
    -------
    ClassReport
        The figures of each model, and the comparisons.

    Raises
    ------
    InputError
        If the file cannot be read, or has no label that is a class of a model.
    ModelError
        If a model cannot be loaded.
    UsageError
        If a column is missing, a model is not a model of classes, or no text can be compared.
    """
    check_have_classes(models)
    scorers = [Scorer(model, probabilities=True) for model in models]
    path = path_of(data)
    texts = read_texts(path, reading)
    found = [evaluate_table(path, texts, scorer, examples) for scorer in scorers]
    names = unique_names([each.evaluation.model for each in found])
    accuracies = [each.evaluation.metrics.accuracy.value for each in found]
    best = int(np.argmax(accuracies))
    others = [at for at in range(len(found)) if at != best]
    return ClassReport(
        names=tuple(names),
        models=tuple(each.evaluation for each in found),
        best=best,
        comparisons=tuple(
            _compare(names[at], found[at], best_name=names[best], best=found[best]) for at in others
        ),
    )


def check_have_classes(models: Sequence[str | Path]) -> None:
    """Raise `UsageError` if a model is not a model of classes."""
    for model in models:
        if not open_model(model).facts.has_classes:
            raise UsageError(
                f"{model}: is a model of negative and positive, and cannot be compared with a "
                "model of classes. Evaluate each on its own."
            )


def _compare(name: str, found: Evaluated, best_name: str, best: Evaluated) -> ClassComparison:
    _, own, of_best = np.intersect1d(found.rows, best.rows, assume_unique=True, return_indices=True)
    if not len(own):
        raise UsageError(
            f"{name} and {best_name}: no text has a label that is a class of both, and an answer "
            "of both. Evaluate each on its own."
        )
    # The models may spell a class in two ways, such as Billing and billing: the best one decides.
    spelled = dict(zip(found.classes, in_spelling_of(best.classes, found.classes), strict=True))
    labels = best.labels[of_best]
    best_called = best.called[of_best]
    called = np.array([spelled[label] for label in found.called[own]], np.object_)
    test = compare(
        model=name,
        right=called == labels,
        reference=best_name,
        reference_right=best_called == labels,
    )
    differs = called != best_called
    pairs = Counter(zip(best_called[differs], called[differs], strict=True))
    right = Counter(zip(best_called[differs], called[differs], labels[differs], strict=True))
    differing = [
        DifferingAnswers(
            best=first,
            other=second,
            texts=count,
            best_right=right[first, second, first],
            other_right=right[first, second, second],
        )
        for (first, second), count in pairs.most_common(_PAIRS)
    ]
    return ClassComparison(test, len(own), differing)


def comparison_sections(found: ClassReport) -> list[Section]:
    """Return the tables of a report, for the terminal and the page."""
    shown = [
        Section("Metrics", _figures(found), ""),
        Section("Comparison", _tests(found), _note(found)),
    ]
    for each in found.comparisons:
        if each.differing:
            title = f"Where {each.test.model} and {each.test.reference} differ"
            shown.append(Section(title, _differing(each), "The most frequent pairs of answers."))
    shown.append(_classes(found))
    if any(model.groups for model in found.models):
        shown.append(_groups(found))
    return shown


def _figures(found: ClassReport) -> Table:
    """Return a row for each figure, a column for each model, and the best constant answer."""
    metrics = [each.metrics for each in found.models]
    first = metrics[0]
    classes = sum(each.support > 0 for each in first.classes)

    def row(name: str, key: str, constant: str, digits: int | None = None) -> Row:
        values = [getattr(each, key) for each in metrics]
        shown = [percent(value) if digits is None else f"{value:.{digits}f}" for value in values]
        return (name, *shown, constant)

    accuracy: Row = (
        "accuracy",
        *(Cell(percent(each.accuracy.value), ends(each.accuracy.interval)) for each in metrics),
        percent(first.constant_accuracy),
    )
    rows: list[Row] = [
        accuracy,
        row("balanced accuracy (mean recall)", "balanced_accuracy", percent(1 / classes)),
        row("macro F1", "macro_f1", percent(first.constant_macro_f1)),
        row("weighted F1", "weighted_f1", UNDEFINED),
        row(f"right label among the first {TOP}", "top_accuracy", UNDEFINED),
        row("log loss", "log_loss", UNDEFINED, digits=4),
        row("calibration error", "calibration_error", UNDEFINED, digits=4),
        ("texts", *(f"{each.accuracy.count:,}" for each in metrics), ""),
    ]
    return table_of(("", *found.names, f"always {first.constant}"[:40]), rows)


def _tests(found: ClassReport) -> Table:
    rows = [
        (
            each.test.model,
            f"{each.texts:,}",
            f"{each.test.only_model_right:,}",
            f"{each.test.only_reference_right:,}",
            *difference_in_points(each.test),
            p_value(each.test.p_value) + (" *" if each.test.is_exact else ""),
        )
        for each in found.comparisons
    ]
    columns = ("model", "texts", "it alone", "best alone", "difference", "95% interval", "p")
    return table_of(columns, rows)


def _note(found: ClassReport) -> str:
    exact = " (* exact binomial)" if any(each.test.is_exact for each in found.comparisons) else ""
    most = max(model.metrics.accuracy.count for model in found.models)
    left_out = ""
    if any(each.texts < most for each in found.comparisons):
        left_out = (
            " Texts are left out if their label is not a class of both, or one has no answer."
        )
    return (
        f"Compared with the best model, {found.names[found.best]}: texts that only one of the two "
        "gets right, the difference of the accuracies in points, and p of McNemar's test"
        f"{exact}.{left_out}"
    )


def _differing(found: ClassComparison) -> Table:
    """Return the pairs of answers that differ, and who is right."""
    best, other = found.test.reference, found.test.model
    rows = [
        (each.best, each.other, f"{each.texts:,}", f"{each.best_right:,}", f"{each.other_right:,}")
        for each in found.differing
    ]
    return table_of((best, other, "texts", f"{best} right", f"{other} right"), rows, 2)


def _classes(found: ClassReport) -> Section:
    """Return F1 of each class by each model, the largest classes first."""
    by_model = [
        {plain_class(each.label): each for each in model.metrics.classes} for model in found.models
    ]
    support: dict[str, int] = {}
    for classes in by_model:
        for plain, each in classes.items():
            support[plain] = max(support.get(plain, 0), each.support)
    labels = sorted(support, key=lambda plain: -support[plain])
    # Models may spell a class in several ways: it is shown as the best model writes it.
    best = by_model[found.best]
    spelled = {
        plain: each.label for classes in (*by_model, best) for plain, each in classes.items()
    }

    def cell(each: OfClass | None) -> Cell:
        f1 = None if each is None else each.f1
        return Cell(number(f1, 1), share=f1)

    rows: list[Row] = [
        (spelled[plain], f"{support[plain]:,}", *(cell(classes.get(plain)) for classes in by_model))
        for plain in labels[:MOST_CLASSES]
    ]
    more = len(labels) - MOST_CLASSES
    note = f"The largest are shown; {more:,} more are in the JSON." if more > 0 else ""
    return Section("F1 of each class", table_of(("class", "texts", *found.names), rows), note)


def _groups(found: ClassReport) -> Section:
    """Return the accuracy on each group, the lowest of the best model first."""
    by_model = [{each.name: each for each in model.groups} for model in found.models]
    names = [each.name for each in found.models[found.best].groups]
    rows: list[Row] = []
    for name in names[:MOST_GROUPS]:
        own = [groups.get(name) for groups in by_model]
        texts = max(each.accuracy.count for each in own if each is not None)
        cells = [
            Cell(UNDEFINED)
            if each is None
            else Cell(percent(each.accuracy.value, 1), ends(each.accuracy.interval))
            for each in own
        ]
        rows.append((name, f"{texts:,}", *cells))
    more = len(names) - MOST_GROUPS
    note = f"The weakest are shown; {more:,} more are in the JSON." if more > 0 else ""
    return Section("Accuracy by group", table_of(("group", "texts", *found.names), rows), note)

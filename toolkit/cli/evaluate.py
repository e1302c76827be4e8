"""`toolkit evaluate`: how good models are on labelled reviews."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import options as o
from toolkit.cli.reading import AS_USUAL, Reading, with_reading
from toolkit.errors import MissingExtraError, UsageError
from toolkit.files import atomic_files, check_is_no_input, check_output_file, is_a_file, resolved
from toolkit.model.shipped import DEFAULT_MODEL, find_model, is_shipped
from toolkit.records.columns import Columns

if TYPE_CHECKING:
    from toolkit.evaluation import Evaluation

_SEVERAL = "May be given several times."
_FILES = (
    f"Labelled reviews: {o.FILES}. Models to compare come before them, each named as for --model."
)
_PREDICTIONS = (
    "Probabilities of another model to compare with: a file with one row per row of DATA, in the "
    "same order. Their threshold is 0.5 by default. " + _SEVERAL
)
_EXAMPLES = "Number of confident mistakes to explain for each model."
_TARGETS = (
    "Accuracy to reach, as a share: shows how many of the reviews can be answered with it, and the "
    "range for `toolkit score --neutral-range` that leaves out the others. " + _SEVERAL
)
_REPORT = (
    "Report to write: FILE.html is a page with plots and the mistakes, FILE.json has every number. "
    + _SEVERAL
)
_PAGE, _JSON = (".html", ".htm"), (".json",)

Files = Annotated[
    list[Path], typer.Argument(metavar="[MODEL]... DATA", help=_FILES, show_default=False)
]
Models = Annotated[
    list[Path] | None,
    o.option("MODEL", f"{o.MODELS}. {_SEVERAL}", None, DEFAULT_MODEL, ("--model", "-m")),
]
Predictions = Annotated[list[Path] | None, o.option("FILE", _PREDICTIONS)]
Examples = Annotated[int, o.option("N", _EXAMPLES, None, True, min=0)]
TargetAccuracies = Annotated[
    list[float] | None,
    o.option("P", _TARGETS, None, "0.95, 0.97 and 0.99", ("--target-accuracy",)),
]
Reports = Annotated[list[Path] | None, o.option("FILE", _REPORT, o.WRITING, names=("--report",))]


@with_reading
def evaluate(
    files: Files,
    model: Models = None,
    predictions: Predictions = None,
    threshold: o.Threshold = None,
    examples: Examples = 10,
    target_accuracy: TargetAccuracies = None,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumn = None,
    positive: o.Positive = None,
    negative: o.Negative = None,
    positive_from: o.PositiveFrom = None,
    group_column: o.GroupColumn = None,
    stars_column: o.StarsColumn = None,
    probability_column: o.ProbabilityColumn = None,
    reading: Reading = AS_USUAL,
    reports: Reports = None,
    json: o.Json = False,
    force: o.Force = False,
) -> None:
    """Measure models on labelled reviews, and compare them.

    Shows accuracy with its 95% interval, AUC, F1, log loss, calibration and more; the accuracy by
    length, stars and group; how many reviews are answered at a chosen accuracy; and the most
    confident mistakes, with the words that caused them. Several models are compared in pairs on
    the same reviews.

    Examples: `toolkit evaluate reviews.csv`, or

    - `toolkit evaluate sentiment.onnx reviews.csv --report report.html`
    - `toolkit evaluate reviews runs/mine reviews.parquet --group-column domain`
    - `toolkit evaluate reviews.csv --target-accuracy 0.98`
    - `toolkit evaluate reviews.csv --predictions fasttext.csv --json`
    """
    from toolkit.cli.evaluate_view import show
    from toolkit.evaluation import EvaluationOptions
    from toolkit.evaluation import evaluate as run_evaluation
    from toolkit.evaluation.coverage import TARGETS

    columns = Columns(
        o.text_columns(text_column),
        label=label_column,
        group=group_column,
        stars=stars_column,
        probability=probability_column,
    )
    names = o.label_names(positive, negative, positive_from)
    read_options = reading.options(columns, names)
    models, data = _split_files(files, model or [])
    others, reports = predictions or [], reports or []
    _check_outputs(reports, [*map(find_model, models), *others, data], force=force)
    targets = list(dict.fromkeys(target_accuracy or TARGETS))
    options = EvaluationOptions(read_options, threshold, examples, targets)
    evaluation = run_evaluation(data, models, others, options)
    _write(evaluation, reports, json=json, force=force)
    if not json:
        show(evaluation, reports)


def _split_files(files: Sequence[Path], named: list[Path]) -> tuple[list[Path], Path]:
    """Separate the models from the data, which is the last file; `UsageError` if it is a model."""
    *models, data = files
    if models and named:
        raise UsageError(
            f"--model {named[0]}: there are models before {data}, too. Name all of them there."
        )
    is_model = data.suffix.lower() == ".onnx" or is_shipped(data)
    if is_model or is_a_file(data / "config.json"):
        raise UsageError(f"{data}: is a model. Give the labelled reviews after the models.")
    if models and (str(data) == "-" or data.suffix.lower() in _JSON):
        raise UsageError(
            f"{data}: expected labelled reviews. --json takes no file: it prints on standard "
            "output. To write a file, use --report FILE.json."
        )
    return models or named, data


def _check_outputs(reports: Sequence[Path], inputs: Sequence[Path], *, force: bool) -> None:
    """Raise `ToolkitError` for what would otherwise only show at the end."""
    if any(path.suffix.lower() in _PAGE for path in reports):
        MissingExtraError.check("evaluate", "jinja2", "matplotlib")
    for path in reports:
        if path.suffix.lower() not in (*_PAGE, *_JSON):
            raise UsageError(
                f"--report {path}: expected a name that ends in .html (a page) or .json."
            )
        check_is_no_input(path, inputs, "--report")
        check_output_file(path, force=force, option="--report")
    if len({resolved(path) for path in reports}) < len(reports):
        raise UsageError(f"--report {reports[-1]}: was given twice.")


def _write(evaluation: Evaluation, reports: Sequence[Path], *, json: bool, force: bool) -> None:
    """Write all reports, or none if one fails; and the JSON on standard output."""
    from json import dumps

    from toolkit.evaluation.json import evaluation_as_dict
    from toolkit.evaluation.page import page

    wants_json = json or any(path.suffix.lower() in _JSON for path in reports)
    as_json = dumps(evaluation_as_dict(evaluation), indent=2) + "\n" if wants_json else ""
    if reports:
        contents = [
            as_json if path.suffix.lower() in _JSON else page(evaluation) for path in reports
        ]
        with atomic_files(*reports, force=force) as partials:
            for content, partial in zip(contents, partials, strict=True):
                partial.write_text(content, encoding="utf-8", errors="replace")
    if json:
        sys.stdout.write(as_json)

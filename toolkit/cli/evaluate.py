"""`toolkit evaluate`: measure models on labelled reviews."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from toolkit.cli import options as o
from toolkit.cli.options import check_rows_file
from toolkit.errors import MissingExtraError, UsageError
from toolkit.files import check_is_no_input, check_output_file, resolved, write_texts
from toolkit.model import DEFAULT_MODEL, find_model, names_a_model, open_model
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.stores.paths import path_of

if TYPE_CHECKING:
    from toolkit.evaluation import Evaluation, EvaluationOptions

_FILES = "File of labelled reviews. To compare models, name them before it, as for --model."
_PAGE = (".html", ".htm")
_JSON = (".json",)

Files = Annotated[list[Path] | None, o.argument("[MODEL]... DATA", _FILES)]
Behaviour = Annotated[
    bool, o.flag("--behaviour", "Use the toolkit's own 600 test sentences, by phenomenon, as DATA.")
]
Models = Annotated[
    list[Path] | None,
    o.option(
        value="MODEL",
        what="Model to use: a name, a file or a run folder. Repeat it to compare models.",
        default=DEFAULT_MODEL,
        names=("--model", "-m"),
    ),
]
Predictions = Annotated[
    list[Path] | None,
    o.option(
        "FILE",
        "File with the probabilities of another model, a row for each row of DATA. Repeat it for "
        "more.",
    ),
]
Second = Annotated[
    Path | None,
    o.option(
        "MODEL",
        "Second model; shows what asking it where the first is unsure gains and costs.",
        values=o.models,
    ),
]
WriteRange = Annotated[
    bool,
    o.flag(
        "--write-range",
        "Keep the best range beside the second model, for `toolkit score --second`.",
        panel=o.WRITING,
    ),
]
Examples = Annotated[
    int,
    o.option(
        "N",
        "Number of the most confident mistakes to show, half of them false positives.",
        True,
        min=0,
    ),
]
TargetAccuracies = Annotated[
    list[float] | None,
    o.option(
        value="P",
        what="Accuracy to reach by leaving out unsure reviews, with the range that does it.",
        default="0.95, 0.97 and 0.99",
        names=("--target-accuracy",),
    ),
]
StarsColumn = Annotated[
    str | None, o.option("NAME", "Column with star ratings.", "stars or rating", panel=o.COLUMNS)
]
Doubtful = Annotated[
    Path | None,
    o.option(
        "FILE",
        "Write all rows whose label looks wrong (confident learning) to this file.",
        panel=o.WRITING,
    ),
]
Reports = Annotated[
    list[Path] | None,
    o.option(
        "FILE",
        "Report to write: .html is a page, .json has every number. Repeat it for both.",
        names=("--report",),
        panel=o.WRITING,
    ),
]


def evaluate(
    files: Files = None,
    behaviour: Behaviour = False,
    model: Models = None,
    predictions: Predictions = None,
    second: Second = None,
    threshold: o.Threshold = None,
    examples: Examples = 10,
    target_accuracy: TargetAccuracies = None,
    text_column: o.TextColumn = None,
    *,
    labels: o.LabelOptions,
    group_column: o.GroupColumn = None,
    stars_column: StarsColumn = None,
    probability_column: o.ProbabilityColumn = None,
    reading: o.ReadingOptions,
    doubtful: Doubtful = None,
    write_range: WriteRange = False,
    reports: Reports = None,
    json: o.Json = False,
    force: o.Force = False,
) -> None:
    """Measure models on labelled reviews, and compare them.

    Shows accuracy with its interval, calibration, thresholds, results by length, stars and group,
    and the most confident mistakes with the words that caused them.

    Examples: `toolkit evaluate reviews.csv`, or

    - `toolkit evaluate sentiment.onnx reviews.csv --report report.html`
    - `toolkit evaluate reviews runs/mine reviews.parquet --group-column domain`
    - `toolkit evaluate reviews.csv --target-accuracy 0.98`
    - `toolkit evaluate reviews.csv --predictions fasttext.csv --json`
    - `toolkit evaluate reviews.csv --second my-classifier`
    - `toolkit evaluate --behaviour reviews runs/mine`
    """
    from toolkit.evaluation import SUITE, EvaluationOptions
    from toolkit.evaluation.metrics import TARGETS

    columns = Columns(
        o.text_columns(text_column),
        label=labels.label_column,
        group=group_column,
        stars=stars_column,
        probability=probability_column,
    )
    read_options = reading.options(columns, labels.names)
    has_data = any(path.suffix and not names_a_model(path) for path in files or ())
    needs_data = read_options != ReadOptions() or predictions or target_accuracy
    if behaviour and (has_data or needs_data):
        raise UsageError(
            "--behaviour: uses its own sentences and takes models only. Leave out --predictions, "
            "--target-accuracy and options for columns, labels and reading: they need a file of "
            "reviews."
        )
    models, data = _split_files([*(files or []), *([SUITE] if behaviour else [])], model or [])
    others = predictions or []
    reports = reports or []
    if any(open_model(each).facts.has_classes for each in models):
        given = {
            "--behaviour": behaviour,
            "--predictions": others,
            "--second": second is not None,
            "--write-range": write_range,
            "--threshold": threshold is not None,
            "--target-accuracy": target_accuracy,
            "--stars-column": stars_column is not None,
            "--probability-column": probability_column is not None,
            "--doubtful": doubtful is not None,
            "--positive, --negative": labels.positive or labels.negative,
            "--positive-from": labels.positive_from is not None,
        }
        _check_for_classes(given, models)
        _check_outputs(reports, [*map(find_model, models), data], force=force)
        _evaluate_classes(
            data=data,
            models=models,
            reading=read_options,
            examples=examples,
            reports=reports,
            json=json,
            force=force,
        )
        return
    options = EvaluationOptions(
        reading=read_options,
        threshold=threshold,
        examples=examples,
        targets=list(dict.fromkeys(target_accuracy or TARGETS)),
        doubtful=doubtful and path_of(doubtful),
        force=force,
        second=second,
    )
    _evaluate_opinions(
        data=data,
        models=models,
        predictions=others,
        options=options,
        reports=reports,
        json=json,
        write_range=write_range,
    )


def _evaluate_opinions(
    data: Path,
    models: Sequence[Path],
    predictions: Sequence[Path],
    options: EvaluationOptions,
    reports: Sequence[Path],
    *,
    json: bool,
    write_range: bool,
) -> None:
    """Measure models of negative and positive; write the reports, and show the figures."""
    from toolkit.cli.evaluate_view import show
    from toolkit.evaluation import evaluate as run_evaluation
    from toolkit.model.opened import files_of

    seconds = [] if options.second is None else [*files_of(options.second)]
    inputs = [*map(find_model, models), *seconds, *predictions, data]
    _check_outputs(reports, inputs, force=options.force)
    written = [*reports]
    if options.doubtful is not None:
        check_rows_file(
            path=options.doubtful,
            inputs=inputs,
            name="--doubtful",
            others=reports,
            force=options.force,
        )
        written.append(options.doubtful)
    kept = _range_to_write(options, inputs, written) if write_range else None
    is_older = kept is not None and kept.exists()
    evaluation = run_evaluation(data=data, models=models, predictions=predictions, options=options)
    _write(evaluation, reports, json=json, force=options.force)
    if kept is not None and evaluation.second is not None and evaluation.second.best.helps:
        _write_range(evaluation, kept, force=options.force)
        written.append(kept)
    if not json:
        show(evaluation, written)
    if kept is not None and kept not in written:
        older = f" The older range in {kept} stays, and is used until you delete it."
        raise UsageError(
            "--write-range: the second model does not help here. No range is written."
            + (older if is_older else "")
        )


def _range_to_write(
    options: EvaluationOptions, inputs: Sequence[Path], others: Sequence[Path]
) -> Path:
    """Return the file for the range; raise `UsageError` if it could not be written.

    ``others``: the reports and the file of doubtful rows, which it may not be.
    """
    from toolkit.model.stated_range import range_file

    if options.second is None:
        raise UsageError("--write-range: needs a second model. Name it with --second.")
    path = range_file(options.second)
    if path is None:
        raise UsageError(
            f"--write-range: {options.second} is not in a folder of yours. Use --unsure with "
            "`toolkit score`, or name a copy of the model."
        )
    if resolved(path) in map(resolved, others):
        raise UsageError(
            f"{path}: is the file of --write-range. Choose another with --report or --doubtful."
        )
    check_is_no_input(path, inputs, "--second")
    if path.exists() and not options.force:
        raise UsageError(f"{path}: --write-range has a range there. Replace it with --force.")
    check_output_file(path, force=True, option="--second")
    return path


def _write_range(evaluation: Evaluation, path: Path, *, force: bool) -> None:
    """Write the best range beside the second model."""
    from toolkit.model.stated_range import StatedRange, plain

    assert evaluation.second is not None
    best = evaluation.second.best
    first = evaluation.models[0]
    assert best.unsure is not None
    assert first.sha256 is not None
    stated = StatedRange(
        first=first.name,
        first_sha256=first.sha256,
        unsure=best.unsure,
        mean=best.takes_mean,
        threshold=plain(first.threshold),
    )
    stated.write(path, force=force)


def _check_for_classes(given: Mapping[str, object], models: Sequence[Path]) -> None:
    """Raise `UsageError` for options that models of classes cannot use."""
    from toolkit.evaluation.class_comparison import check_have_classes

    check_have_classes(models)
    useless = [option for option, is_given in given.items() if is_given]
    if useless:
        raise UsageError(
            f"{', '.join(useless)}: only for models of negative and positive, but {models[0]} has "
            "classes of its own. Leave this option out."
        )


def _evaluate_classes(
    data: Path,
    models: Sequence[Path],
    reading: ReadOptions,
    examples: int,
    reports: Sequence[Path],
    *,
    json: bool,
    force: bool,
) -> None:
    """Measure models of classes; write the reports, and show the figures."""
    from json import dumps

    from toolkit.cli.evaluate_classes_view import show_classes, show_comparison
    from toolkit.evaluation.class_comparison import ClassReport, compare_classes
    from toolkit.evaluation.class_evaluate import ClassEvaluation, evaluate_classes

    found: ClassReport | ClassEvaluation
    if len(models) > 1:
        found = compare_classes(data=data, models=models, reading=reading, examples=examples)
    else:
        found = evaluate_classes(data=data, model=models[0], reading=reading, examples=examples)
    as_json = dumps(found.as_dict(), indent=2) + "\n"
    texts = dict.fromkeys(reports, as_json)
    for path in reports:
        if path.suffix.lower() in _PAGE:
            from toolkit.evaluation.page import class_comparison_page, class_page

            texts[path] = (
                class_comparison_page(found)
                if isinstance(found, ClassReport)
                else class_page(found)
            )
    write_texts(texts, force=force)
    if json:
        sys.stdout.write(as_json)
    elif isinstance(found, ClassReport):
        show_comparison(found, reports)
    else:
        show_classes(found, reports)


def _split_files(files: Sequence[Path], named: list[Path]) -> tuple[list[Path], Path]:
    """Return the models and the data, which is the last file; raise `UsageError` if it is not."""
    if not files:
        raise UsageError("no labelled reviews given. Name a file, or use --behaviour.")
    *models, data = files
    if models and named:
        raise UsageError(
            f"--model {named[0]}: {models[0]} is named without --model. Name all models with "
            "--model, or none."
        )
    if names_a_model(data):
        raise UsageError(f"{data}: is a model. Give the labelled reviews after the models.")
    if models and (str(data) == "-" or data.suffix.lower() in _JSON):
        raise UsageError(
            f"{data}: expected labelled reviews. --json takes no file: it prints on standard "
            "output. To write a file, use --report FILE.json."
        )
    return models or named, data


def _check_outputs(reports: Sequence[Path], inputs: Sequence[Path], *, force: bool) -> None:
    """Raise `ToolkitError` for reports that could not be written at the end."""
    if any(path.suffix.lower() in _PAGE for path in reports):
        MissingExtraError.check("evaluate", "jinja2")
    for path in reports:
        if path.suffix.lower() not in (*_PAGE, *_JSON):
            raise UsageError(
                f"--report {path}: expected a name that ends in .html (a page) or .json."
            )
        check_is_no_input(path, inputs, "--report")
        check_output_file(path, force=force, option="--report")
    if len({resolved(path) for path in reports}) < len(reports):
        raise UsageError(f"--report {reports[-1]}: is named twice. Name each report once.")


def _write(evaluation: Evaluation, reports: Sequence[Path], *, json: bool, force: bool) -> None:
    """Write all reports, or none if one fails; print the JSON on standard output."""
    from json import dumps

    from toolkit.evaluation.json import evaluation_as_dict
    from toolkit.evaluation.page import page

    wants_json = json or any(path.suffix.lower() in _JSON for path in reports)
    as_json = dumps(evaluation_as_dict(evaluation), indent=2) + "\n" if wants_json else ""
    texts = {
        path: as_json if path.suffix.lower() in _JSON else page(evaluation) for path in reports
    }
    write_texts(texts, force=force)
    if json:
        sys.stdout.write(as_json)

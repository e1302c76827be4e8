"""`toolkit train`: from labelled reviews to a run folder."""

# ruff: noqa: D102 (`TrainingObserver` documents the methods)

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from toolkit.cli import options as o
from toolkit.cli.console import fact_table, new_console, one_line
from toolkit.records.columns import Columns
from toolkit.training.options import Progress, SplitKind, TrainingObserver, TrainingOptions
from toolkit.training.presets import PRESETS, NetworkSettings

if TYPE_CHECKING:
    from toolkit.training.result import TrainingResult
    from toolkit.training.tried import Choice

NETWORK = "The network"


def _setting(value: str, what: str, name: str) -> object:
    """Describe an option whose default depends on the preset, such as `0.5 for conv1d`."""
    found = (preset for preset in PRESETS.values() if preset.is_adjustable)
    default = ", ".join(f"{getattr(preset, name):,} for {preset.name}" for preset in found)
    return o.option(value, what, default, panel=NETWORK)


@dataclass(frozen=True)
class NetworkOptions(NetworkSettings):
    """Options of the network. Each field is an option, in the order of the help."""

    dropout: Annotated[
        float | None, _setting("SHARE", "Share of values that dropout sets to 0.", "dropout")
    ] = None
    max_tokens: Annotated[
        int | None,
        _setting("N", "Number of tokens read from a review, its last ones.", "max_tokens"),
    ] = None
    vocabulary_size: Annotated[
        int | None, _setting("N", "Number of token ids in the vocabulary.", "vocabulary_size")
    ] = None
    learning_rate: Annotated[
        float | None, _setting("RATE", "Learning rate of the optimizer (Adam).", "learning_rate")
    ] = None


def _by_preset(setting: str) -> str:
    """Return the defaults of a setting, such as `100 for conv1d, 5 for ngram-linear`."""
    return ", ".join(f"{getattr(preset, setting)} for {preset.name}" for preset in PRESETS.values())


_DATA = (
    "Labelled reviews: a file, an aclImdb folder, or imdb, which Keras downloads. Default: imdb."
)

Data = Annotated[str, o.argument("DATA", _DATA)]
Preset = Annotated[
    str | None, o.option("NAME", "The network.", "try some, keep the best", values=PRESETS)
]
From = Annotated[
    str | None,
    o.option(
        "MODEL",
        "Adapt this trained model to 20 to 5,000 reviews of yours, in seconds.",
        names=("--from",),
        values=o.models,
    ),
]
Run = Annotated[
    Path | None,
    o.option(
        value="FOLDER",
        what="Run folder to write.",
        default="runs/best; with --preset runs/PRESET, with --from runs/adapted",
        names=("--output", "-o"),
        panel=o.WRITING,
    ),
]


Classes = Annotated[
    bool,
    o.flag("--classes", "Learn 2 to 1,000 labels of your own, such as topics.", panel=o.COLUMNS),
]
MinCount = Annotated[
    int | None,
    o.option(
        "N",
        "Fewest texts of a label of your own; a rarer label is an error.",
        "5",
        panel=o.COLUMNS,
        min=2,
    ),
]
Resume = Annotated[
    bool,
    o.flag("--resume", "Continue an unfinished training, with the same options.", panel=o.WRITING),
]


@dataclass(frozen=True)
class ColumnOptions:
    """Options of columns that only training reads."""

    panel: ClassVar = o.COLUMNS

    balance_column: Annotated[
        str | None,
        o.option(
            "NAME",
            "Column with the kind of product. A kind weighs the square root of its number of "
            "reviews.",
        ),
    ] = None
    stars_column: Annotated[
        str | None,
        o.option(
            "NAME",
            "Column with star ratings, from which the model learns to predict stars.",
            "stars or rating",
        ),
    ] = None
    probability_column: o.ProbabilityColumn = None


@dataclass(frozen=True)
class MoreDataOptions:
    """Options of further data to learn from."""

    panel: ClassVar = "Unlabelled reviews and teacher"

    unlabelled: Annotated[
        list[Path] | None,
        o.option(
            "FILE",
            "File of reviews without labels, to learn words and a teacher's answers from. Repeat "
            "it for more.",
        ),
    ] = None
    teacher: Annotated[
        list[Path] | None,
        o.option(
            "FILE",
            "File with the reviews and the probabilities of another model, to learn from. Repeat "
            "it for more.",
        ),
    ] = None
    teacher_weight: Annotated[
        float | None,
        o.option(
            "SHARE", "Share of the teacher in the target of a labelled review, 0 to 1.", "0.5"
        ),
    ] = None


@dataclass(frozen=True)
class FittingOptions:
    """Options of the fit, with the names of `TrainingOptions`."""

    panel: ClassVar = "Fitting"

    class_weight: Annotated[
        str | None,
        o.option("balanced", "Weight labels so that both count the same.", values=("balanced",)),
    ] = None
    epochs: Annotated[
        int | None,
        o.option("N", "Maximum number of passes over the reviews.", _by_preset("epochs")),
    ] = None
    early_stopping: Annotated[
        bool | None,
        o.option(
            None,
            "Stop when the validation loss no longer falls.",
            "stop, except for ngram-recurrent",
        ),
    ] = None
    batch_size: Annotated[
        int | None, o.option("N", "Number of reviews per step.", _by_preset("batch_size"))
    ] = None
    seed: Annotated[int, o.option("N", "Seed of all random choices.", True)] = 1


@dataclass(frozen=True)
class MeasuringOptions:
    """Options of the measurement, with the names of `TrainingOptions`."""

    panel: ClassVar = "Measuring"

    split: Annotated[
        SplitKind | None,
        o.option(
            "group|random|last",
            "How reviews are held out: whole groups, random ones, or the last ones.",
            "group if there are groups, else random",
        ),
    ] = None
    validation: Annotated[
        float, o.option("SHARE", "Share of reviews to hold out for validation.", True)
    ] = 0.2
    validation_data: Annotated[
        Path | None, o.option("FILE", "File of reviews to validate on instead.")
    ] = None
    folds: Annotated[
        int,
        o.option(
            "K", "Cross-validate with K folds, and fit the model on all reviews; 0 does not.", True
        ),
    ] = 0
    test: Annotated[bool, o.flag("--test", "Measure on the test part of the data set.")] = False
    test_data: Annotated[Path | None, o.option("FILE", "File of reviews to measure on.")] = None


def train(
    data: Data = "imdb",
    preset: Preset = None,
    start: From = None,
    output: Run = None,
    force: o.Force = False,
    resume: Resume = False,
    text_column: o.TextColumn = None,
    *,
    labels: o.LabelOptions,
    group_column: o.GroupColumn = None,
    more_columns: ColumnOptions,
    reading: o.ReadingOptions,
    more_data: MoreDataOptions,
    fitting: FittingOptions,
    network: NetworkOptions,
    measuring: MeasuringOptions,
    classes: Classes = False,
    min_count: MinCount = None,
) -> None:
    """Train a network on labelled reviews.

    Without --preset and --from, several networks are compared on the same held-out reviews, beside
    two baselines, and the best one is kept.

    Examples: `toolkit train reviews.csv`, or

    - `toolkit train reviews.csv --text-column body --label-column opinion`
    - `toolkit train reviews.parquet --group-column film --folds 5 -o runs/by-film`
    - `toolkit train reviews.csv --from reviews`, for few reviews
    - `toolkit train aclImdb --preset ngram-linear --test`
    - `toolkit train aclImdb --preset conv1d --max-tokens 200 --dropout 0.6`
    - `toolkit train reviews.csv --teacher teacher.csv`
    - `toolkit train imdb --preset conv1d --no-early-stopping --split last --test`,
      the tutorial as published
    """
    columns = Columns(
        o.text_columns(text_column),
        label=labels.label_column,
        group=group_column,
        **{name.removesuffix("_column"): named for name, named in vars(more_columns).items()},
    )
    options = TrainingOptions(
        data=data,
        preset=preset,
        start=start,
        output=output,
        force=force,
        resume=resume,
        reading=reading.options(columns, labels.names),
        unlabelled=tuple(more_data.unlabelled or ()),
        teachers=tuple(more_data.teacher or ()),
        teacher_weight=more_data.teacher_weight,
        network=network,
        classes=classes,
        min_count=min_count,
        **vars(fitting),
        **vars(measuring),
    )
    # Late: training imports Arrow and, when it runs, TensorFlow.
    from toolkit.training.run import train as run_training

    show(run_training(options, TerminalObserver()))


class TerminalObserver(TrainingObserver):
    """Print the messages; Keras shows a progress bar on a terminal, and plain lines elsewhere."""

    def __init__(self) -> None:
        self.progress: Progress = 1 if sys.stdout.isatty() else 2

    def say(self, line: str) -> None:
        typer.echo(one_line(line))

    def stage(self, name: str) -> None:
        typer.echo(f"\n{one_line(name)}")

    def compare(self, choice: Choice) -> None:
        more = ("accuracy",) if choice.has_classes else ()
        columns = (*more, choice.quality_name, "log loss", "seconds")
        width = max(len(each.name) for each in choice.tried)
        typer.echo(f"\n  {'':<{width}}  {'  '.join(columns)}")
        for each in choice.tried:
            values = [f"{each.quality:.1%}", f"{each.log_loss:.4f}", f"{each.seconds:.0f}"]
            if each.accuracy is not None:
                values.insert(0, f"{each.accuracy:.1%}")
            cells = (value.rjust(len(name)) for value, name in zip(values, columns, strict=True))
            mark = ""
            if each.is_baseline:
                mark = "  baseline"
            elif each is choice.kept:
                mark = "  kept"
            typer.echo(f"  {each.name:<{width}}  {'  '.join(cells)}{mark}")
        typer.echo(choice.line)
        if choice.note is not None:
            typer.echo(f"Note: {choice.note}")

    def hint(self, message: str) -> None:
        typer.echo(f"hint: {one_line(message)}", err=True)

    def warning(self, message: str) -> None:
        typer.echo(f"warning: {one_line(message)}", err=True)


def show(result: TrainingResult) -> None:
    """Print the metrics, why the fit ended, the run folder, and the next command."""
    from toolkit.model.description import (
        REVIEWS,
        TEXTS,
        calibration_line,
        metric_rows,
        star_rows,
    )

    path = one_line(str(result.run.path))
    metrics = result.metrics
    noun = TEXTS if result.has_classes else REVIEWS
    rows = list(metric_rows(metrics, noun))
    if metrics.calibration is not None:
        line = calibration_line(metrics.calibration, noun)
        kind = "held-out" if metrics.folds is None else "cross-validated"
        is_before = metrics.calibration.is_changed and not result.has_classes
        note = f"; the {kind} scores are from before it" if is_before else ""
        rows.append(("calibration", line + note))
    rows += star_rows(result.stars, result.neutral)
    rows.append(("training", result.ending))
    rows.append(("time", f"{result.seconds:.0f} s"))
    if result.plots:
        rows.append(("plots", f"{' and '.join(result.plots)}, in the run folder"))
    console = new_console()
    console.print()
    console.print(fact_table(rows))
    console.print(f"Written to {path}", soft_wrap=True)
    console.print(f"Next: toolkit export {path}", soft_wrap=True)

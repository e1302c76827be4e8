"""`toolkit train`: labelled reviews → run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as o
from toolkit.records.columns import Columns
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import DEFAULT_PRESET, PRESETS
from toolkit.training.split_kind import SplitKind

_DATA = "Data"
_TEACHER = "Teacher"
_FITTING = "Fitting"
_MEASURING = "Measuring"

_PRESET_HELP = "The network: " + "; ".join(f"{p.name}, {p.summary}" for p in PRESETS.values()) + "."


def _by_preset(setting: str) -> str:
    """Such as `100 for conv1d, 5 for ngram-linear`."""
    return ", ".join(f"{getattr(preset, setting)} for {preset.name}" for preset in PRESETS.values())


def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help=f"Labelled reviews: a file ({o.FILES}), an aclImdb folder, or imdb, which Keras "
            "downloads.",
        ),
    ] = "imdb",
    preset: Annotated[str, typer.Option(metavar="NAME", help=_PRESET_HELP)] = DEFAULT_PRESET,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumn = None,
    group_column: o.GroupColumn = None,
    input_format: o.Format = None,
    delimiter: o.Delimiter = None,
    encoding: o.Encoding = None,
    no_header: o.NoHeader = False,
    id_column: o.IdColumn = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Reviews without labels, for presets that use them: a file, or an aclImdb folder "
            "(its train/unsup). May be given several times.",
            show_default=False,
            rich_help_panel=_DATA,
        ),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Probabilities that another model gives to the reviews: a file with their ids, "
            "texts or text_sha256, such as the output of `toolkit score`. May be given several "
            "times.",
            show_default=False,
            rich_help_panel=_TEACHER,
        ),
    ] = None,
    probability_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of the teacher file with the probability of positive.",
            show_default="positive_probability, else probability, else label",
            rich_help_panel=_TEACHER,
        ),
    ] = None,
    teacher_weight: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Weight of the teacher in the target of a labelled review, 0 to 1.",
            rich_help_panel=_TEACHER,
        ),
    ] = 0.5,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Largest number of passes over the reviews.",
            show_default=_by_preset("epochs"),
            rich_help_panel=_FITTING,
        ),
    ] = None,
    early_stopping: Annotated[
        bool | None,
        typer.Option(
            "--early-stopping/--no-early-stopping",
            help="Stop when the validation loss no longer falls, and keep the best epoch; or run "
            "all epochs, and keep the last.",
            show_default="stop, for conv1d",
            rich_help_panel=_FITTING,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Reviews per step.",
            show_default=_by_preset("batch_size"),
            rich_help_panel=_FITTING,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=2**32 - 1,
            metavar="N",
            help="Seed of all random choices. The same seed gives the same network.",
            rich_help_panel=_FITTING,
        ),
    ] = 1,
    split: Annotated[
        SplitKind | None,
        typer.Option(
            metavar="group|random|last",
            help="How reviews are held out: whole groups, at random, or the last ones (as in the "
            "tutorial).",
            show_default="group if there are groups, else random",
            rich_help_panel=_MEASURING,
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Share of the reviews to hold out, between 0 and 1. Not used with --folds.",
            rich_help_panel=_MEASURING,
        ),
    ] = 0.2,
    folds: Annotated[
        int,
        typer.Option(
            metavar="K",
            help="First cross-validate with K folds, then fit on all reviews. 0: no folds.",
            rich_help_panel=_MEASURING,
        ),
    ] = 0,
    test: Annotated[
        bool,
        typer.Option(
            "--test",
            help="Measure on the test part of the data at the end.",
            rich_help_panel=_MEASURING,
        ),
    ] = False,
    test_data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure on these labelled reviews at the end. They have the same columns.",
            rich_help_panel=_MEASURING,
        ),
    ] = None,
    show_samples: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Show N random reviews as the network sees them.",
            rich_help_panel=_MEASURING,
        ),
    ] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Run folder to write.",
            show_default="runs/PRESET",
            rich_help_panel=o.WRITING,
        ),
    ] = None,
    force: o.Force = False,
) -> None:
    """Train a network on labelled reviews.

    Writes a run folder with the network, its vocabulary, metrics, history and plots.
    `toolkit export` turns it into one model file.

    Examples: `toolkit train`, or

    - `toolkit train reviews.csv --text-column body --label-column opinion`
    - `toolkit train reviews.parquet --group-column film --folds 5 -o runs/by-film`
    - `toolkit train aclImdb --test`
    - `toolkit train reviews.csv --teacher teacher.csv`
    - `toolkit train imdb --no-early-stopping --split last --show-samples 3 --test`,
      the tutorial as published
    """
    options = TrainingOptions(
        data=data,
        preset=preset,
        output=output,
        force=force,
        epochs=epochs,
        early_stopping=early_stopping,
        split=split,
        validation=validation,
        folds=folds,
        batch_size=batch_size,
        seed=seed,
        reading=o.reading(
            Columns(
                text_column,
                label=label_column,
                group=group_column,
                id=id_column,
                probability=probability_column,
            ),
            input_format,
            delimiter,
            encoding,
            no_header,
        ),
        unlabelled=tuple(unlabelled or ()),
        teachers=tuple(teacher or ()),
        teacher_weight=teacher_weight,
        test=test,
        test_data=test_data,
        show_samples=show_samples,
    )
    # Late: training imports Arrow and, when it runs, TensorFlow.
    from toolkit.cli.training_report import TerminalReporter, print_result
    from toolkit.training.train import train as run_training

    print_result(run_training(options, TerminalReporter()))

"""`toolkit train`: labelled reviews → run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.training.columns import ColumnNames
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import DEFAULT_PRESET, PRESETS
from toolkit.training.split_kind import SplitKind

_DATA = "Data"
_TEACHER = "Teacher"
_FITTING = "Fitting"
_JUDGING = "Judging"

_PRESET_HELP = "The network: " + "; ".join(f"{p.name}, {p.summary}" for p in PRESETS.values()) + "."


def _by_preset(setting: str) -> str:
    """Such as `100 for conv1d, 5 for ngram-linear`."""
    return ", ".join(f"{getattr(preset, setting)} for {preset.name}" for preset in PRESETS.values())


def train(
    data: Annotated[
        str,
        typer.Argument(
            help="Labelled reviews: a .csv, .tsv, .jsonl or .parquet file, an aclImdb folder, "
            "or imdb, which Keras downloads.",
        ),
    ] = "imdb",
    preset: Annotated[str, typer.Option(help=_PRESET_HELP)] = DEFAULT_PRESET,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The run folder to write.", show_default="runs/PRESET"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing run folder.")] = False,
    text_column: Annotated[
        str | None,
        typer.Option(
            help="The column with the texts.",
            show_default="text, else review",
            rich_help_panel=_DATA,
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            help="The column with the labels: 0 or 1, neg or pos, negative or positive, or the "
            "probability of positive from 0 to 1.",
            show_default="label, else sentiment",
            rich_help_panel=_DATA,
        ),
    ] = None,
    group_column: Annotated[
        str | None,
        typer.Option(
            help="A column, such as the film or the product, whose equal values stay on one side "
            "of every split.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    unlabelled: Annotated[
        list[Path] | None,
        typer.Option(
            help="Reviews without labels, for presets that use them: a file, or an aclImdb folder "
            "for its train/unsup. May be given several times.",
            show_default=False,
            rich_help_panel=_DATA,
        ),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            help="Probabilities that another model gives to the reviews, in a file with their ids, "
            "their texts or text_sha256. May be given several times.",
            show_default=False,
            rich_help_panel=_TEACHER,
        ),
    ] = None,
    teacher_column: Annotated[
        str | None,
        typer.Option(
            help="The column of a teacher file with the probability of positive.",
            show_default="positive_probability, else probability, else label",
            rich_help_panel=_TEACHER,
        ),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            help="The column with the ids, in the teacher files and in those with reviews.",
            show_default="id, where there is one",
            rich_help_panel=_TEACHER,
        ),
    ] = None,
    teacher_weight: Annotated[
        float,
        typer.Option(
            help="Share of the teacher, from 0 to 1, in what a labelled review is fitted to.",
            rich_help_panel=_TEACHER,
        ),
    ] = 0.5,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Passes over the reviews, at most.",
            show_default=_by_preset("epochs"),
            rich_help_panel=_FITTING,
        ),
    ] = None,
    early_stopping: Annotated[
        bool | None,
        typer.Option(
            "--early-stopping/--no-early-stopping",
            help="Stop when the validation loss no longer falls, and keep the best epoch; or run "
            "every epoch and keep the last weights.",
            show_default="stop, with conv1d",
            rich_help_panel=_FITTING,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
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
            help="Decides all that is random: the same seed gives the same network.",
            rich_help_panel=_FITTING,
        ),
    ] = 1,
    split: Annotated[
        SplitKind | None,
        typer.Option(
            help="How reviews are held out: never parting a group, at random, or the last ones "
            "(as the tutorial does).",
            show_default="group where there are groups, else random",
            rich_help_panel=_JUDGING,
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(
            help="Share of the reviews to hold out; not used with --folds.",
            rich_help_panel=_JUDGING,
        ),
    ] = 0.2,
    folds: Annotated[
        int,
        typer.Option(
            help="Cross-validate with so many folds first, then fit on all reviews; 0 for none.",
            rich_help_panel=_JUDGING,
        ),
    ] = 0,
    test: Annotated[
        bool,
        typer.Option(
            "--test",
            help="Measure on the test part of the data at the end.",
            rich_help_panel=_JUDGING,
        ),
    ] = False,
    test_data: Annotated[
        Path | None,
        typer.Option(
            help="Measure on these labelled reviews at the end, in the same columns.",
            rich_help_panel=_JUDGING,
        ),
    ] = None,
    show_samples: Annotated[
        int,
        typer.Option(
            min=0,
            help="Show so many random reviews as the network sees them.",
            rich_help_panel=_JUDGING,
        ),
    ] = 0,
) -> None:
    """Train a network on labelled reviews.

    Writes a run folder with the network, its vocabulary, metrics, history and plots, which
    `toolkit export` turns into one model file.

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
        columns=ColumnNames(text_column, label_column, group_column, id_column, teacher_column),
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

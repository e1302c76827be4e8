"""`toolkit train`: labelled reviews → run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as o
from toolkit.cli.knobs import AS_IN_THE_PRESET, KnobOptions, with_knobs
from toolkit.cli.reading import AS_USUAL, Reading, with_reading
from toolkit.model.shipped import SHIPPED
from toolkit.records.columns import Columns
from toolkit.training.options import SplitKind, TrainingOptions
from toolkit.training.presets import DEFAULT_PRESET, PRESETS


def _by_preset(setting: str) -> str:
    """Such as `100 for conv1d, 5 for ngram-linear`."""
    return ", ".join(f"{getattr(preset, setting)} for {preset.name}" for preset in PRESETS.values())


_DATA = f"Labelled reviews: a file ({o.FILES}), an aclImdb folder, or imdb, which Keras downloads."
_PRESET = "The network: " + "; ".join(f"{p.name}, {p.summary}" for p in PRESETS.values()) + "."
Data = Annotated[str, typer.Argument(metavar="DATA", help=_DATA)]
Preset = Annotated[str, o.option("NAME", _PRESET, None, True)]
_DEFAULT_RUN = "runs/PRESET, or runs/adapted with --from"
Run = Annotated[
    Path | None,
    o.option(
        "FOLDER",
        "Run folder to write.",
        o.WRITING,
        _DEFAULT_RUN,
        ("--output", "-o"),
    ),
]

_FROM = (
    "Adapt a trained network to 20 to 5,000 reviews of your own, in seconds: a shipped model "
    f"({', '.join(SHIPPED)}), a model file, or a run folder. Cross-validation chooses between the "
    "network as it is, another scale and bias of its logit, and weights of words, also of words "
    "that it does not know. In place of --preset."
)
From = Annotated[str | None, o.option("MODEL", _FROM, names=("--from",))]

_MORE_DATA = "Unlabelled reviews and teacher"
_UNLABELLED = (
    "Reviews without labels, for presets that use them: a file, or an aclImdb folder (its "
    "train/unsup). They say which words there are, and what a --teacher gives them is learned. May "
    "be given several times."
)
_TEACHER = (
    "Probabilities that another model gives to the reviews: a file with their ids, texts or "
    "text_sha256, such as the output of `toolkit score`. The probability may also be in its column "
    "label. May be given several times."
)
_WEIGHT = "Weight of the teacher in the target of a labelled review, 0 to 1."
Unlabelled = Annotated[list[Path] | None, o.option("FILE", _UNLABELLED, _MORE_DATA)]
Teacher = Annotated[list[Path] | None, o.option("FILE", _TEACHER, _MORE_DATA)]
TeacherWeight = Annotated[float, o.option("SHARE", _WEIGHT, _MORE_DATA, True)]

_FITTING = "Fitting"
_CLASS_WEIGHT = (
    "balanced: both labels count the same, in the fit and in the calibration, however rare one is. "
    "The probabilities are then those of reviews of which half are positive."
)
_STOPPING = (
    "Stop when the validation loss no longer falls, and keep the best epoch; or run all epochs, "
    "and keep the last."
)
_EPOCHS = "Largest number of passes over the reviews."
_SEED = "Seed of all random choices. The same seed gives the same network."
ClassWeight = Annotated[str | None, o.option("balanced", _CLASS_WEIGHT, _FITTING)]
Epochs = Annotated[int | None, o.option("N", _EPOCHS, _FITTING, _by_preset("epochs"))]
EarlyStopping = Annotated[bool | None, o.option(None, _STOPPING, _FITTING, "stop, for conv1d")]
BatchSize = Annotated[
    int | None, o.option("N", "Reviews per step.", _FITTING, _by_preset("batch_size"))
]
Seed = Annotated[int, o.option("N", _SEED, _FITTING, True)]

_MEASURING = "Measuring"
_SPLIT = "How reviews are held out: whole groups, at random, or the last ones (as in the tutorial)."
_VALIDATION = "Share of the reviews to hold out, between 0 and 1. Not used with --folds."
_VALIDATION_DATA = (
    "Hold out these labelled reviews, and none of the others. They have the same columns."
)
_FOLDS = (
    "First cross-validate with K folds, then fit on all reviews. 0: no folds; with --from, 5 of "
    "them, or 10 for fewer than 200 reviews."
)
_TEST = "Measure on the test part of the data at the end."
_TEST_DATA = "Measure on these labelled reviews at the end. They have the same columns."
_SAMPLES = "Show N random reviews as the network sees them."
Split = Annotated[
    SplitKind | None,
    o.option("group|random|last", _SPLIT, _MEASURING, "group if there are groups, else random"),
]
Validation = Annotated[float, o.option("SHARE", _VALIDATION, _MEASURING, True)]
ValidationData = Annotated[Path | None, o.option("FILE", _VALIDATION_DATA, _MEASURING)]
Folds = Annotated[int, o.option("K", _FOLDS, _MEASURING, True)]
Test = Annotated[bool, o.option(None, _TEST, _MEASURING, names=("--test",))]
TestData = Annotated[Path | None, o.option("FILE", _TEST_DATA, _MEASURING)]
ShowSamples = Annotated[int, o.option("N", _SAMPLES, _MEASURING, True)]


@with_reading
@with_knobs
def train(
    data: Data = "imdb",
    preset: Preset = DEFAULT_PRESET,
    start: From = None,
    text_column: o.TextColumn = None,
    label_column: o.LabelColumn = None,
    positive: o.Positive = None,
    negative: o.Negative = None,
    positive_from: o.PositiveFrom = None,
    group_column: o.GroupColumn = None,
    balance_column: o.BalanceColumn = None,
    topic_column: o.TopicColumn = None,
    stars_column: o.StarsToLearn = None,
    id_column: o.IdColumn = None,
    probability_column: o.ProbabilityColumn = None,
    reading: Reading = AS_USUAL,
    unlabelled: Unlabelled = None,
    teacher: Teacher = None,
    teacher_weight: TeacherWeight = 0.5,
    class_weight: ClassWeight = None,
    epochs: Epochs = None,
    early_stopping: EarlyStopping = None,
    batch_size: BatchSize = None,
    knobs: KnobOptions = AS_IN_THE_PRESET,
    seed: Seed = 1,
    split: Split = None,
    validation: Validation = 0.2,
    validation_data: ValidationData = None,
    folds: Folds = 0,
    test: Test = False,
    test_data: TestData = None,
    show_samples: ShowSamples = 0,
    output: Run = None,
    force: o.Force = False,
) -> None:
    """Train a network on labelled reviews.

    Writes a run folder with the network, its vocabulary, metrics, history and plots.
    `toolkit export` turns it into one model file. For up to about 2,000 labelled reviews,
    adapting a trained network with --from is more accurate than training from scratch.

    Examples: `toolkit train`, or

    - `toolkit train reviews.csv --text-column body --label-column opinion`
    - `toolkit train reviews.parquet --group-column film --folds 5 -o runs/by-film`
    - `toolkit train reviews.csv --from reviews`, for few reviews
    - `toolkit train aclImdb --test`
    - `toolkit train aclImdb --max-tokens 200 --dropout 0.6`
    - `toolkit train reviews.csv --teacher teacher.csv`
    - `toolkit train imdb --no-early-stopping --split last --show-samples 3 --test`,
      the tutorial as published
    """
    columns = Columns(
        o.text_columns(text_column),
        label=label_column,
        group=group_column,
        balance=balance_column,
        topic=topic_column,
        stars=stars_column,
        id=id_column,
        probability=probability_column,
    )
    names = o.label_names(positive, negative, positive_from)
    options = TrainingOptions(
        data=data,
        preset=preset,
        start=start,
        output=output,
        force=force,
        class_weight=class_weight,
        epochs=epochs,
        early_stopping=early_stopping,
        split=split,
        validation=validation,
        validation_data=validation_data,
        folds=folds,
        batch_size=batch_size,
        knobs=knobs,
        seed=seed,
        reading=reading.options(columns, names),
        unlabelled=tuple(unlabelled or ()),
        teachers=tuple(teacher or ()),
        teacher_weight=teacher_weight,
        test=test,
        test_data=test_data,
        show_samples=show_samples,
    )
    # Late: training imports Arrow and, when it runs, TensorFlow.
    from toolkit.cli.train_view import TerminalReporter, show
    from toolkit.training.train import train as run_training

    show(run_training(options, TerminalReporter()))

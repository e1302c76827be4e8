"""`toolkit train`: labelled reviews → run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from toolkit.cli import options as o
from toolkit.model.shipped import SHIPPED
from toolkit.records.columns import Columns
from toolkit.training.options import SplitKind, TrainingOptions
from toolkit.training.presets import DEFAULT_PRESET, PRESETS, NetworkSettings

NETWORK = "The network"
_DROPOUT_MORE = (
    "Of each step of the training, 0 to 0.99, so that the network does not learn reviews by heart."
)
_SIZE_MORE = "5 to 1,000,000: one for each of the most frequent words, and four others."


def _setting(value: str, what: str, name: str, more: str) -> object:
    """Describe an option whose default is that of the presets, such as `0.5 for conv1d`."""
    found = (preset for preset in PRESETS.values() if preset.is_adjustable)
    default = ", ".join(f"{getattr(preset, name):,} for {preset.name}" for preset in found)
    return o.option(value, what, default, more=more, panel=NETWORK)


@dataclass(frozen=True)
class NetworkOptions(NetworkSettings):
    """The values of these options. Each field is an option, in the order of the help."""

    dropout: Annotated[
        float | None, _setting("SHARE", "Share of values to set to 0.", "dropout", _DROPOUT_MORE)
    ] = None
    max_tokens: Annotated[
        int | None,
        _setting("N", "Tokens that are read.", "max_tokens", "The last ones, 2 to 10,000."),
    ] = None
    vocabulary_size: Annotated[
        int | None, _setting("N", "Number of token ids.", "vocabulary_size", _SIZE_MORE)
    ] = None
    learning_rate: Annotated[
        float | None,
        _setting("RATE", "Of the optimizer (Adam).", "learning_rate", "0.000001 to 1."),
    ] = None


_MORE_DATA = "Unlabelled reviews and teacher"
_FITTING = "Fitting"
_MEASURING = "Measuring"


def _by_preset(setting: str) -> str:
    """Such as `100 for conv1d, 5 for ngram-linear`."""
    return ", ".join(f"{getattr(preset, setting)} for {preset.name}" for preset in PRESETS.values())


_DATA = (
    "Labelled reviews: a file, an aclImdb folder, or imdb, which Keras downloads. Default: imdb."
)
_PRESET_MORE = "; ".join(f"{p.name}, {p.summary}" for p in PRESETS.values()) + "."
_FROM_MORE = (
    "With 20 to 5,000 reviews of your own, in seconds: a shipped model "
    f"({', '.join(SHIPPED)}), a model file, or a run folder. Cross-validation chooses between the "
    "network as it is, another scale and bias of its logit, and weights of words, also of words "
    "that it does not know. In place of --preset."
)
_BALANCE_MORE = (
    "Such as hotels and phones, for presets over pairs of words. Each kind counts by the root of "
    "its number of reviews, and both labels count the same in it. Reviews without one are a kind, "
    "too."
)
_TOPIC_MORE = (
    "Such as films and all else, for the preset ngram-pool: its network has experts for long "
    "reviews of each topic, and for short ones. Each topic needs 50 positive and 50 negative "
    "reviews of 40 tokens or more."
)
_STARS_MORE = (
    "Of 5 or of 10: from them, the model learns to tell stars. Labels that are stars need no such "
    "column."
)
_UNLABELLED_MORE = (
    "For presets that use them: a file, or an aclImdb folder (its train/unsup). They say which "
    "words there are, and what a --teacher gives them is learned. May be given several times."
)
_TEACHER_MORE = (
    "A file with the ids, texts or text_sha256 of the reviews, such as the output of `toolkit "
    "score`. The probability may also be in its column label. May be given several times."
)
_WEIGHT_MORE = "In the target of a labelled review, 0 to 1."
_CLASS_WEIGHT_MORE = (
    "In the fit and in the calibration, however rare one is. The probabilities are then those of "
    "reviews of which half are positive."
)
_STOPPING_MORE = "The best epoch is kept; otherwise all epochs are run, and the last is kept."
_SEED_MORE = "The same seed gives the same network."
_SPLIT_MORE = "Whole groups, at random, or the last ones (as in the tutorial)."
_VALIDATION_MORE = "Between 0 and 1. Not used with --folds."
_FOLDS_MORE = (
    "Then fit on all reviews. 0: none; with --from, 5 of them, or 10 for fewer than 200 reviews."
)
_SAME_COLUMNS = "They have the same columns."

Data = Annotated[str, o.argument("DATA", _DATA, f"A file is {o.FILES}.")]
Preset = Annotated[str, o.option("NAME", "The network.", True, more=_PRESET_MORE, values=PRESETS)]
From = Annotated[
    str | None,
    o.option(
        "MODEL", "Adapt a trained network.", names=("--from",), more=_FROM_MORE, values=o.models
    ),
]
Run = Annotated[
    Path | None,
    o.option(
        "FOLDER",
        "Run folder to write.",
        "runs/PRESET, or runs/adapted with --from",
        ("--output", "-o"),
        panel=o.WRITING,
    ),
]


@dataclass(frozen=True)
class ColumnOptions:
    """Columns that only a training reads."""

    panel: ClassVar = o.COLUMNS

    balance_column: Annotated[
        str | None, o.option("NAME", "Column with the kind of product.", more=_BALANCE_MORE)
    ] = None
    topic_column: Annotated[
        str | None, o.option("NAME", "Column with one of two topics.", more=_TOPIC_MORE)
    ] = None
    stars_column: Annotated[
        str | None,
        o.option("NAME", "Column with star ratings.", "stars or rating", more=_STARS_MORE),
    ] = None
    id_column: Annotated[
        str | None,
        o.option("NAME", "Column with ids.", "id", more="They match reviews and teacher scores."),
    ] = None
    probability_column: o.ProbabilityColumn = None


@dataclass(frozen=True)
class MoreDataOptions:
    """What is learned from besides labelled reviews."""

    panel: ClassVar = _MORE_DATA

    unlabelled: Annotated[
        list[Path] | None, o.option("FILE", "Reviews without labels.", more=_UNLABELLED_MORE)
    ] = None
    teacher: Annotated[
        list[Path] | None, o.option("FILE", "Probabilities of another model.", more=_TEACHER_MORE)
    ] = None
    teacher_weight: Annotated[
        float, o.option("SHARE", "Weight of the teacher.", True, more=_WEIGHT_MORE)
    ] = 0.5


@dataclass(frozen=True)
class FittingOptions:
    """How the network is fitted; the names are those of `TrainingOptions`."""

    panel: ClassVar = _FITTING

    class_weight: Annotated[
        str | None,
        o.option(
            "balanced",
            "Let both labels count the same.",
            more=_CLASS_WEIGHT_MORE,
            values=("balanced",),
        ),
    ] = None
    epochs: Annotated[
        int | None, o.option("N", "Most passes over the reviews.", _by_preset("epochs"))
    ] = None
    early_stopping: Annotated[
        bool | None,
        o.option(
            None,
            "Stop when the validation loss no longer falls.",
            "stop, for conv1d",
            more=_STOPPING_MORE,
        ),
    ] = None
    batch_size: Annotated[
        int | None, o.option("N", "Reviews per step.", _by_preset("batch_size"))
    ] = None
    seed: Annotated[int, o.option("N", "Seed of all random choices.", True, more=_SEED_MORE)] = 1


@dataclass(frozen=True)
class MeasuringOptions:
    """How the network is measured; the names are those of `TrainingOptions`."""

    panel: ClassVar = _MEASURING

    split: Annotated[
        SplitKind | None,
        o.option(
            "group|random|last",
            "How reviews are held out.",
            "group if there are groups, else random",
            more=_SPLIT_MORE,
        ),
    ] = None
    validation: Annotated[
        float, o.option("SHARE", "Share to hold out.", True, more=_VALIDATION_MORE)
    ] = 0.2
    validation_data: Annotated[
        Path | None, o.option("FILE", "Hold out these reviews instead.", more=_SAME_COLUMNS)
    ] = None
    folds: Annotated[
        int, o.option("K", "First cross-validate with K folds.", True, more=_FOLDS_MORE)
    ] = 0
    test: Annotated[bool, o.flag("--test", "Measure on the test part of the data.")] = False
    test_data: Annotated[
        Path | None, o.option("FILE", "Measure on these reviews.", more=_SAME_COLUMNS)
    ] = None
    show_samples: Annotated[
        int, o.option("N", "Show N reviews as the network sees them.", True)
    ] = 0


def train(
    data: Data = "imdb",
    preset: Preset = DEFAULT_PRESET,
    start: From = None,
    output: Run = None,
    force: o.Force = False,
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
) -> None:
    """Train a network on labelled reviews.

    Examples: `toolkit train`, or

    - `toolkit train reviews.csv --text-column body --label-column opinion`
    - `toolkit train reviews.parquet --group-column film --folds 5 -o runs/by-film`
    - `toolkit train reviews.csv --from reviews`, for few reviews
    - `toolkit train aclImdb --test`
    - `toolkit train aclImdb --max-tokens 200 --dropout 0.6`
    - `toolkit train reviews.csv --teacher teacher.csv`
    - `toolkit train imdb --no-early-stopping --split last --show-samples 3 --test`,
      the tutorial as published

    Writes a run folder with the network, its vocabulary, metrics, history and plots.
    `toolkit export` turns it into one model file. For up to about 2,000 labelled reviews,
    adapting a trained network with --from is more accurate than training from scratch.
    """
    columns = Columns(
        o.text_columns(text_column),
        label=labels.label_column,
        group=group_column,
        balance=more_columns.balance_column,
        topic=more_columns.topic_column,
        stars=more_columns.stars_column,
        id=more_columns.id_column,
        probability=more_columns.probability_column,
    )
    options = TrainingOptions(
        data=data,
        preset=preset,
        start=start,
        output=output,
        force=force,
        reading=reading.options(columns, labels.names),
        unlabelled=tuple(more_data.unlabelled or ()),
        teachers=tuple(more_data.teacher or ()),
        teacher_weight=more_data.teacher_weight,
        network=network,
        **vars(fitting),
        **vars(measuring),
    )
    # Late: training imports Arrow and, when it runs, TensorFlow.
    from toolkit.cli.train_view import TerminalObserver, show
    from toolkit.training.run import train as run_training

    show(run_training(options, TerminalObserver()))

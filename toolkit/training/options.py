"""The options of a training, and the observer that receives its messages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from toolkit.errors import UsageError
from toolkit.records.options import ReadOptions
from toolkit.stores.paths import path_of
from toolkit.training.presets import (
    PRESETS,
    NetworkSettings,
    Preset,
    find_preset,
    option_of,
)

if TYPE_CHECKING:
    from toolkit.training.tried import Choice

RUNS = Path("runs")
BALANCED = "balanced"  # a class weight
ADAPTED = "adapted"  # the default name of a run with `start`
BEST = "best"  # the default name of a run without a preset
_LEARNS_NOTHING = "learns nothing from reviews without labels"
_FIXED = "does not let you choose this"
_SEEDS = 2**32  # NumPy, scikit-learn and Keras take seeds below this


# Keras's progress on standard output: 0 nothing, 1 a bar, 2 lines for a log.
Progress = Literal[0, 1, 2]
LINES: Progress = 2


class SplitKind(StrEnum):
    """How reviews are held out."""

    GROUP = "group"  # all reviews of a group, such as a film, are on one side
    RANDOM = "random"
    LAST = "last"  # the last reviews are held out, as with Keras's `validation_split`


class TrainingObserver:
    """Receives the messages of a training and ignores them; the command line prints them."""

    progress: Progress = 0

    def say(self, line: str) -> None:
        """Report what was read or found."""

    def stage(self, name: str) -> None:
        """Report that a long step begins, such as a fold."""

    def compare(self, choice: Choice) -> None:
        """Report the networks that were tried on the same held-out reviews, and the choice."""

    def hint(self, message: str) -> None:
        """Report that another way to train may suit these reviews better."""

    def warning(self, message: str) -> None:
        """Report what makes the result look better than it is."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The settings of `toolkit.training.run.train`, checked."""

    data: str = "imdb"  # `imdb`, an `aclImdb` folder, or a labelled file
    # A name in `PRESETS`; None: try several and keep the best, unless `start` is given.
    preset: str | None = None
    # A shipped model, a model file or a run folder to adapt, instead of training from scratch.
    start: str | None = None
    output: Path | None = None  # the run folder to write; None: see `run`
    # Replace an existing run folder, and drop the progress of an unfinished training.
    force: bool = False
    # Continue an unfinished training, if there is one; with `force`, even if that replaces a run.
    resume: bool = False
    epochs: int | None = None  # most passes over the reviews; None: the preset's
    # Whether a fit ends when the validation loss no longer falls, and keeps its best epoch;
    # otherwise every epoch runs, and the last weights are kept. None: the preset's.
    early_stopping: bool | None = None
    split: SplitKind | None = None  # None: by group if the reviews have groups, else at random
    validation: float = 0.2  # share of the reviews held out, between 0 and 1; not used with folds
    validation_data: Path | None = None  # a labelled file to hold out instead
    folds: int = 0  # of a cross-validation before a final fit on everything; 0: no folds
    batch_size: int | None = None  # reviews per step of the optimizer; None: the preset's
    network: NetworkSettings = field(default_factory=NetworkSettings)  # settings of the network
    seed: int = 1  # of the split, the initial weights, the order of the reviews and the dropout
    reading: ReadOptions = field(default_factory=ReadOptions)  # how files are read; their columns
    unlabelled: tuple[Path, ...] = ()  # files or `aclImdb` folders, for presets that use them
    class_weight: str | None = None  # `balanced`: both labels weigh the same
    teachers: tuple[Path, ...] = ()  # files with the probabilities of another model
    # Share of the teacher in the target of a labelled review, 0 to 1; None: a half.
    teacher_weight: float | None = None
    # Learn the labels as classes of the user's own. False: only if they do not look like opinions.
    classes: bool = False
    min_count: int | None = None  # fewest texts of a class; None: `FEWEST_ROWS`
    test: bool = False  # measure on the test part of the source
    test_data: Path | None = None  # a labelled file to measure on instead

    def __post_init__(self) -> None:
        for name in ("output", "test_data", "validation_data"):
            if isinstance(given := getattr(self, name), str):  # from Python
                object.__setattr__(self, name, path_of(given))
        if self.preset is not None:
            find_preset(self.preset)
        if self.start is not None:
            self._check_adapts()
        elif self.preset is None and not self.classes:
            self._check_chooses()
        for option, given in (("--epochs", self.epochs), ("--batch-size", self.batch_size)):
            _require(
                holds=given is None or given >= 1,
                option=option,
                found=given,
                expected="at least 1",
            )
        fewest = self.min_count
        _require(
            holds=fewest is None or fewest >= 2,
            option="--min-count",
            found=fewest,
            expected="at least 2",
        )
        _require(
            holds=0 <= self.seed < _SEEDS,
            option="--seed",
            found=self.seed,
            expected=f"from 0 to {_SEEDS - 1}",
        )
        of_classes = self.class_weight
        _require(
            holds=of_classes in (None, BALANCED),
            option="--class-weight",
            found=of_classes,
            expected=BALANCED,
        )
        weight = self.teacher_share
        _require(
            holds=0 <= weight <= 1,
            option="--teacher-weight",
            found=weight,
            expected="from 0 to 1",
        )
        self._check_held_out()
        self._check_teachers()
        self._check_uses()

    def _check_held_out(self) -> None:
        """Raise `UsageError` for ways to hold reviews out that cannot be combined."""
        _require(
            holds=0 < self.validation < 1,
            option="--validation",
            found=self.validation,
            expected="between 0 and 1",
        )
        _require(
            holds=self.folds == 0 or self.folds >= 2,
            option="--folds",
            found=self.folds,
            expected="0 or at least 2",
        )
        if self.folds and self.split is SplitKind.LAST:
            raise UsageError("--split last cannot be combined with --folds.")
        if self.validation_data is not None and (self.folds or self.split is not None):
            raise UsageError(
                "--validation-data holds out reviews of its own, so it cannot be combined with "
                f"{'--folds' if self.folds else '--split'}."
            )

    def _check_teachers(self) -> None:
        """Raise `UsageError` for options of teachers without a teacher."""
        of_teachers = {
            "--probability-column": self.reading.columns.probability,
            "--teacher-weight": self.teacher_weight,
        }
        useless = [option for option, given in of_teachers.items() if given is not None]
        if useless and not self.teachers:
            raise UsageError(
                f"{', '.join(useless)}: only works with --teacher FILE. Add it, or leave this "
                "option out."
            )

    @property
    def of_one_network(self) -> list[str]:
        """Names of the given options that only make sense for one preset."""
        given = {
            "--epochs": self.epochs is not None,
            "--batch-size": self.batch_size is not None,
            "--early-stopping, --no-early-stopping": self.early_stopping is not None,
            **{option_of(name): True for name in self.network.chosen},
        }
        return [option for option, is_given in given.items() if is_given]

    @property
    def only_from_scratch(self) -> list[str]:
        """Names of the given options that only make sense when training from scratch."""
        columns = self.reading.columns
        given = {
            "--preset": self.preset is not None,
            **dict.fromkeys(self.of_one_network, True),
            "--resume": self.resume,
            "--class-weight": self.class_weight is not None,
            "--teacher": self.teachers,
            "--teacher-weight": self.teacher_weight is not None,
            "--balance-column": columns.balance is not None,
            "--stars-column": columns.stars is not None,
            "--validation": self.validation != TrainingOptions.validation,
            "--split last": self.split is SplitKind.LAST,
        }
        return [option for option, is_given in given.items() if is_given]

    def _check_adapts(self) -> None:
        """Raise `UsageError` for options of training from scratch, beside --from."""
        if useless := self.only_from_scratch:
            raise UsageError(
                f"{', '.join(useless)}: cannot be combined with --from {self.start}, which adapts "
                "a trained network. Leave one of the two out."
            )

    def _check_chooses(self) -> None:
        """Raise `UsageError` for options of one preset if several are tried."""
        if useless := self.of_one_network:
            suitable = (
                preset.name
                for preset in PRESETS.values()
                if preset.is_adjustable or not self.network.chosen
            )
            raise UsageError(
                f"{', '.join(useless)}: only works with one network, and without --preset several "
                f"are tried. Name one with --preset ({', '.join(suitable)}), or leave this option "
                "out."
            )

    def _check_uses(self) -> None:
        """Raise `UsageError` for options that the preset cannot use; --from has no preset."""
        if self.preset is None:
            return
        preset = self._preset
        if self.early_stopping and not preset.stops_early:
            raise UsageError(
                f"--early-stopping: the preset '{preset.name}' goes through the reviews a fixed "
                "number of times. Set the number with --epochs, or leave out --early-stopping."
            )
        for option, is_given, use, does in (
            ("--unlabelled", self.unlabelled, "uses_unlabelled", _LEARNS_NOTHING),
            (
                ", ".join(map(option_of, self.network.chosen)),
                self.network.chosen,
                "is_adjustable",
                _FIXED,
            ),
        ):
            if is_given and not getattr(preset, use):
                others = [other.name for other in PRESETS.values() if getattr(other, use)]
                raise UsageError(
                    f"{option}: the preset '{preset.name}' {does} (these do: {', '.join(others)}). "
                    "Choose another with --preset, or leave this out."
                )

    @property
    def _preset(self) -> Preset:
        if self.preset is None:
            raise ValueError("no preset is chosen")
        return find_preset(self.preset)

    @property
    def chosen_preset(self) -> Preset:
        """The preset, with the chosen settings of the network."""
        chosen: dict[str, Any] = self.network.chosen
        return replace(self._preset, **chosen)

    @property
    def most_epochs(self) -> int:
        """Most passes over the reviews."""
        return self._preset.epochs if self.epochs is None else self.epochs

    @property
    def reviews_per_step(self) -> int:
        """Reviews per step of the optimizer."""
        return self._preset.batch_size if self.batch_size is None else self.batch_size

    @property
    def teacher_share(self) -> float:
        """Share of the teacher in the target of a labelled review, 0 to 1."""
        return 0.5 if self.teacher_weight is None else self.teacher_weight

    @property
    def stops_early(self) -> bool:
        """Whether a fit ends when the validation loss no longer falls."""
        own = self._preset.stops_early
        return own if self.early_stopping is None else self.early_stopping

    @property
    def run(self) -> Path:
        """The run folder to write."""
        name = BEST if self.preset is None else self.preset
        return self.output or RUNS / (name if self.start is None else ADAPTED)


def _require(holds: bool, option: str, found: object, expected: str) -> None:
    if not holds:
        raise UsageError(f"{option}: expected {expected}, found {found}")

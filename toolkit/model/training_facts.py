"""The facts of a model's training: the data, the fit, and the measured quality.

Scoring does not need them, so `toolkit.model.facts` decodes them on first use. To add a fact, add
an attribute that is None by default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from toolkit.model.typed_json import Line, Share

_Factor = Annotated[float, lambda value: 0 < value < 1e6]
_Number = Annotated[float, lambda value: abs(value) < 1e6]


@dataclass(frozen=True)
class StartModel:
    """The model that a network was adapted from."""

    name: str
    preset: str
    sha256: str  # of its file
    version: str | None = None
    licence: str | None = None  # of its weights


@dataclass(frozen=True)
class CandidateScores:
    """The quality of one way to adapt, on reviews held out of its fit."""

    name: str
    loss: float
    accuracy: float
    balanced_accuracy: float | None = None


@dataclass(frozen=True)
class Adaptation:
    """How a model was adapted: the candidates by cross-validation, and the one that was kept."""

    kept: str
    candidates: tuple[CandidateScores, ...]  # the simplest first: the unchanged start model
    folds: int
    scale: float  # of the start model's logit
    bias: float
    strength: float | None = None  # standard deviation of the prior of a word's weight
    words: int | None = None  # number of words with a weight
    new_words: int | None = None  # how many of them the start model does not know
    # The share of positive reviews whose log-odds were subtracted from the logit, so that 0.5 is
    # the threshold. None: nothing was subtracted, as in models with another threshold.
    border: float | None = None


@dataclass(frozen=True)
class Tried:
    """The quality of a network or a baseline that was tried, on held-out reviews."""

    name: str
    balanced_accuracy: Share
    loss: float
    is_baseline: bool = False
    macro_f1: Share | None = None  # for classes of a user's own


@dataclass(frozen=True)
class Parity:
    """How far the ways to run an exported model are from Keras, or from another reference."""

    reviews: int
    edge_texts: int
    largest_difference: float  # of any probability
    label_flips: int
    token_id_differences: int = 0  # rows whose ids differ between the graph and the toolkit
    known_token_differences: int = 0  # rows whose numbers of known tokens differ
    differences: dict[str, float] = field(default_factory=dict)  # way to run → largest difference
    tolerance: float | None = None
    largest_stars_difference: float | None = None  # None: no stars
    # Rows of a twin without a loop that differ by a rounding; None: the twin makes the same sums.
    rounded_otherwise: int | None = None


@dataclass(frozen=True)
class ThresholdReached:
    """The quality of a threshold on the held-out reviews of a run."""

    reviews: int
    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    balanced_accuracy: float | None = None
    majority_accuracy: float | None = None
    is_calibrated: bool | None = None  # whether the calibration was fitted on the same reviews


@dataclass(frozen=True)
class ThresholdChoice:
    """How a threshold was chosen."""

    chosen: str = "default"  # "default", "given", or the goal, such as "recall=0.9"
    validation: ThresholdReached | None = None


@dataclass(frozen=True)
class ReviewSource:
    """Reviews that were read, and how many of them were used."""

    source: str | None = None
    reviews: int | None = None
    positive: int | None = None
    without_text: int | None = None
    without_label: int | None = None  # rows left out because of their label
    left_out: int | None = None  # unlabelled reviews that were not used
    sha256: str | None = None  # of texts and labels
    soft_labels: int | None = None  # number of labels between 0 and 1
    classes: dict[str, int] | None = None  # for a model of classes: label → number of texts
    label_meaning: str | None = None  # how unusual labels were read


@dataclass(frozen=True)
class TeacherSource:
    """Probabilities of another model, and how many reviews they were used for."""

    source: str | None = None
    rows: int | None = None
    without_probability: int | None = None
    unmatched: int | None = None
    labelled: int | None = None  # reviews
    unlabelled: int | None = None  # reviews
    sha256: str | None = None


@dataclass(frozen=True)
class TrainingData(ReviewSource):
    """The labelled reviews, and all other data that a model was trained and tested on."""

    start: StartModel | None = None  # the model that the network was adapted from
    test: ReviewSource | None = None
    validation: ReviewSource | None = None
    unlabelled: ReviewSource | None = None
    teachers: tuple[TeacherSource, ...] | None = None
    strip_endings: tuple[str, ...] | None = None  # words at the end of texts that were not read
    fitted: int | None = None  # labelled reviews that the network was fitted on
    held_out: int | None = None  # labelled reviews held out of that fit
    is_balanced: bool | None = None  # whether both labels had the same total weight


@dataclass(frozen=True)
class Scores:
    """The quality of a network on some reviews."""

    loss: float | None = None  # mean binary cross-entropy
    accuracy: float | None = None  # share of right labels
    reviews: int | None = None
    best_epoch: int | None = None  # with the lowest validation loss
    split: str | None = None
    balanced_accuracy: float | None = None
    majority_accuracy: float | None = None  # of always predicting the more frequent label
    epoch: int | None = None  # the epoch whose weights are kept
    threshold: float | None = None  # of positive reviews; None: 0.5
    macro_f1: float | None = None  # for a model of classes


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over the folds."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Folds:
    """The results of cross-validation, before calibration."""

    loss: Spread
    accuracy: Spread
    each: tuple[Scores, ...] = ()
    split: str | None = None
    balanced_accuracy: Spread | None = None
    majority_accuracy: Spread | None = None


@dataclass(frozen=True)
class Copies:
    """How many reviews have exactly the text of another review."""

    within_training: int
    held_out_in_fitted: int | None = None  # makes scores look too good; sum over the folds
    test_in_training: int | None = None  # makes scores look too good
    within_test: int | None = None


@dataclass(frozen=True)
class Calibration:
    """How the logits of a network were changed, and the errors before and after."""

    scale: _Factor  # of the logit; 1 changes nothing
    bias: _Number  # added to the scaled logit; 0 changes nothing
    fitted_on: int | None = None  # number of reviews
    error_before: float | None = None  # calibration error of the unchanged network
    error: float | None = None  # calibration error after the change, on other reviews than fitted
    log_loss_before: float | None = None
    log_loss: float | None = None  # on the reviews of `error`
    note: str | None = None  # why scale or bias was not fitted
    by_probability: bool | None = None  # how errors are measured; None: by confidence

    @property
    def is_changed(self) -> bool:
        """Whether the calibration changes the logits."""
        return (self.scale, self.bias) != (1, 0)


# What the sentences of a set of the toolkit's own sentences differ in.
PARTS = {"neutral": "Who, without opinion", "opinion": "Who, with opinion", "form": "Form"}
_Count = Annotated[int, lambda count: 0 < count <= 1_000_000]
_Part = Annotated[str, lambda part: part in PARTS]


@dataclass(frozen=True)
class Steadiness:
    """How steady a model is within sets of sentences that should have one label.

    The spread of a set is its largest minus its smallest probability.
    """

    part: _Part
    name: Line  # such as nationality or capitals
    sets: _Count
    mean_spread: Share
    moved: Share  # share of the sets with a spread above `toolkit.evaluation.behaviour.FAR`
    other_label: Share  # share of the sets with more than one label
    lowest: tuple[Share, str]  # probability and sentence in the set with the largest spread
    highest: tuple[Share, str]  # probability and sentence in the same set
    from_half: Share | None = None  # mean distance of probabilities from 0.5, in neutral sets

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of its row in tables; only neutral sets have the last one."""
        half = () if self.from_half is None else (f"{self.from_half:.3f}",)
        return (
            self.name,
            f"{self.sets}",
            f"{self.mean_spread:.3f}",
            f"{self.moved:.1%}",
            f"{self.other_label:.1%}",
            *half,
        )


@dataclass(frozen=True)
class Right:
    """How many of the toolkit's own sentences about a phenomenon get the right label."""

    name: Line
    right: Annotated[int, lambda count: count >= 0]
    sentences: _Count


_Rights = Annotated[
    tuple[Right, ...], lambda found: all(each.right <= each.sentences for each in found)
]


@dataclass(frozen=True)
class Behaviour:
    """The results on the toolkit's own sentences (`toolkit.evaluation.behaviour`)."""

    phenomena: _Rights
    same: tuple[Steadiness, ...]
    sha256: str  # of the file with the templates of the sentences


@dataclass(frozen=True)
class RunMetrics:
    """The content of `metrics.json` in a run folder; values that were not measured are None.

    The export adds `behaviour`.
    """

    validation: Scores | None = None
    folds: Folds | None = None
    calibration: Calibration | None = None
    adaptation: Adaptation | None = None
    test: Scores | None = None
    copies: Copies | None = None
    parameters: int | None = None
    seconds: float | None = None  # only in older run folders: it would change the bytes of each run
    unsure: Share | None = None  # of held-out reviews: calibrated probability from 0.25 to 0.75
    behaviour: Behaviour | None = None
    tried: tuple[Tried, ...] | None = None  # if no preset was chosen; the best one was kept

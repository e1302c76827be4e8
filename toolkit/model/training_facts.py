"""What a model file says of its training: the data, the fit, and what was measured.

Nothing of this is needed to score, so `toolkit.model.facts` decodes it when it is asked for.
To add a fact, add an attribute that is None by default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from toolkit.model.typed_json import Line, Share

_Factor = Annotated[float, lambda value: 0 < value < 1e6]
_Number = Annotated[float, lambda value: abs(value) < 1e6]


@dataclass(frozen=True)
class StartModel:
    """The model that a network was adapted from; `sha256` is that of its file."""

    name: str
    preset: str
    sha256: str
    version: str | None = None
    licence: str | None = None  # of its weights


@dataclass(frozen=True)
class CandidateScores:
    """How well one way to adapt does on reviews that were held out of its fit."""

    name: str
    loss: float
    accuracy: float
    balanced_accuracy: float | None = None


@dataclass(frozen=True)
class Adaptation:
    """Which of the candidates was kept, with what, and how good each is by cross-validation."""

    kept: str
    candidates: tuple[CandidateScores, ...]  # the simplest first, which is the start as it is
    folds: int
    scale: float  # of the logit of the start
    bias: float
    strength: float | None = None  # deviation of the prior of a word's weight
    words: int | None = None  # that have a weight
    new_words: int | None = None  # of these, words that the start does not know
    # The share of positives whose log-odds were taken from the logit, so that 0.5 is the border.
    # None: nothing was taken, as of models with a threshold of their own.
    border: float | None = None


@dataclass(frozen=True)
class Tried:
    """What a way that was tried reached on the held-out reviews: a network, or a baseline."""

    name: str
    balanced_accuracy: Share
    loss: float
    is_baseline: bool = False


@dataclass(frozen=True)
class Parity:
    """How far the executions of an exported model are from Keras, or from another reference."""

    reviews: int
    edge_texts: int
    largest_difference: float  # of the probability of any execution
    label_flips: int
    token_id_differences: int = 0  # rows whose ids in the graph differ from the vectorised ones
    known_token_differences: int = 0  # rows for which executions count other known tokens
    differences: dict[str, float] = field(default_factory=dict)  # the largest by execution
    tolerance: float | None = None
    largest_stars_difference: float | None = None  # of the stars of any execution, if there are any


@dataclass(frozen=True)
class ThresholdReached:
    """What a threshold reaches on the held-out reviews of a run."""

    reviews: int
    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    balanced_accuracy: float | None = None
    majority_accuracy: float | None = None
    is_calibrated: bool | None = None  # the probabilities, by a fit on the same reviews


@dataclass(frozen=True)
class ThresholdChoice:
    """How a threshold was chosen: `default`, `given`, or the goal, such as `recall=0.9`."""

    chosen: str = "default"
    validation: ThresholdReached | None = None


@dataclass(frozen=True)
class ReviewSource:
    """Reviews that were read; `sha256` is that of their texts and labels."""

    source: str | None = None
    reviews: int | None = None
    positive: int | None = None
    without_text: int | None = None
    without_label: int | None = None  # rows that were left out for their label
    left_out: int | None = None  # reviews without labels that were not learned from
    sha256: str | None = None
    soft_labels: int | None = None  # labels between 0 and 1
    classes: dict[str, int] | None = None  # texts of each label, of a model of classes
    label_meaning: str | None = None  # which labels were read as what, where they are not as usual


@dataclass(frozen=True)
class TeacherSource:
    """Probabilities of another model: how many rows, and for how many reviews of which kind."""

    source: str | None = None
    rows: int | None = None
    without_probability: int | None = None
    unmatched: int | None = None
    labelled: int | None = None
    unlabelled: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class TrainingData(ReviewSource):
    """The labelled reviews, and all else that a model was trained and tested on."""

    start: StartModel | None = None  # that the network was adapted from
    test: ReviewSource | None = None
    validation: ReviewSource | None = None
    unlabelled: ReviewSource | None = None
    teachers: tuple[TeacherSource, ...] | None = None
    strip_endings: tuple[str, ...] | None = None  # words at the end of texts that were not read
    fitted: int | None = None  # of the labelled reviews
    held_out: int | None = None  # of the labelled reviews, from the fit of the network that is kept
    is_balanced: bool | None = None  # both labels weighed the same


@dataclass(frozen=True)
class Scores:
    """How well a network does on some reviews: mean binary cross-entropy, share of right labels."""

    loss: float | None = None
    accuracy: float | None = None
    reviews: int | None = None
    best_epoch: int | None = None  # of the lowest validation loss
    split: str | None = None
    balanced_accuracy: float | None = None
    majority_accuracy: float | None = None  # of always answering with the more frequent label
    epoch: int | None = None  # whose weights are kept
    threshold: float | None = None  # from which a review was called positive; None: 0.5
    macro_f1: float | None = None  # of a model of classes


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over the folds."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Folds:
    """What cross-validation found, before calibration."""

    loss: Spread
    accuracy: Spread
    each: tuple[Scores, ...] = ()
    split: str | None = None
    balanced_accuracy: Spread | None = None
    majority_accuracy: Spread | None = None


@dataclass(frozen=True)
class Copies:
    """How many reviews have, letter for letter, the text of another one."""

    within_training: int
    held_out_in_fitted: int | None = None  # makes scores look too good; folds are added up
    test_in_training: int | None = None  # makes scores look too good
    within_test: int | None = None


@dataclass(frozen=True)
class Calibration:
    """How the logits of a network were changed, and what that does."""

    scale: _Factor  # of the logit; 1 leaves it
    bias: _Number  # added to the scaled logit; 0 leaves it
    fitted_on: int | None = None  # reviews
    error_before: float | None = None  # calibration error of the network as it was
    error: float | None = None  # of the changed network, on reviews that were not fitted on
    log_loss_before: float | None = None
    log_loss: float | None = None  # measured as `error`
    note: str | None = None  # why less was fitted than scale and bias
    by_probability: bool | None = None  # how errors are measured; None: by confidence

    @property
    def is_changed(self) -> bool:
        """Whether it changes the logits."""
        return (self.scale, self.bias) != (1, 0)


# What differs in sets of the toolkit's own sentences.
PARTS = {"neutral": "Who, without opinion", "opinion": "Who, with opinion", "form": "Form"}
_Count = Annotated[int, lambda count: 0 < count <= 1_000_000]
_Part = Annotated[str, lambda part: part in PARTS]


@dataclass(frozen=True)
class Steadiness:
    """What a model says of some sets; a spread is the largest minus the smallest probability."""

    part: _Part
    name: Line  # such as nationality or capitals
    sets: _Count
    mean_spread: Share
    moved: Share  # share of the sets with a spread above `toolkit.evaluation.behaviour.FAR`
    other_label: Share  # share of the sets with more than one label
    lowest: tuple[Share, str]  # probability and sentence, of the set with the largest spread
    highest: tuple[Share, str]
    from_half: Share | None = None  # mean distance of a probability from 0.5, in neutral sets

    @property
    def cells(self) -> tuple[str, ...]:
        """Its name, and what tables show of it; only neutral sets have the last."""
        shares = f"{self.moved:.1%}", f"{self.other_label:.1%}"
        half = () if self.from_half is None else (f"{self.from_half:.3f}",)
        return self.name, f"{self.sets}", f"{self.mean_spread:.3f}", *shares, *half


@dataclass(frozen=True)
class Right:
    """How many of the toolkit's own sentences for a phenomenon get the right label."""

    name: Line
    right: Annotated[int, lambda count: count >= 0]
    sentences: _Count


_Rights = Annotated[
    tuple[Right, ...], lambda found: all(each.right <= each.sentences for each in found)
]


@dataclass(frozen=True)
class Behaviour:
    """What a model makes of the toolkit's own sentences: `toolkit.evaluation.behaviour`."""

    phenomena: _Rights
    same: tuple[Steadiness, ...]
    sha256: str  # of the file that the sentences are made of


@dataclass(frozen=True)
class Metrics:
    """The content of `metrics.json` of a run folder; what was not measured is None.

    `behaviour` is measured by the export.
    """

    validation: Scores | None = None
    folds: Folds | None = None
    calibration: Calibration | None = None
    adaptation: Adaptation | None = None
    test: Scores | None = None
    copies: Copies | None = None
    parameters: int | None = None
    seconds: float | None = None  # of older run folders: the same training gives the same bytes
    unsure: Share | None = None  # of held-out reviews, from 0.25 to 0.75 when calibrated
    behaviour: Behaviour | None = None
    tried: tuple[Tried, ...] | None = None  # where no preset was named; the best one was kept

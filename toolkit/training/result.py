"""The results of a training and its fits, and warnings of what makes them look too good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.evaluation.comparison import constant_warning
from toolkit.evaluation.metrics import Metrics, measure
from toolkit.model import training_facts
from toolkit.model.run_folder import SAMPLE_REVIEWS, RunFolder
from toolkit.model.stars import NeutralRange, StarScale, known_tokens
from toolkit.records.labels import Targets
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.data import FitData, TrainingSets
from toolkit.training.epochs import lowest
from toolkit.training.options import TrainingObserver
from toolkit.training.presets import Preset
from toolkit.training.reviews import ClassNumbers, Groups, Reviews, balanced_weights
from toolkit.training.tried import Choice

if TYPE_CHECKING:
    import keras


Tokens = npt.NDArray[np.int32]
Probabilities = npt.NDArray[np.float32]

PATIENCE = 3  # epochs without a lower validation loss, after which a fit stops early

# With fewer reviews that the network was not fitted on, a sample also takes fitted reviews.
FEWEST_UNSEEN = 1000
_ROWS_AT_ONCE = 512  # the results do not depend on it


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted network, and how it was fitted.

    `network` has the kept weights, not calibrated: (batch, tokens) int32 → (batch, 1) float32.
    `history` has `loss` and `accuracy` by epoch (measured during the epoch, with dropout), and
    `val_…` of both; it is empty for an adapted network. `held_out` (reviews,) are the probabilities
    of the held-out reviews by the kept weights, and `validation` their metrics; a recipe leaves
    both to `toolkit.training.run.fit`.
    """

    network: keras.Model
    history: dict[str, list[float]]
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    most_epochs: int = 0  # number of epochs without early stopping
    batch_size: int = 0
    keeps_best: bool = False  # whether the weights are from the best epoch; else from the last
    held_out: Probabilities | None = None
    validation: Metrics | None = None

    @property
    def epochs(self) -> int:
        """Number of epochs that were run."""
        return len(self.history.get("loss", ()))

    @property
    def best_epoch(self) -> int:
        """Epoch with the lowest validation loss, from 1; the last one if nothing is held out."""
        losses = self.history.get("val_loss")
        return self.epochs if losses is None else lowest(losses) + 1

    @property
    def kept_epoch(self) -> int:
        """Epoch whose weights the network has, from 1."""
        return self.best_epoch if self.keeps_best else self.epochs

    @property
    def ending(self) -> str:
        """Why the fit ended and which epoch is kept, in a sentence."""
        if self.keeps_best and self.epochs < self.most_epochs:
            return (
                f"stopped after epoch {self.epochs} of at most {self.most_epochs}: the validation "
                f"loss had not fallen for {PATIENCE} epochs; epoch {self.kept_epoch} is kept"
            )
        why = f"all {self.epochs} epochs were run"
        if self.keeps_best:
            return f"{why}; epoch {self.kept_epoch} is kept, with the lowest validation loss"
        kept = f"{why}; the last one is kept"
        if self.best_epoch != self.epochs:
            kept += f" (the validation loss was lowest in epoch {self.best_epoch})"
        return kept


@dataclass(frozen=True)
class HeldOut:
    """Probabilities of reviews that the networks were not fitted on, not calibrated."""

    labels: ClassNumbers  # (reviews,) int8
    probability: Probabilities  # (reviews,) float32
    groups: Groups  # (reviews,) int64
    weights: Targets  # (reviews,) float32, in the loss
    stars: Targets  # (reviews,) float32, 1 to 5 or NaN
    domains: Groups  # (reviews,) int64
    known_tokens: Tokens  # (reviews,) int32; 0 for all reviews if no stars are given

    @classmethod
    def of(cls, fits: Sequence[tuple[FitData, Fit]], max_tokens: int) -> HeldOut:
        """Join the held-out reviews of some fits."""
        parts: list[HeldOut] = []
        first = 0
        for data, fit in fits:
            if data.held_out is None or fit.held_out is None:
                continue
            parts.append(
                cls._of_fit(
                    reviews=data.held_out,
                    probability=fit.held_out,
                    vocabulary=fit.vocabulary,
                    max_tokens=max_tokens,
                    first=first,
                )
            )
            first += len(data.held_out)
        return cls(
            **{
                name: np.concatenate([getattr(part, name) for part in parts])
                for name in cls.__dataclass_fields__
            }
        )

    @classmethod
    def _of_fit(
        cls,
        reviews: Reviews,
        probability: Probabilities,
        vocabulary: Vocabulary,
        max_tokens: int,
        first: int,
    ) -> HeldOut:
        """Describe the held-out reviews of a fit; without groups, they are groups from `first`."""
        count = len(reviews)
        stars = reviews.stars
        tokens = np.zeros(count, np.int32)
        if stars is not None:
            tokens = known_tokens(vocabulary, reviews.texts, max_tokens)
        each_alone = np.arange(first, first + count)
        return cls(
            labels=reviews.labels,
            probability=probability,
            groups=each_alone if reviews.groups is None else reviews.groups,
            weights=balanced_weights(reviews),
            stars=np.full(count, np.nan, np.float32) if stars is None else stars,
            domains=np.zeros(count, np.int64) if reviews.domains is None else reviews.domains,
            known_tokens=tokens,
        )


@dataclass(frozen=True)
class Outcome:
    """The outcome of a training: the kept network, calibrated, and the folds before it."""

    read: TrainingSets
    split: str  # how reviews were held out: a `SplitKind`, or `given` by the user
    fit: Fit
    data: FitData
    copies: training_facts.Copies
    folds: tuple[Fit, ...] = ()
    held_out: HeldOut | None = None
    calibration: training_facts.Calibration | None = None
    stars: StarScale | None = None
    neutral: NeutralRange | None = None
    test: Metrics | None = None
    adaptation: training_facts.Adaptation | None = None
    choice: Choice | None = None  # how this network was chosen, if several were tried

    def sample(self, seed: int) -> dict[str, Reviews]:
        """Draw up to `SAMPLE_REVIEWS` reviews for the parity check, by the part they are from.

        The parts are `validation` and `test`, and also `training` if these two have fewer than
        `FEWEST_UNSEEN` reviews.
        """
        parts = {"validation": self.data.held_out, "test": self.read.test}
        unseen = {name: reviews for name, reviews in parts.items() if reviews is not None}
        few = sum(map(len, unseen.values())) < FEWEST_UNSEEN
        random = np.random.default_rng(seed)
        drawn: dict[str, Reviews] = {}
        left = SAMPLE_REVIEWS
        for name, reviews in (unseen | ({"training": self.data.fitted} if few else {})).items():
            count = min(left, len(reviews))
            if count:
                rows = np.sort(random.choice(len(reviews), count, replace=False))
                drawn[name] = reviews.take(rows)
                left -= count
        return drawn


@dataclass(frozen=True)
class TrainingResult:
    """The result of `train`.

    Attributes
    ----------
    run : RunFolder
        The run folder that was written.
    metrics : training_facts.RunMetrics
        The content of `metrics.json`.
    ending : str
        Why the fit ended, and which epoch is kept.
    plots : tuple[str, ...]
        Names of the plots in the run folder.
    stars : StarScale | None
        How stars follow from the logit; None if too few held-out reviews have stars.
    neutral : NeutralRange | None
        Which probabilities are neutral; None if too few held-out reviews are neutral.
    seconds : float
        Duration of the training, in seconds.
    choice : Choice | None
        The networks and baselines that were tried; None if a preset was named.
    """

    run: RunFolder
    metrics: training_facts.RunMetrics
    ending: str = ""
    plots: tuple[str, ...] = ()
    stars: StarScale | None = None
    neutral: NeutralRange | None = None
    seconds: float = 0.0
    choice: Choice | None = None

    @property
    def has_classes(self) -> bool:
        """Whether the network has classes of the user's own."""
        scores = self.metrics.validation
        return scores is not None and scores.macro_f1 is not None


def review_probabilities(
    network: Any, preset: Preset, vocabulary: Vocabulary, texts: pa.ChunkedArray
) -> Probabilities:
    """Return the probabilities of reviews, (reviews,) float32, without dropout."""
    ids = vocabulary.encode(texts, last=preset.max_tokens)
    if preset.has_fixed_length:
        rows = ids.padded(preset.max_tokens)
        found = network.predict(rows, batch_size=_ROWS_AT_ONCE, verbose=0)
        probabilities: Probabilities = found[:, 0]
        return probabilities
    tokens = ids.with_start(preset.max_tokens)
    return in_batches(lambda rows: network(rows, training=False), tokens)


def in_batches(run: Callable[[Ids], Any], ids: TokenIds, width: int | None = None) -> Probabilities:
    """Return the outputs of a network for rows with their start id, (reviews,) float32.

    `run` takes (batch, tokens) int32 and returns (batch, 1) float32. Rows are padded to a multiple
    of `width` tokens, or to the longest row of a batch.
    """
    order = np.argsort(ids.lengths, kind="stable")
    found = np.zeros(len(order), np.float32)
    for start in range(0, len(order), _ROWS_AT_ONCE):
        places = order[start : start + _ROWS_AT_ONCE]
        rows = ids.padded_rows(places, multiple=width or 1)
        found[places] = np.asarray(run(rows))[:, 0]
    return found


def counts_of(ids: TokenIds, size: int) -> Any:
    """Count each word of each review: (reviews, size) float64, sparse; special ids count as 0."""
    from scipy import sparse

    ids = ids.take(np.arange(len(ids)))  # drops ids between the rows, if there are any
    is_word = ids.values >= FIRST_WORD_ID
    ones = np.ones(int(is_word.sum()))
    counts = sparse.csr_matrix(
        (ones, (ids.rows[is_word], ids.values[is_word])), shape=(len(ids), size)
    )
    counts.sum_duplicates()
    return counts


def warn(outcome: Outcome, observer: TrainingObserver) -> None:
    """Warn of what makes scores look too good, and if a constant answer is as accurate."""
    warn_of_copies(outcome, observer)
    held_out = outcome.held_out
    test = outcome.test
    measured = {"test": test}
    if held_out is not None:
        measured["held-out"] = measure(held_out.labels, held_out.probability, 0.5)
    for kind, found in measured.items():
        warning = None if found is None else constant_warning("the network", found, kind)
        if warning is not None:
            observer.warning(
                f"{warning} Train on more reviews, above all with the less frequent label, or for "
                "more epochs."
            )


def warn_of_copies(outcome: Outcome, observer: TrainingObserver) -> None:
    """Warn if reviews to measure on have the same text as fitted reviews."""
    copies = outcome.copies
    if copies.held_out_in_fitted:
        is_drawn = outcome.read.validation is None
        or_group = ", or keep them together with --group-column" if is_drawn else ""
        observer.warning(
            f"{copies.held_out_in_fitted:,} held-out reviews have the same text as fitted ones: "
            f"the validation scores look better than they are. Remove the copies{or_group}."
        )
    if copies.test_in_training and outcome.read.test is not None:
        observer.warning(
            f"{copies.test_in_training:,} of {len(outcome.read.test):,} test reviews have the "
            "same text as reviews to train on: the test scores look better than they are. Test on "
            "other reviews."
        )

"""Fit the network of a preset to classes; `ngram-linear` is logistic regression over tf-idf.

The regularization strength (C of scikit-learn) is chosen on a second held-out part of the fitted
texts, with words alone: a fit with pairs of words takes six times as long.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.errors import TrainingError
from toolkit.evaluation.class_metrics import log_loss_of
from toolkit.networks import class_adapted
from toolkit.networks.adapted import logits_of_network
from toolkit.networks.class_adapted import opinion_features
from toolkit.networks.class_linear import SQUARE_STEPS, ClassTables, frozen
from toolkit.records.labels import Rows
from toolkit.text.pairs import QUOTIENTS, keys_of, rows_of, slots_of
from toolkit.text.token_ids import FIRST_WORD_ID, UNKNOWN_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.adapt_fit import Start, extended
from toolkit.training.class_data import class_split
from toolkit.training.data import FitTask
from toolkit.training.options import TrainingObserver
from toolkit.training.presets import Preset
from toolkit.training.recipes import fit_by_recipe
from toolkit.training.result import Fit, in_batches
from toolkit.training.reviews import Reviews, balanced_weights

LINEAR = "ngram-linear"  # the preset that is a regression

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)
_FIRST_STRENGTH = 10.0  # that is tried; then larger ones, or smaller ones, until the loss rises
USUAL_STRENGTH = 30.0  # if the texts are too few to choose
_INNER_SHARE = 0.2
_MOST_INNER = 50_000  # texts that the strength is chosen on

# Weights of all classes together, as int8. A fit takes some 200 bytes of memory for each.
_MOST_CELLS = 8_000_000
_MOST_PAIRS = 60_000
_MOST_IDS = 46_340  # the square of the number of ids, of pairs, has to be below 2**31
_FEWEST_OF_PAIR = 2  # a pair that occurs less often has no weight
# Pairs count half as much as words: on 39 kinds of reviews, that raises macro F1 from 66.3 % to
# 68.1 %, and accuracy from 84.3 % to 85.0 %.
_PAIR_WEIGHT = 0.5
# Sizes of the hash table, prime numbers: the first that is large enough is used.
_SLOTS = (1_021, 4_093, 16_381, 65_521, 262_139)
_ROUNDS = 200
_TOLERANCE = 1e-3

_Matrix = Any  # a sparse matrix of SciPy, which ships no types
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Base:
    """A start whose opinion of each text is a feature, and the vocabulary that extends its own."""

    start: Start
    vocabulary: Vocabulary

    @classmethod
    def of(cls, start: Start, texts: pa.ChunkedArray) -> Base:
        """Extend the vocabulary of a start by words of the texts, within what pairs allow."""
        found = extended(start.vocabulary, texts)
        words = found.words[: _MOST_IDS - FIRST_WORD_ID]
        return cls(start, Vocabulary(words, found.rule))

    def logits(self, tokens: TokenIds) -> npt.NDArray[np.float32]:
        """Return the logits of the start, (texts,)."""
        known = self.start.vocabulary.size
        ids = np.where(tokens.values < known, tokens.values, UNKNOWN_ID).astype(np.int32)
        network = self.start.network
        return in_batches(
            lambda rows: logits_of_network(network, rows), replace(tokens, values=ids)
        )


@dataclass(frozen=True)
class ClassFit:
    """A fitted network of classes, not calibrated: (batch, tokens) int32 → (batch, classes)."""

    network: Any
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    ending: str  # how the fit ended, in a sentence
    settings: dict[str, Any]  # of the fit, for `config.json`
    epochs: Fit | None = None  # the epochs of the fit; None for a regression

    @property
    def strength(self) -> float | None:
        """C of the regression; None for other fits."""
        return self.settings.get("strength")


@dataclass(frozen=True)
class _Features:
    """The features of some texts: words first, then pairs."""

    tokens: TokenIds
    vocabulary_size: int
    slots: Ids
    squares: Ids  # (features,) int32: squared idf, in steps of 1 / `SQUARE_STEPS`
    opinions: _Floats | None = None  # (texts, n): features of a base, after all others

    @property
    def idf(self) -> _Floats:
        """Inverse document frequency of each feature, (features,)."""
        found: _Floats = np.sqrt(self.squares / SQUARE_STEPS)
        return found

    def matrix(self, *, with_pairs: bool) -> _Matrix:
        """Return tf-idf divided by the Euclidean length of the text, (texts, features)."""
        from scipy import sparse

        counts = _counts(self.tokens, self._columns(with_pairs=with_pairs), len(self.squares))
        squared = (counts @ self.squares.astype(np.float64)) / SQUARE_STEPS
        length = np.sqrt(np.maximum(squared, 1 / SQUARE_STEPS))
        found = (sparse.diags(1 / length) @ counts @ sparse.diags(self.idf)).tocsr()
        if self.opinions is None:
            return found
        return sparse.hstack([found, sparse.csr_matrix(self.opinions)]).tocsr()

    def _columns(self, *, with_pairs: bool) -> list[Ids]:
        """Return for each token the feature of its word, and of the pair that ends at it; or 0."""
        words = np.where(self.tokens.values >= FIRST_WORD_ID, self.tokens.values, 0)
        if not with_pairs:
            return [words]
        return [words, _pair_features(self.tokens, self.slots, self.vocabulary_size)]


def fit_classes(
    task: FitTask, strength: float | None = None, start: Start | None = None
) -> ClassFit:
    """Fit the network of a preset to the classes of texts, or adapt a start.

    `strength` is C of the regression; None: it is chosen on some of the texts. Raises
    `TrainingError` for texts without words.
    """
    if task.preset.name == LINEAR or start is not None:
        return _fit_regression(
            reviews=task.data.fitted,
            preset=task.preset,
            seed=task.options.seed,
            observer=task.observer,
            strength=strength,
            base=None if start is None else Base.of(start, task.data.fitted.texts),
        )
    found = fit_by_recipe(task)
    return ClassFit(
        network=found.network,
        vocabulary=found.vocabulary,
        vocabulary_size=found.vocabulary_size,
        ending=found.ending,
        settings={"epochs": found.epochs, "batch_size": found.batch_size},
        epochs=found,
    )


def _fit_regression(
    reviews: Reviews,
    preset: Preset,
    seed: int,
    observer: TrainingObserver,
    strength: float | None = None,
    base: Base | None = None,
) -> ClassFit:
    """Fit a weight for each word, pair and class; raise `TrainingError` for texts without words."""
    classes = reviews.classes or ()
    if base is None:
        most_words = min(preset.vocabulary_size, _MOST_CELLS // len(classes))
        vocabulary = Vocabulary.build(reviews.texts, max(most_words, 2 * FIRST_WORD_ID))
    else:
        vocabulary = base.vocabulary
    if not len(vocabulary.words):
        raise TrainingError(
            f"{reviews.name}: no words in the {len(reviews)} texts to fit on, only punctuation "
            "and white space. Choose the column with --text-column."
        )
    most = preset.max_tokens
    tokens = vocabulary.encode(reviews.texts, last=most).with_start(most)
    pairs = min(_MOST_PAIRS, max(_MOST_CELLS // len(classes) - vocabulary.size, 0))
    features = _features(tokens, vocabulary.size, pairs, has_other_words=base is not None)
    if base is not None:
        features = replace(features, opinions=opinion_features(base.logits(tokens)))
    observer.say(
        f"vocabulary: {len(vocabulary.words):,} words, "
        f"{len(features.squares) - vocabulary.size - 1:,} pairs of words"
    )
    weights = balanced_weights(reviews).astype(np.float64)
    if strength is None:
        strength = _strength(
            features=features,
            reviews=reviews,
            weights=weights,
            seed=seed,
            observer=observer,
        )
    observer.stage(f"logistic regression of {len(classes):,} classes, C = {strength:g}")
    cells, biases = _fitted(
        matrix=features.matrix(with_pairs=True),
        labels=reviews.labels,
        weights=weights,
        strength=strength,
        classes=len(classes),
    )
    rows = len(features.squares)
    made = ClassTables.of(
        weights=(cells[:rows] * features.idf[:, None]).astype(np.float32),
        squares=features.squares,
        slots=features.slots,
        biases=biases.astype(np.float32),
        vocabulary_size=vocabulary.size,
    )
    if base is None:
        network = frozen(made)
    else:
        network = class_adapted.frozen(
            found=made,
            opinions=np.ascontiguousarray(cells[rows:].T, np.float32),
            base=base.start.network,
            known=base.start.vocabulary.size,
        )
    return ClassFit(
        network=network,
        vocabulary=vocabulary,
        vocabulary_size=vocabulary.size,
        ending=f"logistic regression with C = {strength:g}",
        settings={"strength": strength, "pairs": len(features.squares) - vocabulary.size - 1},
    )


def _features(
    tokens: TokenIds, size: int, most_pairs: int, *, has_other_words: bool = False
) -> _Features:
    """Choose the pairs, and compute the idf of each feature.

    With `has_other_words`, the vocabulary has words that are not in the texts, and count nothing.
    """
    ends = (tokens.values >= FIRST_WORD_ID) & (tokens.previous >= FIRST_WORD_ID)
    found = keys_of(tokens.previous[ends], tokens.values[ends], size)
    keys, counts = np.unique(found, return_counts=True)
    keys = keys[counts >= _FEWEST_OF_PAIR]
    counts = counts[counts >= _FEWEST_OF_PAIR]
    keys = keys[np.argsort(-counts, kind="stable")[:most_pairs]]
    fewest = max(4 * len(keys), size**2 // QUOTIENTS + 1)
    slots = next((each for each in _SLOTS if each >= fewest), _SLOTS[-1])
    _, winners = np.unique(keys % slots, return_index=True)  # each slot keeps its most common pair
    keys = np.concatenate([[-1], keys[np.sort(winners)]])
    table = slots_of(keys, slots)
    features = _Features(
        tokens=tokens,
        vocabulary_size=size,
        slots=table,
        squares=np.zeros(size + len(keys), np.int32),
    )
    in_texts = (_counts(tokens, features._columns(with_pairs=True), size + len(keys)) > 0).sum(
        axis=0
    )
    documents = np.asarray(in_texts, np.float64).ravel()
    idf = np.log((1 + len(tokens)) / (1 + documents)) + 1
    if has_other_words:
        idf[documents == 0] = 0
    idf[size:] *= _PAIR_WEIGHT
    squares = np.round(idf**2 * SQUARE_STEPS).astype(np.int32)
    squares[:FIRST_WORD_ID] = 0  # padding, the start of a text, and unknown words
    squares[size] = 0  # no pair
    return replace(features, squares=squares)


def _pair_features(tokens: TokenIds, slots: Ids, size: int) -> Ids:
    """Return the feature of the pair that ends at each token, or 0."""
    rows = rows_of(keys_of(tokens.previous, tokens.values, size), slots)
    return np.where(rows > 0, rows + size, 0).astype(np.int32)


def _counts(tokens: TokenIds, columns: list[Ids], size: int) -> _Matrix:
    """Count the features of each text: (texts, features) float64, sparse."""
    from scipy import sparse

    rows = np.concatenate([tokens.rows for _ in columns])
    features = np.concatenate(columns)
    kept = features > 0
    ones = np.ones(int(kept.sum()))
    counts = sparse.csr_matrix((ones, (rows[kept], features[kept])), shape=(len(tokens), size))
    counts.sum_duplicates()
    return counts


def _strength(
    features: _Features,
    reviews: Reviews,
    weights: _Floats,
    seed: int,
    observer: TrainingObserver,
) -> float:
    """Choose the strength with the lowest log loss on texts that are held out only for this."""
    rows = np.arange(len(reviews))
    if len(rows) > _MOST_INNER:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_INNER, replace=False))
    try:
        split = class_split(reviews.take(rows), _INNER_SHARE, seed)
    except TrainingError:
        return USUAL_STRENGTH
    observer.stage("regularization strength, on texts held out for this")
    matrix = features.matrix(with_pairs=False)
    fitted = rows[split.fitted]
    held_out = rows[split.held_out]
    losses: dict[float, float] = {}

    def best() -> float:
        return min(losses, key=lambda each: losses[each])

    def try_each(strengths: Sequence[float]) -> None:
        """Try strengths until the log loss rises."""
        for strength in strengths:
            losses[strength] = _loss(
                matrix=matrix,
                reviews=reviews,
                weights=weights,
                strength=strength,
                fitted=fitted,
                held_out=held_out,
            )
            observer.say(f"C = {strength:g}: log loss {losses[strength]:.4f}")
            if best() != strength:
                break

    first = STRENGTHS.index(_FIRST_STRENGTH)
    try_each(STRENGTHS[first:])
    if best() == _FIRST_STRENGTH:
        try_each(STRENGTHS[:first][::-1])
    return best()


def _loss(
    matrix: _Matrix,
    reviews: Reviews,
    weights: _Floats,
    strength: float,
    fitted: Rows,
    held_out: Rows,
) -> float:
    from scipy.special import softmax

    size = len(reviews.classes or ())
    cells, biases = _fitted(
        matrix=matrix[fitted],
        labels=reviews.labels[fitted],
        weights=weights[fitted],
        strength=strength,
        classes=size,
    )
    found = softmax(matrix[held_out] @ cells + biases, axis=1)
    labels = reviews.labels[held_out].astype(np.int64)
    return log_loss_of(labels, found, weights[held_out])


def _fitted(
    matrix: _Matrix, labels: npt.NDArray[Any], weights: _Floats, strength: float, classes: int
) -> tuple[_Floats, _Floats]:
    """Fit a logistic regression; return weights, (features, classes), and biases, (classes,)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, max_iter=_ROUNDS, tol=_TOLERANCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # more rounds would change little
        model.fit(matrix, labels, sample_weight=weights)
    cells = model.coef_.T
    biases = model.intercept_
    if classes == 2:  # scikit-learn has one logit, of the second class
        cells = np.hstack([-cells / 2, cells / 2])
        biases = np.array([-biases[0], biases[0]]) / 2
    return cells, biases

"""Fit an adapted network from a start model and labelled reviews, in memory.

The start is a shipped model, a model file or a run folder. Several candidates are cross-validated;
the simplest one is kept that is not worse than the best one by more than noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor, log10
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import DEFAULT_THRESHOLD, is_positive
from toolkit.errors import ModelError
from toolkit.files import sha256_of
from toolkit.model import SHIPPED, find_model, is_shipped
from toolkit.model.agreement import check_agreement
from toolkit.model.file import ModelFile
from toolkit.model.release import Release
from toolkit.model.run_folder import RunFolder
from toolkit.model.stars import NeutralRange, StarScale, logits_of, sigmoid
from toolkit.model.training_facts import StartModel
from toolkit.records.labels import Rows
from toolkit.stores.paths import is_in_store, path_of
from toolkit.text.token_ids import FIRST_WORD_ID, START_ID, TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.presets import PRESETS
from toolkit.training.result import Probabilities, counts_of, in_batches
from toolkit.training.reviews import Reviews
from toolkit.training.split import Split


@dataclass(frozen=True)
class Start:
    """A trained network of this toolkit to adapt, with its vocabulary and its settings."""

    network: Any  # (batch, tokens) int32 → (batch, 1) float32
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    preset: str
    max_tokens: int
    facts: StartModel
    threshold: float = DEFAULT_THRESHOLD  # probability from which reviews count as positive
    stars: StarScale | None = None
    neutral: NeutralRange | None = None
    release: Release | None = None  # its version, licence and data sets

    @property
    def width(self) -> int | None:
        """Tokens in each row of the input; None for any number up to `max_tokens`."""
        found: int | None = self.network.input_shape[-1]
        return found

    def encode(self, vocabulary: Vocabulary, texts: pa.ChunkedArray) -> TokenIds:
        """Return the token ids by a vocabulary: the start's own, or one that extends it."""
        return vocabulary.encode(texts, last=self.max_tokens).with_start(self.max_tokens)


def load_start(model: str) -> Start:
    """Load a start by its name or path; raise `ModelError` if it cannot be adapted."""
    return open_start(find_start(model))


def find_start(model: str) -> RunFolder | ModelFile:
    """Find and check a start by its name or path, without importing Keras, which takes 10 s.

    Raises `ModelError` if it is not there or cannot be adapted.
    """
    path = path_of(model)
    if not is_shipped(path) and not is_in_store(path) and RunFolder(path).config.is_file():
        run = RunFolder(path)
        run.check()
        _check_sentiment(run.path, has_classes=run.load_config().classes is not None)
        return run
    file = ModelFile.load(find_model(model))
    check_agreement(file)
    _check_sentiment(file.path, has_classes=file.facts.has_classes)
    if file.facts.preset not in PRESETS:
        raise _not_adaptable(
            file, f"this version of the toolkit has no preset '{file.facts.preset}'"
        )
    return file


def _not_adaptable(model: ModelFile, why: str) -> ModelError:
    return ModelError(
        f"{model.path}: its network cannot be adapted: {why}. Choose with --from one of "
        f"{', '.join(SHIPPED)}, or the run folder of the model, if this version of the toolkit "
        "wrote it."
    )


def open_start(found: RunFolder | ModelFile) -> Start:
    """Load the network of a start with Keras; raise `ModelError` if it cannot be adapted."""
    return _of_file(found) if isinstance(found, ModelFile) else _of_run(found)


def _check_sentiment(path: Path, *, has_classes: bool) -> None:
    """Raise `ModelError` for a model of classes, which cannot be adapted."""
    if has_classes:
        raise ModelError(
            f"{path}: has classes of its own, but only models of negative and positive can be "
            "adapted. Choose another with --from, or train classes without --from."
        )


def _of_run(run: RunFolder) -> Start:
    from toolkit.networks.network_files import graph_of_network, load_keras

    config = run.load_config()
    network = load_keras(run.model)
    if graph_of_network(network) is None:
        raise ModelError(
            f"{run.model}: the network {network.name} is not one of this toolkit, so it cannot be "
            "adapted. Choose another run folder or a shipped model with --from."
        )
    found = sha256_of(run.model)
    licence = None if config.start_release is None else config.start_release.licence
    return Start(
        network=network,
        vocabulary=run.load_vocabulary(config),
        vocabulary_size=config.vocabulary_size,
        preset=config.preset,
        max_tokens=config.max_tokens,
        facts=StartModel(run.path.resolve().name, config.preset, found, licence=licence),
        threshold=config.usual_threshold,
        stars=config.stars,
        neutral=config.neutral,
        release=config.start_release,
    )


def _of_file(model: ModelFile) -> Start:
    """Rebuild the Keras network from the ONNX graph: shipped models have no other file."""
    from toolkit.networks.network_files import network_of_graph

    try:
        network = network_of_graph(model.network)
    except ValueError as error:
        raise _not_adaptable(model, f"damaged, {error}") from None
    if network is None:
        raise _not_adaptable(
            model, "its graph differs from what this version of the toolkit writes"
        )
    found = model.facts
    facts = StartModel(
        name=model.name,
        preset=found.preset,
        sha256=model.sha256,
        version=found.release.model_version,
        licence=found.release.licence,
    )
    return Start(
        network=network,
        vocabulary=model.vocabulary,
        vocabulary_size=found.vocabulary_size,
        preset=found.preset,
        max_tokens=found.max_tokens,
        facts=facts,
        threshold=found.threshold,
        stars=found.stars,
        neutral=found.neutral,
        release=found.release,
    )


Floats = npt.NDArray[np.float64]

# Standard deviations of the priors of scale and bias, chosen on domains that a start did not know.
# With twice as much for the bias, 20 labels cost up to 0.6 points of balanced accuracy.
_OF_SCALE = 0.25
_OF_BIAS = 0.25
_SMALLEST_SCALE = 0.05  # so that the start still counts, and in the same direction
_MORE_OF_EACH = 2.0  # reviews added to each label, to smooth the share of positives

_STEPS = 200
_SMALL_GAIN = 1e-7  # relative gain of the loss below which a fit ends
AS_IT_IS = "as it is"
SCALE_AND_BIAS = "scale and bias"
UNLABELLED = "unlabelled"
WORDS = "words"

# Standard deviations of the weights of words. The first is preferred: on domains that a start did
# not know, it never did harm. With few labels, another one that looks better is mostly chance.
_STRENGTHS = (0.8, 0.4, 1.6, 0.2, 3.2)

# Words that learn from reviews without labels: the standard deviation of their weights, and the
# share of their logit that is added to the logit of the start.
_OF_TAUGHT = 1.6
_TAUGHT_SHARE = 0.5

# How much worse counts as noise, in standard errors of the mean difference of the losses. With less
# than 2 between strengths, 20 labels chose the ends of the list, at a cost of 0.3 points. With 1
# for the start, it was kept although 20 to 50 labels made its probabilities much better.
_NOISE_OF_PRIORS = 2.0
_NOISE_OF_WORDS = 1.0
_NOISE_OF_START = 0.25
_NOISE_OF_TAUGHT = 0.25
_FEWEST_FOR_WORDS = 8  # reviews of each label; with fewer, words lost up to a point
FEWEST_REVIEWS = 3  # a word of fewer reviews is not added to the vocabulary
_MOST_ADDED = 20_000  # words


@dataclass(frozen=True)
class LabelledVectors:
    """Labelled reviews as arrays.

    `taught` are the logits of words that have learned to predict the start on reviews without
    labels; None without such reviews.
    """

    start: Floats  # (reviews,) float64: the logits of the start
    words: Any  # (reviews, ids) float64, sparse: see `word_shares`
    targets: Floats  # (reviews,) float64: the labels, 0 to 1
    start_odds: float = 0.0  # log-odds of the share of positives that the start assumes; 0: a half
    taught: Floats | None = None  # (reviews,)

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: Rows) -> LabelledVectors:
        """Return the reviews at some positions."""
        return replace(
            self,
            start=self.start[rows],
            words=self.words[rows],
            targets=self.targets[rows],
            taught=None if self.taught is None else self.taught[rows],
        )


@dataclass(frozen=True)
class Prior:
    """The expected weights, before any label is seen.

    - `expects_share`: expect the bias that corrects the share of positives; otherwise expect 0
    - `words`: standard deviation of the weights of words; 0: words have no weights
    - `taught`: share of `LabelledVectors.taught` in the logit
    """

    expects_share: bool
    words: float = 0.0
    taught: float = 0.0


@dataclass(frozen=True)
class Weights:
    """Weights of the logit ``scale · z + taught · t + bias + words · x``; `words` is (ids,)."""

    scale: float
    bias: float
    words: Floats
    taught: float = 0.0

    def logits(self, examples: LabelledVectors) -> Floats:
        """Return the logits, (reviews,)."""
        found: Floats = self.scale * examples.start + self.bias + examples.words @ self.words
        return found if examples.taught is None else found + self.taught * examples.taught

    def with_taught(self, words: Floats, bias: float) -> Weights:
        """Return weights that include the taught words (ids,) and their bias by their share."""
        return Weights(
            scale=self.scale,
            bias=self.bias + self.taught * bias,
            words=self.words + self.taught * words,
        )


def positive_share(targets: Floats) -> float:
    """Return the share of positives, 0 to 1, smoothed by some more reviews of each label."""
    positives = targets.sum() + _MORE_OF_EACH
    return float(positives / (len(targets) + 2 * _MORE_OF_EACH))


def fit(examples: LabelledVectors, prior: Prior | None) -> Weights:
    """Return the most probable weights; without a prior, the weights that keep the start as is."""
    from scipy.optimize import minimize

    weights = np.zeros(examples.words.shape[1])
    if prior is None:
        return Weights(1.0, 0.0, weights)
    seen = np.unique(examples.words.indices) if prior.words else np.zeros(0, np.int64)
    words = examples.words[:, seen]
    turned = words.T.tocsr()
    center = np.zeros(2 + len(seen))
    share = positive_share(examples.targets)
    odds = np.log(share / (1 - share)) - examples.start_odds
    center[:2] = 1.0, odds if prior.expects_share else 0.0
    precision = np.full(len(center), prior.words**-2.0 if prior.words else 0.0)
    precision[:2] = _OF_SCALE**-2, _OF_BIAS**-2

    fixed = 0.0 if examples.taught is None else prior.taught * examples.taught

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logits = parameters[0] * examples.start + parameters[1] + words @ parameters[2:] + fixed
        excess = sigmoid(logits) - examples.targets
        away = parameters - center
        slopes = np.concatenate([[excess @ examples.start, excess.sum()], turned @ excess])
        value = losses(logits, examples.targets).sum() + 0.5 * (precision * away**2).sum()
        return float(value), slopes + precision * away

    bounds = [(_SMALLEST_SCALE, None)] + [(None, None)] * (len(center) - 1)
    options = {"maxiter": _STEPS, "ftol": _SMALL_GAIN}
    found = minimize(loss, center, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    weights[seen] = found[2:]
    return Weights(scale=float(found[0]), bias=float(found[1]), words=weights, taught=prior.taught)


def learn_words(words: Any, targets: Floats) -> tuple[Floats, float]:
    """Fit words alone to the predictions of the start for reviews without labels.

    `words` (reviews, ids) is as in `LabelledVectors`; `targets` (reviews,) are the probabilities of
    the start. Returns the most probable weights (ids,) and bias.
    """
    examples = LabelledVectors(np.zeros(words.shape[0]), words, targets)
    found = fit(examples, Prior(expects_share=False, words=_OF_TAUGHT))
    return found.words, found.bias


def losses(logits: Floats, targets: Floats) -> Floats:
    """Return the cross-entropy of each review, (reviews,)."""
    found: Floats = np.logaddexp(0, logits) - targets * logits
    return found


@dataclass(frozen=True)
class Candidate:
    """A way to adapt, with the best of its priors; None: no change.

    `logits` (reviews,) float64 are cross-validated: each is from a fit on other reviews.
    """

    name: str
    prior: Prior | None
    logits: Floats

    def losses(self, examples: LabelledVectors) -> Floats:
        """Return the loss of each review, (reviews,)."""
        return losses(self.logits, examples.targets)


@dataclass(frozen=True)
class ChosenFit:
    """The candidate that is kept, all candidates (the simplest first), and the fitted weights."""

    kept: Candidate
    candidates: tuple[Candidate, ...]
    weights: Weights


def choose(examples: LabelledVectors, splits: Sequence[Split]) -> ChosenFit:
    """Cross-validate all candidates, and fit the best one on all reviews."""

    def tried(name: str, *priors: Prior) -> Candidate:
        found = [
            Candidate(name=name, prior=prior, logits=_cross_validated(examples, splits, prior))
            for prior in priors
        ]
        return _first(found, examples, [_NOISE_OF_PRIORS] * len(found))

    scaled = tried(SCALE_AND_BIAS, Prior(expects_share=True), Prior(expects_share=False))
    candidates = [Candidate(AS_IT_IS, None, examples.start), scaled]
    expects_share = scaled.prior is None or scaled.prior.expects_share
    share = 0.0 if examples.taught is None else _TAUGHT_SHARE
    if share:
        candidates.append(tried(UNLABELLED, Prior(expects_share, taught=share)))
    positives = np.count_nonzero(is_positive(examples.targets))
    if min(positives, len(examples) - positives) >= _FEWEST_FOR_WORDS:
        priors = [Prior(expects_share, strength, share) for strength in _STRENGTHS]
        candidates.append(tried(WORDS, *priors))
    noises = {
        AS_IT_IS: _NOISE_OF_START,
        SCALE_AND_BIAS: _NOISE_OF_TAUGHT if share else _NOISE_OF_WORDS,
        UNLABELLED: _NOISE_OF_WORDS,
    }
    kept = _first(candidates, examples, [noises.get(each.name, 0.0) for each in candidates])
    return ChosenFit(kept, tuple(candidates), fit(examples, kept.prior))


def _first(
    candidates: Sequence[Candidate], examples: LabelledVectors, noises: Sequence[float]
) -> Candidate:
    """Return the first candidate that is not worse than the best one by more than its noise.

    `noises` are in standard errors, one for each candidate.
    """
    losses_of = [candidate.losses(examples) for candidate in candidates]
    best = min(losses_of, key=lambda found: float(found.mean()))
    for candidate, found, noise in zip(candidates, losses_of, noises, strict=False):
        more = found - best
        if more.mean() <= noise * more.std(ddof=1) / np.sqrt(len(more)):
            return candidate
    return candidates[-1]


def _cross_validated(examples: LabelledVectors, splits: Sequence[Split], prior: Prior) -> Floats:
    found = np.empty(len(examples))
    for split in splits:
        weights = fit(examples.take(split.fitted), prior)
        found[split.held_out] = weights.logits(examples.take(split.held_out))
    return found


def extended(vocabulary: Vocabulary, texts: pa.ChunkedArray) -> Vocabulary:
    """Add the words of several texts, the most frequent first; known words keep their ids."""
    found = Vocabulary.build(texts, rule=vocabulary.rule).words
    known = pa.concat_arrays([vocabulary.words, vocabulary.spellings.strings])
    unknown = found.filter(pc.invert(pc.is_in(found, value_set=known)))
    alone = Vocabulary(unknown, vocabulary.rule)
    ids = alone.encode(texts)
    in_reviews = np.asarray((counts_of(ids, alone.size) > 0).sum(axis=0)).ravel()
    often = np.flatnonzero(in_reviews[FIRST_WORD_ID:] >= FEWEST_REVIEWS)[:_MOST_ADDED]
    words = pa.concat_arrays([vocabulary.words, unknown.take(pa.array(often))])
    return Vocabulary(words, vocabulary.rule)


def word_shares(ids: TokenIds, size: int) -> Any:
    """Return the count of each word over √(n + 1) for n tokens: (reviews, size) float64, sparse.

    `ids` include the start id if there is one. The network `toolkit.networks.adapted` multiplies
    these numbers by its weights.
    """
    from scipy import sparse

    tokens = np.bincount(ids.rows, ids.values > START_ID, minlength=len(ids))
    return sparse.diags(1 / np.sqrt(tokens + 1)) @ counts_of(ids, size)


@dataclass(frozen=True)
class AdaptedNetwork:
    """An adapted network, (batch, tokens) int32 → (batch, 1) float32, and how it was fitted.

    The log-odds of `border` are subtracted from the logit. So a review gets more than 0.5 if it is
    more positive than usual, and both labels are found, even if one of them is rare.
    """

    network: Any
    start: Start
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    border: float  # the probability that became 0.5, such as the share of positives
    choice: ChosenFit
    examples: LabelledVectors

    def probabilities(self, texts: pa.ChunkedArray) -> Probabilities:
        """Return the probabilities of reviews, (reviews,) float32."""
        ids = self.start.encode(self.vocabulary, texts)
        return in_batches(lambda rows: self.network(rows, training=False), ids, self.start.width)


def adapt_network(
    start: Start,
    reviews: Reviews,
    splits: Sequence[Split],
    unlabelled: pa.ChunkedArray | None = None,
) -> AdaptedNetwork:
    """Choose by cross-validation how to adapt a network, and fit it on all reviews.

    Each review has to be held out in exactly one of the splits. `unlabelled` are texts of the same
    kind. The result contains the network of the start, or a copy of it.
    """
    from threadpoolctl import threadpool_limits

    texts = reviews.texts
    if unlabelled is not None:
        texts = pa.chunked_array([*texts.chunks, *unlabelled.cast(texts.type).chunks], texts.type)
    words = extended(start.vocabulary, texts)
    examples = examples_of(start, words, reviews)
    taught = np.zeros(words.size)
    bias = 0.0
    # With short vectors, two threads mostly wait for each other.
    with threadpool_limits(1, "blas"):
        if unlabelled is not None:
            logits, shares = _read(start, words, unlabelled)
            taught, bias = learn_words(shares, sigmoid(logits))
            examples = replace(examples, taught=examples.words @ taught + bias)
        choice = choose(examples, splits)
    kept = choice.kept.name
    weights = choice.weights.with_taught(taught, bias)
    border = border_of(kept, start, examples)
    weights = replace(weights, bias=weights.bias - log_odds(border))
    has_words = kept in (UNLABELLED, WORDS)
    return AdaptedNetwork(
        network=_with_words(start, weights) if has_words else _rescaled(start, weights),
        start=start,
        vocabulary=words if has_words else start.vocabulary,
        vocabulary_size=words.size if has_words else start.vocabulary_size,
        border=border,
        choice=replace(choice, weights=weights),
        examples=examples,
    )


def _with_words(start: Start, weights: Weights) -> Any:
    """Return the network of the start model with weights per word added."""
    from toolkit.networks import adapted

    return adapted.freeze(
        base=start.network,
        known=start.vocabulary.size,
        weights=weights.words.astype(np.float32),
        base_scale=weights.scale,
        bias=weights.bias,
    )


def _rescaled(start: Start, weights: Weights) -> Any:
    """Return the network of a start with another scale and bias."""
    from toolkit.networks import adapted

    if weights.scale == 1.0 and weights.bias == 0.0:
        return start.network
    return adapted.calibrated(start.network, weights.scale, weights.bias)


def examples_of(start: Start, words: Vocabulary, reviews: Reviews) -> LabelledVectors:
    """Return arrays of labelled reviews; `words` has to extend the start's vocabulary."""
    logits, shares = _read(start, words, reviews.texts)
    targets = reviews.targets.astype(np.float64)
    # The threshold differs from a half if an older version of the toolkit adapted the start to a
    # share of positives.
    return LabelledVectors(
        start=logits,
        words=shares,
        targets=targets,
        start_odds=log_odds(start.threshold),
    )


def _read(start: Start, words: Vocabulary, texts: pa.ChunkedArray) -> tuple[Floats, Any]:
    """Return the logits of the start, (reviews,), and `word_shares` by a longer vocabulary."""
    from toolkit.networks.adapted import logits_of_network

    known = start.encode(start.vocabulary, texts)
    logits = in_batches(lambda rows: logits_of_network(start.network, rows), known, start.width)
    shares = word_shares(start.encode(words, texts), words.size)
    return logits.astype(np.float64), shares


def log_odds(probability: float) -> float:
    """Return the logit of a probability: 0 for 0.5."""
    (found,) = logits_of(np.array([probability]))
    return float(found)


def border_of(candidate: str, start: Start, examples: LabelledVectors) -> float:
    """Return the probability that becomes 0.5 in the adapted network of a candidate.

    It is the threshold of the start, or the share of positives with four significant digits.
    """
    if candidate == AS_IT_IS:
        return start.threshold
    share = positive_share(examples.targets)
    return round(share, 3 - floor(log10(min(share, 1 - share))))

"""From a start and labelled reviews to the adapted network, without files.

The start is a shipped model, a model file or a run folder. Of three candidates, the simplest is
kept that is not worse than the best one beyond noise.
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

from toolkit.errors import ModelError
from toolkit.files import sha256_of
from toolkit.model import SHIPPED, find_model, is_shipped
from toolkit.model.agreement import check_agreement
from toolkit.model.classes import DEFAULT_THRESHOLD, is_positive
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
    """A network of this toolkit, `vocabulary`, and how it reads reviews."""

    network: Any  # (batch, tokens) int32 → (batch, 1) float32
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    preset: str
    max_tokens: int
    facts: StartModel
    threshold: float = DEFAULT_THRESHOLD  # from which it calls reviews positive
    stars: StarScale | None = None
    neutral: NeutralRange | None = None
    release: Release | None = None  # what it says of itself and of what it has learned from

    @property
    def width(self) -> int | None:
        """Tokens in each row that it reads; None for any number up to `max_tokens`."""
        found: int | None = self.network.input_shape[-1]
        return found

    def encode(self, vocabulary: Vocabulary, texts: pa.ChunkedArray) -> TokenIds:
        """Give the ids that the network reads, by this vocabulary or a longer one."""
        return vocabulary.encode(texts, last=self.max_tokens).with_start(self.max_tokens)


def load_start(model: str) -> Start:
    """Load a start by its name or path; raises `ModelError` if there is none to adapt."""
    return open_start(find_start(model))


def find_start(model: str) -> RunFolder | ModelFile:
    """Find and check a start by its name or path, without Keras, which takes 10 s to import.

    Raises `ModelError` if there is none.
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
        f"{', '.join(SHIPPED)}, or the run folder that it was exported from if that is of this "
        "version."
    )


def open_start(found: RunFolder | ModelFile) -> Start:
    """Load the network of a start with Keras; raises `ModelError` if it cannot be adapted."""
    return _of_file(found) if isinstance(found, ModelFile) else _of_run(found)


def _check_sentiment(path: Path, *, has_classes: bool) -> None:
    """Raise `ModelError` for a model of classes, which cannot be adapted."""
    if has_classes:
        raise ModelError(
            f"{path}: tells classes of its own, and only models that tell negative from positive "
            "can be adapted. Choose another with --from, or train classes without --from."
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
    facts = StartModel(run.path.resolve().name, config.preset, found, licence=licence)
    vocabulary, size = run.load_vocabulary(config), config.vocabulary_size
    told = (config.usual_threshold, config.stars, config.neutral, config.start_release)
    return Start(network, vocabulary, size, config.preset, config.max_tokens, facts, *told)


def _of_file(model: ModelFile) -> Start:
    """Make the Keras network again from the graph: shipped models have no other file."""
    from toolkit.networks.network_files import network_of_graph

    try:
        network = network_of_graph(model.network)
    except ValueError as error:
        raise _not_adaptable(model, f"damaged, {error}") from None
    if network is None:
        raise _not_adaptable(model, "its graph is not as this version of the toolkit writes it")
    found = model.facts
    version = found.release.model_version
    licence = found.release.licence
    facts = StartModel(model.name, found.preset, model.sha256, version, licence)
    size, preset = found.vocabulary_size, found.preset
    told = (found.threshold, found.stars, found.neutral, found.release)
    return Start(network, model.vocabulary, size, preset, found.max_tokens, facts, *told)


Floats = npt.NDArray[np.float64]

# Deviations of the priors of scale and bias, chosen on domains that a start did not know. Twice as
# much for the bias let 20 labels cost up to 0.6 points of balanced accuracy.
_OF_SCALE, _OF_BIAS = 0.25, 0.25
_SMALLEST_SCALE = 0.05  # so that the start still counts, and in the same direction
_MORE_OF_EACH = 2.0  # reviews of either label that are added before their share is taken

_STEPS = 200
_SMALL_GAIN = 1e-7  # of the loss, relative, below which a fit ends
AS_IT_IS, SCALE_AND_BIAS, UNLABELLED, WORDS = "as it is", "scale and bias", "unlabelled", "words"

# Deviations of the weights of words, the one to prefer first: on domains that a start did not know,
# it never did harm. Few labels say little about the best one, and the others are as likely chance.
_STRENGTHS = (0.8, 0.4, 1.6, 0.2, 3.2)

# What words learn from reviews without labels: the deviation of their weights, and the share of
# what they say that is added to the start.
_OF_TAUGHT, _TAUGHT_SHARE = 1.6, 0.5

# What counts as noise, in standard errors of the mean difference of the losses. Between strengths,
# less let 20 labels choose the ends of the list, at a cost of 0.3 points. For the start to be kept,
# with 1 it was where 20 to 50 labels would have made its probabilities much better.
_NOISE_OF_PRIORS, _NOISE_OF_WORDS, _NOISE_OF_START = 2.0, 1.0, 0.25
_NOISE_OF_TAUGHT = 0.25
_FEWEST_FOR_WORDS = 8  # reviews of either label; fewer made words lose up to a point
FEWEST_REVIEWS = 3  # that have a word which is added
_MOST_ADDED = 20_000


@dataclass(frozen=True)
class Examples:
    """Labelled reviews as the fit sees them.

    `taught` are the logits of words that have learned from reviews without labels what the start
    says of them; None without such reviews.
    """

    start: Floats  # (reviews,) float64: the logits of the start
    words: Any  # (reviews, ids) float64, sparse: see `word_shares`
    targets: Floats  # (reviews,) float64: the labels, 0 to 1
    start_odds: float = 0.0  # of the share of positives that the start is made for; 0: one half
    taught: Floats | None = None  # (reviews,)

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: Rows) -> Examples:
        """Those at some positions."""
        taught = None if self.taught is None else self.taught[rows]
        start, words, targets = self.start[rows], self.words[rows], self.targets[rows]
        return replace(self, start=start, words=words, targets=targets, taught=taught)


@dataclass(frozen=True)
class Prior:
    """What is expected before any label is seen.

    `expects_share`: the bias makes up for another share of positives than the start is made for;
    else the bias is 0. `words`: deviation of the weight of a word; with 0, words have
    none. `taught`: the share of what words have learned from reviews without labels.
    """

    expects_share: bool
    words: float = 0.0
    taught: float = 0.0


@dataclass(frozen=True)
class Weights:
    """The logit ``scale · z + taught · t + bias + words · x``; `words` (ids,) may be all zero."""

    scale: float
    bias: float
    words: Floats
    taught: float = 0.0

    def logits(self, examples: Examples) -> Floats:
        """Give the logits, (reviews,)."""
        found: Floats = self.scale * examples.start + self.bias + examples.words @ self.words
        return found if examples.taught is None else found + self.taught * examples.taught

    def with_taught(self, words: Floats, bias: float) -> Weights:
        """Add the share of the words (ids,) and the bias that say what is taught."""
        added = self.taught * words, self.taught * bias
        return Weights(self.scale, self.bias + added[1], self.words + added[0])


def positive_share(targets: Floats) -> float:
    """Give the share of positives, 0 to 1, as if there were some more reviews of both labels."""
    positives = targets.sum() + _MORE_OF_EACH
    return float(positives / (len(targets) + 2 * _MORE_OF_EACH))


def fit(examples: Examples, prior: Prior | None) -> Weights:
    """Find the most probable weights; without a prior, those that leave the start as it is."""
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
    return Weights(float(found[0]), float(found[1]), weights, prior.taught)


def learn_words(words: Any, targets: Floats) -> tuple[Floats, float]:
    """Let words alone say what the start says of reviews without labels.

    `words` (reviews, ids) as in `Examples`, `targets` (reviews,) the probabilities of the start.
    The weights (ids,) and the bias are the most probable ones.
    """
    examples = Examples(np.zeros(words.shape[0]), words, targets)
    found = fit(examples, Prior(expects_share=False, words=_OF_TAUGHT))
    return found.words, found.bias


def losses(logits: Floats, targets: Floats) -> Floats:
    """Give the cross-entropy of each review, (reviews,)."""
    found: Floats = np.logaddexp(0, logits) - targets * logits
    return found


@dataclass(frozen=True)
class Candidate:
    """A way to adapt: the best of its priors, None for no change, and its cross-validated logits.

    A review's logit, (reviews,) float64, comes from a fit on other reviews.
    """

    name: str
    prior: Prior | None
    logits: Floats

    def losses(self, examples: Examples) -> Floats:
        """Give the loss of each review, (reviews,)."""
        return losses(self.logits, examples.targets)


@dataclass(frozen=True)
class Choice:
    """The candidate that is kept, of all, the simplest first; and its weights by all reviews."""

    kept: Candidate
    candidates: tuple[Candidate, ...]
    weights: Weights


def choose(examples: Examples, splits: Sequence[Split]) -> Choice:
    """Cross-validate all candidates, and fit the one to keep on all reviews."""

    def tried(name: str, *priors: Prior) -> Candidate:
        logits = [_cross_validated(examples, splits, prior) for prior in priors]
        found = [Candidate(name, *one) for one in zip(priors, logits, strict=True)]
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
    kept = _first(candidates, examples, [noises.get(one.name, 0.0) for one in candidates])
    return Choice(kept, tuple(candidates), fit(examples, kept.prior))


def _first(
    candidates: Sequence[Candidate], examples: Examples, noises: Sequence[float]
) -> Candidate:
    """Give the first that is not worse than the best one beyond its noise, in standard errors."""
    losses_of = [one.losses(examples) for one in candidates]
    best = min(losses_of, key=lambda found: float(found.mean()))
    for one, found, noise in zip(candidates, losses_of, noises, strict=False):
        more = found - best
        if more.mean() <= noise * more.std(ddof=1) / np.sqrt(len(more)):
            return one
    return candidates[-1]


def _cross_validated(examples: Examples, splits: Sequence[Split], prior: Prior) -> Floats:
    found = np.empty(len(examples))
    for split in splits:
        weights = fit(examples.take(split.fitted), prior)
        found[split.held_out] = weights.logits(examples.take(split.held_out))
    return found


def extended(vocabulary: Vocabulary, texts: pa.ChunkedArray) -> Vocabulary:
    """Add the words that several texts have, the commonest first; known words keep their ids."""
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
    """Count each word, over √(n + 1) for n tokens: (reviews, size) float64, sparse.

    `ids` have the start id where there is one. These are the numbers that the network
    `toolkit.networks.adapted` multiplies by its weights.
    """
    from scipy import sparse

    tokens = np.bincount(ids.rows, ids.values > START_ID, minlength=len(ids))
    return sparse.diags(1 / np.sqrt(tokens + 1)) @ counts_of(ids, size)


@dataclass(frozen=True)
class AdaptedNetwork:
    """A network, (batch, tokens) int32 → (batch, 1) float32, its words, and how it came about.

    The log-odds of `border` are taken from the logit, so that 0.5 is where a review is more
    positive than most, and both labels are found, however rare one is.
    """

    network: Any
    start: Start
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    border: float  # the probability that became 0.5, such as the share of positives
    choice: Choice
    examples: Examples

    def probabilities(self, texts: pa.ChunkedArray) -> Probabilities:
        """Give the probabilities of reviews, (reviews,) float32."""
        ids = self.start.encode(self.vocabulary, texts)
        return in_batches(lambda rows: self.network(rows, training=False), ids, self.start.width)


def adapt_network(
    start: Start,
    reviews: Reviews,
    splits: Sequence[Split],
    unlabelled: pa.ChunkedArray | None = None,
) -> AdaptedNetwork:
    """Choose by cross-validation how to adapt a network, and fit it on all reviews.

    Each review is held out in one of the splits. `unlabelled` are texts of the same kind. The
    start's own network is a part of the result, or a copy of it is.
    """
    from threadpoolctl import threadpool_limits

    from toolkit.networks import adapted

    texts = reviews.texts
    if unlabelled is not None:
        texts = pa.chunked_array([*texts.chunks, *unlabelled.cast(texts.type).chunks], texts.type)
    words = extended(start.vocabulary, texts)
    examples = examples_of(start, words, reviews)
    taught, bias = np.zeros(words.size), 0.0
    # With short vectors, two threads mostly wait for each other.
    with threadpool_limits(1, "blas"):
        if unlabelled is not None:
            logits, shares = _read(start, words, unlabelled)
            taught, bias = learn_words(shares, sigmoid(logits))
            examples = replace(examples, taught=examples.words @ taught + bias)
        choice = choose(examples, splits)
    kept, weights = choice.kept.name, choice.weights.with_taught(taught, bias)
    border = border_of(kept, start, examples)
    weights = replace(weights, bias=weights.bias - log_odds(border))
    vocabulary, size, network = start.vocabulary, start.vocabulary_size, start.network
    if kept in (UNLABELLED, WORDS):
        vocabulary, size = words, words.size
        of_words = weights.words.astype(np.float32)
        known = start.vocabulary.size
        network = adapted.freeze(network, known, of_words, weights.scale, weights.bias)
    elif (weights.scale, weights.bias) != (1.0, 0.0):
        network = adapted.calibrated(network, weights.scale, weights.bias)
    choice = replace(choice, weights=weights)
    return AdaptedNetwork(network, start, vocabulary, size, border, choice, examples)


def examples_of(start: Start, words: Vocabulary, reviews: Reviews) -> Examples:
    """Let the start read reviews, with a vocabulary that begins with its own."""
    logits, shares = _read(start, words, reviews.texts)
    targets = reviews.targets.astype(np.float64)
    # A threshold other than a half is that of a start which an older version of the toolkit adapted
    # to a share of positives.
    return Examples(logits, shares, targets, log_odds(start.threshold))


def _read(start: Start, words: Vocabulary, texts: pa.ChunkedArray) -> tuple[Floats, Any]:
    """Give the logits of the start, (reviews,), and `word_shares` by a longer vocabulary."""
    from toolkit.networks.adapted import logits_of_network

    known = start.encode(start.vocabulary, texts)
    logits = in_batches(lambda rows: logits_of_network(start.network, rows), known, start.width)
    shares = word_shares(start.encode(words, texts), words.size)
    return logits.astype(np.float64), shares


def log_odds(probability: float) -> float:
    """Return the logit of a probability; of 0.5 it is 0."""
    (found,) = logits_of(np.array([probability]))
    return float(found)


def border_of(candidate: str, start: Start, examples: Examples) -> float:
    """Return from which probability a candidate calls reviews positive, before that becomes 0.5.

    It is the threshold of the start, or the share of positives with four digits that count.
    """
    if candidate == AS_IT_IS:
        return start.threshold
    share = positive_share(examples.targets)
    return round(share, 3 - floor(log10(min(share, 1 - share))))

"""The recipes `ngram-linear` and `ngram-pool`, from reviews to the frozen network.

Which expert of `ngram-pool` reads a review is a rule of whole numbers, added up over its words: a
logistic regression over the words that a review has, as often as it has them, rounded; see
`toolkit.networks.ngram_pool`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.errors import TrainingError
from toolkit.networks import import_keras
from toolkit.networks.bigrams import Bigrams
from toolkit.networks.ngram_linear import LinearNetwork, log_ratios
from toolkit.networks.ngram_pool import MOST_EXPERTS, Lookup, PoolNetwork, negator_flags
from toolkit.records.labels import Targets
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds
from toolkit.training.data import FitTask
from toolkit.training.fit_ragged import Corpus, Schedule, fit_and_freeze, start
from toolkit.training.result import Fit
from toolkit.training.word_vectors import word_and_bigram_vectors

LINEAR = Schedule(epochs=5, batch_size=128, learning_rate=0.05)
POOL = Schedule(
    epochs=3, batch_size=256, learning_rate=3e-3, word_dropout=0.1, tokens_of_a_review=15
)
_MOST_BIGRAMS = 200_000  # to choose from: they cost no time, and many domains have many
# The first of the vectors are used: those of a decomposition that is no larger are less exact.
_DIMENSIONS_MADE, _DIMENSIONS = 64, 48

LONG_TOKENS = 40  # reviews of fewer have an expert of their own
FEWEST_REVIEWS = 50  # positive, and negative, for an expert: one without reviews answers at random
_MOST_REVIEWS = 70_000  # of each kind
_PENALTY = 3e-5  # of the squares of the weights
_PASSES = 12
_UNITS = 8  # of the rounded numbers in one of the logit
_LARGEST = 1_000  # 512 of them stay far below 2**31
_MARGIN = 1.0  # of the logit: the second expert reads only what is surely its own


def fit_linear(task: FitTask) -> Fit:
    """Fit a weight for each word and each hashed bigram."""
    corpus = start(task)
    examples = corpus.examples(LINEAR, task.options.teacher_weight)
    task.observer.stage("weights of words and pairs")
    size = corpus.vocabulary.size
    ratios = log_ratios(examples.tokens, examples.targets, examples.weights, size)
    network = LinearNetwork(ratios, size)
    return fit_and_freeze(task, corpus, network, network.freeze, LINEAR, examples)


def fit_pool(task: FitTask) -> Fit:
    """Fit a vector for each word, plain and negated, and each common bigram, pooled."""
    corpus, options = start(task), task.options
    bigrams = Bigrams.build(corpus.tokens, corpus.vocabulary.size, _MOST_BIGRAMS)
    task.observer.stage("vectors of words and pairs, from all reviews")
    words, pairs = word_and_bigram_vectors(
        corpus.tokens,
        bigrams.rows(corpus.tokens),
        (corpus.vocabulary.size, len(bigrams)),
        _DIMENSIONS_MADE,
        options.seed,
    )
    lookup, experts = _lookup(task, corpus, bigrams)
    import_keras().utils.set_random_seed(options.seed)
    network = PoolNetwork(words[:, :_DIMENSIONS], pairs[:, :_DIMENSIONS], lookup, experts)
    task.observer.stage("network: vectors of words and pairs, pooled")
    examples = corpus.examples(POOL, options.teacher_weight, bigrams)
    freeze = partial(network.freeze, bigrams)
    return fit_and_freeze(task, corpus, network, freeze, POOL, examples, bigrams)


def _lookup(task: FitTask, corpus: Corpus, bigrams: Bigrams) -> tuple[Lookup, int]:
    """What finds rows of tables and experts, and how many there are: one without topics."""
    size, fitted = corpus.vocabulary.size, corpus.data.fitted
    negators = negator_flags(corpus.vocabulary.words.to_pylist())
    if fitted.topics is None:
        return Lookup(negators, bigrams.slots, len(bigrams), np.zeros(size, np.int32)), 1
    is_second = fitted.topics > 0
    tokens = corpus.tokens.first(len(fitted))
    counts = reviews_of_experts(tokens, fitted.targets, is_second)
    task.observer.stage(f"experts: {', '.join(f'{n:,} {name}' for name, n in counts.items())}")
    routes, limit = fit_routes(tokens, is_second, size, task.options.seed)
    long_tokens = LONG_TOKENS if len(counts) == MOST_EXPERTS else 0
    lookup = Lookup(negators, bigrams.slots, len(bigrams), routes, limit, long_tokens)
    return lookup, len(counts)


def reviews_of_experts(
    tokens: TokenIds, targets: Targets, is_second: npt.NDArray[np.bool_]
) -> dict[str, int]:
    """Count the labelled reviews of each expert, in their order.

    There are two for long reviews, of the more frequent and of the rarer topic; `TrainingError` if
    one has too few. The one for short reviews is left out if it has too few: the others read them.
    """
    is_long = tokens.lengths - tokens.has_start >= LONG_TOKENS
    parts = {
        "long reviews of the more frequent topic": is_long & ~is_second,
        "long reviews of the rarer topic": is_long & is_second,
        "short reviews": ~is_long,
    }
    fewest = {
        name: min(int((part & (targets >= 0.5)).sum()), int((part & (targets < 0.5)).sum()))
        for name, part in parts.items()
    }
    *long, short = parts
    for name in long:
        if fewest[name] < FEWEST_REVIEWS:
            raise TrainingError(
                f"--topic-column: of the {name} ({LONG_TOKENS} tokens or more), {fewest[name]:,} "
                f"have one of the labels; expected at least {FEWEST_REVIEWS}. Leave the option out."
            )
    if fewest[short] < FEWEST_REVIEWS:
        parts.pop(short)
    return {name: int(part.sum()) for name, part in parts.items()}


def fit_routes(
    tokens: TokenIds, is_second: npt.NDArray[np.bool_], size: int, seed: int
) -> tuple[Ids, int]:
    """Learn which reviews are for the second expert: routes (size,) int32 and their limit.

    `tokens` are of the reviews whose experts are known, `is_second` (reviews,) says which.
    """
    from sklearn.linear_model import SGDClassifier

    random = np.random.default_rng(seed)
    rows = np.sort(np.concatenate([_some(random, is_second), _some(random, ~is_second)]))
    model = SGDClassifier(
        loss="log_loss",
        alpha=_PENALTY,
        max_iter=_PASSES,
        tol=None,
        average=True,
        class_weight="balanced",
        random_state=seed,
    )
    model.fit(_counts(tokens.take(rows), size), is_second[rows])
    routes = np.clip(np.round(model.coef_[0] * _UNITS), -_LARGEST, _LARGEST).astype(np.int32)
    return routes, round((_MARGIN - float(model.intercept_[0])) * _UNITS)


def _some(random: np.random.Generator, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    rows = np.flatnonzero(chosen)
    return random.choice(rows, min(len(rows), _MOST_REVIEWS), replace=False)


def _counts(tokens: TokenIds, size: int) -> Any:
    """How often each review has each word: (reviews, size) float32, sparse."""
    from scipy import sparse

    is_word = tokens.values >= FIRST_WORD_ID
    places = (tokens.rows[is_word], tokens.values[is_word])
    ones = np.ones(len(places[0]), np.float32)
    return sparse.csr_matrix((ones, places), shape=(len(tokens), size))

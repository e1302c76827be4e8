"""The fit finds what is in the labels, and the choice keeps the start where nothing is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from toolkit.model.stars import sigmoid
from toolkit.training.adapt_fit import (
    AS_IT_IS,
    SCALE_AND_BIAS,
    WORDS,
    Choice,
    Examples,
    Floats,
    Prior,
    choose,
    fit,
    losses,
    positive_share,
)
from toolkit.training.reviews import Reviews
from toolkit.training.split import folds_for_few

IDS = 30


def make_examples(
    count: int, scale: float = 1.0, bias: float = 0.0, words: Floats | None = None, seed: int = 1
) -> Examples:
    """Reviews whose labels are drawn from a known scale, bias and weights of words."""
    random = np.random.default_rng(seed)
    start = random.normal(0, 2, count)
    present = sparse.csr_matrix(random.random((count, IDS)) < 0.2).astype(np.float64)
    logits = scale * start + bias + (present @ words if words is not None else 0)
    return Examples(start, present, (random.random(count) < sigmoid(logits)).astype(np.float64))


def chosen(examples: Examples, folds: int = 5) -> Choice:
    texts = pa.chunked_array([pa.array(["a"] * len(examples))])
    reviews = Reviews("some", texts, examples.targets.astype(np.int8))
    return choose(examples, folds_for_few(reviews, folds, seed=1))


def test_scale_and_bias_are_found() -> None:
    examples = make_examples(20_000, scale=0.5, bias=-1.5)
    found = fit(examples, Prior(expects_share=True))
    assert found.scale == pytest.approx(0.5, abs=0.05)
    assert found.bias == pytest.approx(-1.5, abs=0.1)
    assert not found.words.any()
    assert chosen(examples.take(np.arange(2000))).kept.name == SCALE_AND_BIAS


def test_words_are_found() -> None:
    words = np.zeros(IDS)
    words[[5, 7]] = 3.0, -3.0
    examples = make_examples(3000, words=words)
    choice = chosen(examples)
    assert choice.kept.name == WORDS
    assert choice.weights.words[5] > 2
    assert choice.weights.words[7] < -2
    assert np.abs(np.delete(choice.weights.words, [5, 7])).max() < 1


@pytest.mark.parametrize(("count", "least"), [(20, 2), (100, 3), (1000, 3)])
def test_labels_as_the_start_expects_them_keep_it(count: int, least: int) -> None:
    """By chance, another is better on some labels; then, it changes little."""
    choices = [chosen(make_examples(count, seed=seed)) for seed in range(6)]
    assert sum(choice.kept.name == AS_IT_IS for choice in choices) >= least
    new = make_examples(4000, seed=100)
    before = losses(new.start, new.targets).mean()
    after = [losses(choice.weights.logits(new), new.targets).mean() for choice in choices]
    assert np.mean(after) < before + 0.02


def test_few_labels_change_little() -> None:
    """However much the labels contradict the start."""
    examples = make_examples(20)
    contradicting = Examples(
        examples.start, examples.words, (examples.start < 0).astype(np.float64)
    )
    found = fit(contradicting, Prior(expects_share=False))
    assert 0 < found.scale < 1
    none = Examples(np.zeros(0), sparse.csr_matrix((0, IDS)), np.zeros(0))
    found = fit(none, Prior(expects_share=True, words=0.8))
    assert (found.scale, found.bias) == (1.0, 0.0)


@pytest.mark.parametrize(("count", "negatives"), [(300, 4), (20, 2), (20, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_rare_labels_are_still_found(count: int, negatives: int, seed: int) -> None:
    """The threshold, the share of positives, cuts the start near where it was cut before."""
    random = np.random.default_rng(seed)
    labels = np.ones(count)
    labels[:negatives] = 0
    start = random.normal(0, 1, count) + np.where(labels, 2.0, -2.0)
    words = sparse.csr_matrix(random.random((count, IDS)) < 0.2).astype(np.float64)
    examples = Examples(start, words, labels)
    choice = chosen(examples, folds=10)
    threshold = 0.5 if choice.kept.name == AS_IT_IS else positive_share(labels)
    new = np.linspace(-6, 6, 401)
    others = Examples(new, sparse.csr_matrix((401, IDS)), np.zeros(401))
    probability = sigmoid(choice.weights.logits(others))
    first = new[np.argmax(probability >= threshold)]
    assert -1.5 < first < 1.5
    assert abs(probability.mean() - 0.5) < 0.49


def test_the_gradient_is_that_of_the_loss() -> None:
    """Any other weights near by are less likely."""
    examples = make_examples(200, scale=0.7, bias=1.0)
    prior = Prior(expects_share=True, words=0.8)
    found = fit(examples, prior)

    def cost(scale: float, bias: float, words: Floats) -> float:
        logits = scale * examples.start + bias + examples.words @ words
        share = positive_share(examples.targets)
        away = ((scale - 1) / 0.25) ** 2 + ((bias - np.log(share / (1 - share))) / 0.25) ** 2
        away += (words**2).sum() / 0.8**2
        loss = np.logaddexp(0, logits) - examples.targets * logits
        return float(loss.sum() + 0.5 * away)

    least = cost(found.scale, found.bias, found.words)
    random = np.random.default_rng(1)
    for _ in range(20):
        near = random.normal(0, 0.05, 2 + IDS)
        assert cost(found.scale + near[0], found.bias + near[1], found.words + near[2:]) > least

"""What is agreed on by views becomes a target, as sure as the reviews allow."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs the extra 'train'")

from tests.training.making import make_reviews, make_unlabelled
from toolkit.training.data import FitData
from toolkit.training.presets import PRESETS
from toolkit.training.recipes.corpus import Corpus
from toolkit.training.recipes.soft_labels import View, soft_targets


def targets_of(labelled: list[float], unlabelled: list[float]) -> list[float]:
    """Of unlabelled reviews that one view gives such logits."""
    data = FitData(make_reviews(len(labelled)), None, make_unlabelled(len(unlabelled)))
    corpus = Corpus.of(PRESETS["ngram-cnn"], data)
    view = View(1.0, np.array([*labelled, *unlabelled], np.float32))
    found: list[float] = soft_targets(corpus, [view], 0.5)[len(labelled) :].tolist()
    return found


def test_many_different_ones_are_as_sure_as_labels() -> None:
    logits = np.linspace(-3, 3, 60)
    found = targets_of([-2.0, 2.0] * 10, logits.tolist())
    assert found == sorted(found)
    assert found[0] < 0.001
    assert found[-1] > 0.999
    assert found[29] == pytest.approx(1 - found[30], abs=1e-5)


@pytest.mark.parametrize("alike", [[0.05], [-0.01], [0.05, 0.06, 0.05]])
def test_few_that_are_all_alike_are_not_certain(alike: list[float]) -> None:
    for target in targets_of([-2.0, 2.0] * 10, alike):
        assert 0.4 < target < 0.7

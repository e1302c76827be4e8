"""How near the stars of the shipped models come to those of reviewers, on held-out reviews."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from exported.data import HELD_OUT, join
from tests.data import shared_data
from tests.models import EXPORTED
from toolkit import Scorer
from toolkit.evaluation.ratings import NEGATIVE, NEUTRAL, POSITIVE, Ratings, best_constants, rate

PRODUCTS_AND_HOTELS = (
    *("appliances", "baby", "cameras", "clothing", "electronics", "games", "hotels", "household"),
    *("laptops", "musical-instr", "phones", "software", "sports", "toys"),
)


@pytest.fixture(scope="module")
def reviews() -> pa.Table:
    """Reviews with stars that no model was fitted on, as they come."""
    found = join(shared_data("reviews").parent)
    is_of = pc.is_in(found["domain"], pa.array(PRODUCTS_AND_HOTELS, found["domain"].type))
    is_held_out = pc.equal(found["fold"], HELD_OUT)
    return found.filter(pc.and_(pc.and_(is_of, is_held_out), pc.is_valid(found["stars"])))


def ratings_of(model: str, reviews: pa.Table) -> Ratings:
    scorer = Scorer(EXPORTED / f"{model}.onnx")
    facts = scorer.facts
    assert facts.neutral is not None
    stars = reviews["stars"].to_numpy().astype(np.float64)
    classes = np.where(stars < 3, NEGATIVE, np.where(stars > 3, POSITIVE, NEUTRAL))
    ids = scorer.vocabulary.encode(reviews["text"], last=facts.max_tokens)
    probability = scorer.probabilities(reviews["text"]).to_numpy(zero_copy_only=False)
    known = ids.known_tokens(facts.max_tokens)
    return rate(probability, known, classes, stars, facts.stars, facts.neutral.ends)


@pytest.mark.parametrize(
    ("model", "exact", "within_one", "macro_f1"),
    [("reviews", 0.615, 0.925, 0.64), ("reviews-small", 0.605, 0.92, 0.63)],
)
def test_stars_are_near_and_neutral_reviews_are_found(
    reviews: pa.Table, model: str, exact: float, within_one: float, macro_f1: float
) -> None:
    found = ratings_of(model, reviews)
    assert found.stars is not None
    assert found.best_constants is not None
    assert found.classes is not None
    assert found.classes.macro_f1 is not None
    assert found.stars.exact > exact > found.best_constants.exact + 0.05
    assert found.stars.within_one > within_one > found.best_constants.within_one + 0.05
    assert found.stars.mean_error < 0.62
    assert found.stars.balanced_within_one > 0.88
    assert found.classes.macro_f1 > macro_f1 > found.classes.macro_f1_of_fixed
    assert best_constants(reviews["stars"].to_numpy()).exact == found.best_constants.exact

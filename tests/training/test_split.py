from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toolkit.errors import TrainingError, UsageError
from toolkit.training import Reviews, SplitKind
from toolkit.training.split import cross_validation, folds_for_few, split_kind, validation_split

SEEDS = st.integers(0, 2**32 - 1)


def make_reviews(labels: list[int], groups: list[int] | None = None) -> Reviews:
    texts = pa.chunked_array([pa.array([f"review {i}" for i in range(len(labels))])])
    return Reviews(
        "made up",
        texts,
        np.array(labels, np.int8),
        None if groups is None else np.array(groups, np.int64),
    )


@st.composite
def ungrouped(draw: st.DrawFn) -> Reviews:
    labels = draw(st.lists(st.integers(0, 1), min_size=20, max_size=80))
    assume(6 <= sum(labels) <= len(labels) - 6)
    return make_reviews(labels)


@st.composite
def grouped(draw: st.DrawFn) -> Reviews:
    """Every group has both labels, so that no draw of groups can miss one."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=6, max_size=20))
    groups = [group for group, size in enumerate(sizes) for _ in range(2 * size)]
    order = draw(st.permutations(range(len(groups))))
    return make_reviews([i % 2 for i in order], [groups[i] for i in order])


def test_folds_at_random_leave_groups_alone() -> None:
    """And scikit-learn, which does not need them, does not warn of them."""
    reviews = make_reviews([0, 1] * 10, [0, 0, 1, 1] * 5)
    splits = cross_validation(reviews, 5, seed=1, kind=SplitKind.RANDOM)
    assert [len(split.held_out) for split in splits] == [4] * 5


@settings(deadline=None, max_examples=50)
@given(ungrouped() | grouped(), SEEDS)
def test_a_split_has_every_row_once_and_is_decided_by_the_seed(reviews: Reviews, seed: int) -> None:
    split = validation_split(reviews, 0.2, seed)
    again = validation_split(reviews, 0.2, seed)
    together = np.concatenate([split.fitted, split.held_out])
    assert sorted(together) == list(range(len(reviews)))
    assert (np.diff(split.fitted) > 0).all()
    assert (np.diff(split.held_out) > 0).all()
    assert np.array_equal(split.held_out, again.held_out)


@pytest.mark.parametrize(("negatives", "count"), [(1, 20), (2, 20), (4, 300), (10, 20)])
def test_few_reviews_of_a_label_are_dealt_to_as_many_folds(negatives: int, count: int) -> None:
    reviews = make_reviews([0] * negatives + [1] * (count - negatives))
    folds = folds_for_few(reviews, 10, seed=1)
    assert sorted(np.concatenate([fold.held_out for fold in folds])) == list(range(count))
    found = [int((reviews.labels[fold.held_out] == 0).sum()) for fold in folds]
    assert (max(found), sum(found)) == (1, negatives)
    for fold in folds:
        assert sorted([*fold.fitted, *fold.held_out]) == list(range(count))


@pytest.mark.parametrize("negatives", [2, 30])
def test_folds_of_few_groups(negatives: int) -> None:
    labels = [0] * negatives + [1] * (60 - negatives)
    reviews = make_reviews(labels, [i % 4 for i in range(60)])
    folds = folds_for_few(reviews, 10, seed=1)
    assert len(folds) == 4
    assert reviews.groups is not None
    for fold in folds:
        assert not set(reviews.groups[fold.held_out]) & set(reviews.groups[fold.fitted])
    with pytest.raises(TrainingError, match="all 60 reviews are of one group"):
        folds_for_few(make_reviews(labels, [0] * 60), 10, seed=1)


@settings(deadline=None, max_examples=50)
@given(ungrouped(), st.sampled_from([0.2, 0.3, 0.5]), SEEDS)
def test_a_random_split_keeps_share_and_balance(reviews: Reviews, share: float, seed: int) -> None:
    held_out = validation_split(reviews, share, seed).held_out
    assert len(held_out) == np.ceil(share * len(reviews))
    assert abs(reviews.labels[held_out].sum() - share * reviews.positives) <= 1


@settings(deadline=None, max_examples=30)
@given(grouped(), SEEDS)
def test_groups_are_never_on_both_sides(reviews: Reviews, seed: int) -> None:
    assert reviews.groups is not None
    splits = [validation_split(reviews, 0.3, seed), *cross_validation(reviews, 3, seed)]
    for split in splits:
        fitted, held_out = reviews.groups[split.fitted], reviews.groups[split.held_out]
        assert not set(fitted) & set(held_out)


@settings(deadline=None, max_examples=30)
@given(ungrouped() | grouped(), st.integers(2, 5), SEEDS)
def test_folds_hold_out_every_row_exactly_once(reviews: Reviews, count: int, seed: int) -> None:
    splits = cross_validation(reviews, count, seed)
    again = cross_validation(reviews, count, seed)
    assert len(splits) == count
    assert sorted(np.concatenate([split.held_out for split in splits])) == list(range(len(reviews)))
    for split, same in zip(splits, again, strict=True):
        assert sorted([*split.fitted, *split.held_out]) == list(range(len(reviews)))
        assert np.array_equal(split.held_out, same.held_out)


def test_whole_groups_come_near_the_share_and_the_balance() -> None:
    sizes = np.random.default_rng(5).integers(1, 30, 300)
    groups = np.repeat(np.arange(300), sizes)
    labels = np.random.default_rng(6).integers(0, 2, len(groups))
    reviews = make_reviews(labels.tolist(), groups.tolist())
    held_out = validation_split(reviews, 0.2, seed=1).held_out
    assert len(held_out) / len(reviews) == pytest.approx(0.2, abs=0.01)
    assert reviews.labels[held_out].mean() == pytest.approx(labels.mean(), abs=0.02)


def test_another_seed_gives_another_split() -> None:
    reviews = make_reviews([0, 1] * 50)
    first, second = (validation_split(reviews, 0.2, seed).held_out for seed in (1, 2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("reviews", "share"),
    [
        (make_reviews([0, 1] * 10), 0.01),
        (make_reviews([0] * 19 + [1]), 0.2),
        (make_reviews([0, 1] * 10, [4] * 20), 0.2),
        (make_reviews([0] * 10 + [1] * 10, [0] * 10 + [1] * 10), 0.5),
    ],
    ids=["share too small", "one positive", "one group", "groups of one label"],
)
def test_a_split_without_both_labels_on_both_sides_is_refused(
    reviews: Reviews, share: float
) -> None:
    with pytest.raises(TrainingError, match=r"made up: .*--validation") as caught:
        validation_split(reviews, share, seed=1)
    assert not any(theirs in str(caught.value) for theirs in ("n_samples", "test_size", "in y"))


def test_a_refused_split_says_what_was_asked_of_what() -> None:
    expected = r"10 positive and 10 negative reviews holds out a share of 0\.999 and.* Give more"
    with pytest.raises(TrainingError, match=expected):
        validation_split(make_reviews([0, 1] * 10), 0.999, seed=1)
    with pytest.raises(TrainingError, match=r"negative reviews in 1 groups.*more reviews or group"):
        validation_split(make_reviews([0, 1] * 10, [4] * 20), 0.2, seed=1)


def test_more_folds_than_reviews_of_a_label_are_refused() -> None:
    with pytest.raises(TrainingError, match="5 folds need 5 reviews of each label, found 3"):
        cross_validation(make_reviews([0] * 20 + [1] * 3), 5, seed=1)


def test_more_folds_than_groups_are_refused() -> None:
    with pytest.raises(TrainingError, match="5 folds need 5 groups, found 2"):
        cross_validation(make_reviews([0, 1] * 10, [0, 0, 1, 1] * 5), 5, seed=1)


@given(ungrouped(), st.sampled_from([0.2, 0.3, 0.5]))
def test_the_last_split_holds_out_the_end(reviews: Reviews, share: float) -> None:
    try:
        split = validation_split(reviews, share, 1, SplitKind.LAST)
    except TrainingError:  # the end has one label only
        assume(False)
    assert [*split.fitted, *split.held_out] == list(range(len(reviews)))
    # Keras: the fitted part is the whole number below its share.
    assert len(split.fitted) == int(len(reviews) * (1 - share))


def test_groups_decide_unless_told_otherwise() -> None:
    grouped_reviews = make_reviews([0, 1] * 10, [i // 2 for i in range(20)])
    assert split_kind(grouped_reviews) is SplitKind.GROUP
    assert split_kind(make_reviews([0, 1])) is SplitKind.RANDOM
    assert split_kind(grouped_reviews, SplitKind.RANDOM) is SplitKind.RANDOM
    with pytest.raises(UsageError, match=r"no groups to split by.*--group-column"):
        split_kind(make_reviews([0, 1]), SplitKind.GROUP)
    held_out = validation_split(grouped_reviews, 0.25, 1, SplitKind.RANDOM).held_out
    assert len(held_out) == 5  # an odd number parts a group of two

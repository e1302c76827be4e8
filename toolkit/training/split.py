"""Split reviews into a part to fit on and a held-out part to evaluate on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import TrainingError, UsageError
from toolkit.records.labels import Rows
from toolkit.training.options import SplitKind
from toolkit.training.reviews import Reviews, group_codes

_GROUP_DRAWS = 100  # more draws do not come closer to the wanted share


@dataclass(frozen=True)
class Split:
    """Positions of fitted and held-out reviews: ascending, each review in exactly one part."""

    fitted: Rows
    held_out: Rows


def split_kind(reviews: Reviews, wanted: SplitKind | None = None) -> SplitKind:
    """Return the wanted kind; by default `group` if the reviews have groups, else `random`.

    Raises `UsageError` if `group` is wanted and there are no groups.
    """
    if wanted is SplitKind.GROUP and reviews.groups is None:
        raise UsageError(
            f"{reviews.name}: has no groups to split by. Name their column with --group-column."
        )
    return wanted or (SplitKind.RANDOM if reviews.groups is None else SplitKind.GROUP)


def validation_split(
    reviews: Reviews, share: float, seed: int, kind: SplitKind | None = None
) -> Split:
    """Hold out a share of the reviews, 0 to 1, with the class balance of all reviews.

    Groups are never split. Raises `TrainingError` unless both sides have both labels.
    """
    try:
        found = _SPLITS[split_kind(reviews, kind)](reviews, share, seed)
    except ValueError:  # scikit-learn's, when a side would be empty or miss a label
        raise TrainingError(
            f"{reviews.name}: no split of {_counts(reviews)} holds out a share of {share} and "
            "has reviews of both labels on each side. Give more reviews"
            f"{'' if reviews.groups is None else ' or groups'}, or another share with --validation."
        ) from None
    _check_both_labels(reviews, found)
    return found


def cross_validation(
    reviews: Reviews, count: int, seed: int, kind: SplitKind | None = None
) -> list[Split]:
    """Hold out each review exactly once, in ``count`` folds with about the same class balance.

    Raises `TrainingError` unless both sides of each split have both labels.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = split_kind(reviews, kind)
    _check_enough_for_folds(reviews, count, kind)
    folds = StratifiedGroupKFold if kind is SplitKind.GROUP else StratifiedKFold
    groups = reviews.groups if kind is SplitKind.GROUP else None  # `StratifiedKFold` would warn
    drawn = folds(count, shuffle=True, random_state=seed).split(
        reviews.labels, reviews.labels, groups
    )
    splits = [Split(fitted, held_out) for fitted, held_out in drawn]
    for split in splits:
        _check_both_labels(reviews, split)
    return splits


def folds_for_few(
    reviews: Reviews, count: int, seed: int, kind: SplitKind | None = None
) -> list[Split]:
    """Hold out each review exactly once, as `cross_validation`, but a side may lack a label.

    With few reviews or groups, there are fewer folds than `count`, but at least two. Raises
    `TrainingError` if there is one group.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    everything = np.arange(len(reviews))
    if split_kind(reviews, kind) is not SplitKind.GROUP or reviews.groups is None:
        texts = group_codes(reviews.texts)
        if 1 < len(np.unique(texts)) < len(texts):  # copies of a text stay together
            copies = replace(reviews, groups=texts)
            return folds_for_few(reviews=copies, count=count, seed=seed, kind=SplitKind.GROUP)
        # Dealt like cards, label by label: all folds have about the same share of each label.
        random = np.random.default_rng(seed).permutation(len(reviews))
        dealt = random[np.argsort(reviews.labels[random], kind="stable")]
        held_out = [np.sort(dealt[number::count]) for number in range(min(count, len(dealt)))]
        return [Split(np.setdiff1d(everything, rows), rows) for rows in held_out]
    groups = len(np.unique(reviews.groups))
    if groups < 2:
        raise TrainingError(
            f"{reviews.name}: all {len(reviews)} reviews are of one group, which cannot be split. "
            "Choose another column with --group-column, or use --split random."
        )
    count = min(count, groups)
    fewest = min(reviews.positives, len(reviews) - reviews.positives)
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    if fewest < count:  # `StratifiedGroupKFold` would warn
        folds = GroupKFold(count)
    drawn = folds.split(everything, reviews.labels, reviews.groups)
    return [Split(fitted, held_out) for fitted, held_out in drawn]


def _random_split(reviews: Reviews, share: float, seed: int) -> Split:
    from sklearn.model_selection import train_test_split

    fitted, held_out = train_test_split(
        np.arange(len(reviews)), test_size=share, stratify=reviews.labels, random_state=seed
    )
    return Split(np.sort(fitted), np.sort(held_out))


def _group_split(reviews: Reviews, share: float, seed: int) -> Split:
    """Draw groups many times; return the split that is closest to the share for both labels."""
    from sklearn.model_selection import GroupShuffleSplit

    draws = GroupShuffleSplit(_GROUP_DRAWS, test_size=share, random_state=seed)
    totals = np.bincount(reviews.labels, minlength=2)

    def miss(split: Split) -> float:
        held_out = np.bincount(reviews.labels[split.held_out], minlength=2)
        return float(np.abs(held_out / totals - share).max())

    candidates = draws.split(reviews.labels, groups=reviews.groups)
    return min((Split(np.sort(fitted), np.sort(out)) for fitted, out in candidates), key=miss)


def _last_split(reviews: Reviews, share: float, _seed: int) -> Split:
    """Hold out the last reviews, as Keras does: the size of the fitted part is rounded down."""
    first = int(len(reviews) * (1 - share))
    return Split(np.arange(first), np.arange(first, len(reviews)))


_SPLITS = {
    SplitKind.GROUP: _group_split,
    SplitKind.RANDOM: _random_split,
    SplitKind.LAST: _last_split,
}


def _counts(reviews: Reviews) -> str:
    """Return the numbers of reviews by label, and of groups, for a message."""
    negatives = len(reviews) - reviews.positives
    parts = [f"{reviews.positives:,} positive and {negatives:,} negative reviews"]
    if reviews.groups is not None:
        parts.append(f"{len(np.unique(reviews.groups)):,} groups")
    return " in ".join(parts)


def _check_enough_for_folds(reviews: Reviews, count: int, kind: SplitKind) -> None:
    needed = {"reviews of each label": min(reviews.positives, len(reviews) - reviews.positives)}
    if kind is SplitKind.GROUP and reviews.groups is not None:
        needed["groups"] = len(np.unique(reviews.groups))
    for what, found in needed.items():
        if found < count:
            raise TrainingError(
                f"{reviews.name}: {count} folds need {count} {what}, found {found}. "
                "Choose fewer with --folds."
            )


def _check_both_labels(reviews: Reviews, split: Split) -> None:
    for rows in (split.fitted, split.held_out):
        if len(np.unique(reviews.labels[rows])) < 2:
            raise TrainingError(
                f"{reviews.name}: the split leaves one side without reviews of both labels. Give "
                "more reviews or groups, or split in another way with --split, --validation, "
                "--folds or --group-column."
            )

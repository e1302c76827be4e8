"""Reviews in memory, labelled or not, and their weights in the loss."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import repeat
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import label_of
from toolkit.errors import TrainingError
from toolkit.records.labels import Rows, Targets
from toolkit.text.strings import is_blank

FEWEST_REVIEWS = 10  # fewer cannot be split into two parts that both have both labels

ClassNumbers = npt.NDArray[Any]  # int8, of classes int16
Groups = npt.NDArray[np.int64]
_DOMAIN_POWER = 0.5  # the weight of a domain is the square root of its number of reviews
_LARGEST = 5.0  # largest weight, in means: a handful of reviews must not dominate


@dataclass(frozen=True)
class _Texts:
    """Texts, (reviews,), and the name of their source: the base of both kinds of reviews."""

    name: str
    texts: pa.ChunkedArray

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Rows) -> Self:
        """Return the reviews at some positions, in that order."""
        taken: dict[str, Any] = {"without_text": 0}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, pa.ChunkedArray):
                taken[entry.name] = value.take(pa.array(rows))
            elif isinstance(value, np.ndarray):
                taken[entry.name] = value[rows]
        return replace(self, **taken)

    def with_text(self) -> Self:
        """Return the reviews with text: not null, not only white space; count the others."""
        blank = is_blank(self.texts).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(~blank).astype(np.int64)
        counted: dict[str, Any] = {"without_text": len(self) - len(rows)}
        return replace(self.take(rows), **counted)

    def _fingerprint(self, endings: Iterable[bytes]) -> str:
        """Hash the length of each text (8 bytes, little-endian), its UTF-8, and an ending."""
        digest = hashlib.sha256()
        for text, ending in zip(self.texts, endings, strict=False):
            content = text.as_buffer()
            digest.update(content.size.to_bytes(8, "little"))
            digest.update(content)
            digest.update(ending)
        return digest.hexdigest()


@dataclass(frozen=True)
class UnlabelledReviews(_Texts):
    """Reviews without labels; no text is null or blank.

    `teacher` (reviews,) float32 is NaN for a review without a teacher score, or None.
    """

    teacher: Targets | None = None
    without_text: int = 0

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of the texts and their order."""
        return self._fingerprint(repeat(b""))

    def without(self, texts: Iterable[pa.ChunkedArray]) -> UnlabelledReviews:
        """Return the reviews whose exact text is not among others."""
        known = pc.is_in(self.texts.cast(pa.large_string()), value_set=joined(texts))
        return self.take(np.flatnonzero(~known.to_numpy().astype(np.bool_)))


@dataclass(frozen=True)
class Reviews(_Texts):
    """Labelled reviews; no text is null or blank.

    All arrays are (reviews,). `labels` int8 are 1 for positive, 0 for negative. `soft_labels`
    float32 are None if each label is 0 or 1. `teacher` is as in `UnlabelledReviews`. A split keeps
    each of the `groups`, such as a film, on one side. `domains`, such as hotels and phones, are
    balanced while a network is fitted. `stars` float32 are from 1 to 5, or NaN.
    """

    labels: ClassNumbers
    groups: Groups | None = None
    without_text: int = 0
    soft_labels: Targets | None = None
    teacher: Targets | None = None
    domains: Groups | None = None
    stars: Targets | None = None
    # Reviews that are neither positive nor negative, from the same source, groups and domains. No
    # network learns from them, their own `labels` have no meaning, and they are never split.
    neutral: Reviews | None = None
    without_label: int = 0  # number of rows with a text that were left out for their label
    label_kind: str = ""  # how labels were read: a kind of `toolkit.records.labels`
    stars_meaning: str = ""  # the source of the stars; empty without stars
    label_meaning: str = ""  # how labels were read, for the user; empty for the usual meaning
    # Names of a user's own classes, whose numbers are the `labels`; None: negative and positive.
    classes: tuple[str, ...] | None = None

    @property
    def targets(self) -> Targets:
        """Probability of positive by the labels, soft or not, (reviews,) float32."""
        return self.labels.astype(np.float32) if self.soft_labels is None else self.soft_labels

    @property
    def soft_count(self) -> int:
        """Number of labels that are neither 0 nor 1."""
        return int(np.count_nonzero((self.targets > 0) & (self.targets < 1)))

    @property
    def positives(self) -> int:
        """Number of positive reviews."""
        return int(self.labels.sum())

    @property
    def class_counts(self) -> dict[str, int]:
        """Number of texts per class, by the name of the class; empty without classes."""
        names = self.classes or ()
        counts = np.bincount(self.labels, minlength=len(names)) if names else self.labels[:0]
        return dict(zip(names, counts.tolist(), strict=True))

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of texts, labels and their order.

        A label is one byte, 1 or 0, or the byte 2 and a soft label (float32, little-endian).
        """
        hard = {0.0: b"\0", 1.0: b"\1"}
        return self._fingerprint(
            hard.get(float(target), b"\2" + target.astype("<f4").tobytes())
            for target in self.targets
        )

    def blended(self, teacher_weight: float) -> Targets:
        """Return the labels, mixed with a share of the teacher, 0 to 1, if it has a score."""
        if self.teacher is None:
            return self.targets
        mixed = (1 - teacher_weight) * self.targets + teacher_weight * self.teacher
        return np.where(np.isnan(self.teacher), self.targets, mixed).astype(np.float32)

    def check(self) -> Reviews:
        """Return these reviews; raise `TrainingError` if they are too few or have one label."""
        left_out = ""
        if self.without_text:
            left_out = f" ({self.without_text} rows without text left out)"
        if len(self) < FEWEST_REVIEWS:
            raise TrainingError(
                f"{self.name}: {len(self)} reviews{left_out}, expected at least {FEWEST_REVIEWS}. "
                "Give more labelled reviews."
            )
        if self.positives in (0, len(self)):
            label = label_of(self.positives > 0)
            raise TrainingError(
                f"{self.name}: all {len(self)} reviews are {label}{left_out}. "
                "Give reviews of both labels."
            )
        return self


def joined(columns: Iterable[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Join columns of texts, as large strings."""
    chunks = [chunk.cast(pa.large_string()) for column in columns for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.large_string())


def group_codes(names: pa.ChunkedArray) -> Groups:
    """Number the groups, (reviews,); a blank or missing name is a group of its own."""
    known = pc.unique(names)
    codes = pc.index_in(names, value_set=known).to_numpy().astype(np.int64)
    return np.where(is_blank(names), len(known) + np.arange(len(codes)), codes)


def domain_codes(names: pa.ChunkedArray) -> Groups:
    """Number the domains, (reviews,); all blank or missing names are one domain."""
    return np.where(is_blank(names), -1, group_codes(names))


def balanced_weights(reviews: Reviews) -> Targets:
    """Return weights in the loss, (reviews,) float32, of mean 1; all are 1 without domains.

    All labels weigh the same within a domain. With several domains, no review weighs more than 5.
    """
    if reviews.domains is None:
        return np.ones(len(reviews), np.float32)
    _, domains, sizes = np.unique(reviews.domains, return_inverse=True, return_counts=True)
    labels = 2 if reviews.classes is None else len(reviews.classes)
    cells = domains * labels + reviews.labels
    in_cell = np.bincount(cells, minlength=labels * len(sizes))
    weights = sizes[domains] ** _DOMAIN_POWER / in_cell[cells]
    limited = weights / weights.mean()
    if len(sizes) > 1:
        limited = np.minimum(limited, _LARGEST)
    balanced: Targets = (limited / limited.mean()).astype(np.float32)
    return balanced


def known_or_nan(probabilities: Targets | None, count: int) -> Targets:
    """Return the probabilities of a teacher, or NaN for each review if they are None."""
    return np.full(count, np.nan, np.float32) if probabilities is None else probabilities

"""Labelled reviews in memory, wherever they came from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import TrainingError
from toolkit.text.strings import is_blank

FEWEST_REVIEWS = 10  # fewer cannot be split into two parts that both have both labels

Labels = npt.NDArray[np.int8]
Targets = npt.NDArray[np.float32]
Groups = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reviews:
    """Labelled reviews.

    Attributes
    ----------
    name : str
        Where they came from, as the user would say it.
    texts : pa.ChunkedArray
        (reviews,) string, without nulls and blanks.
    labels : Labels
        (reviews,) int8, 1 positive and 0 negative.
    groups : Groups | None
        (reviews,) int64; reviews of one group (one film, one author) must not be parted by a split.
    without_text : int
        How many rows were left out because they had no text.
    soft_labels : Targets | None
        (reviews,) float32, the probability of positive that each was labelled with; the labels
        are rounded ones then. None if every label is 0 or 1.
    ids : pa.ChunkedArray | None
        (reviews,) string, null where a review has none; None if the source has no ids.
    teacher : Targets | None
        (reviews,) float32, what a teacher thinks of each, NaN where it says nothing; None without
        a teacher.
    """

    name: str
    texts: pa.ChunkedArray
    labels: Labels
    groups: Groups | None = None
    without_text: int = 0
    soft_labels: Targets | None = None
    ids: pa.ChunkedArray | None = None
    teacher: Targets | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def targets(self) -> Targets:
        """(reviews,) float32, the probability of positive by the labels, soft or not."""
        return self.labels.astype(np.float32) if self.soft_labels is None else self.soft_labels

    @property
    def soft_count(self) -> int:
        """How many labels are neither 0 nor 1."""
        return int(np.count_nonzero((self.targets > 0) & (self.targets < 1)))

    @property
    def positives(self) -> int:
        """How many are labelled positive."""
        return int(self.labels.sum())

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of texts, labels and their order.

        Each review adds the length of its text (8 bytes, little-endian), the text in UTF-8, and
        its label: one byte, 1 or 0, or the byte 2 and a soft label (float32, little-endian).
        """
        digest = hashlib.sha256()
        hard = {0.0: b"\0", 1.0: b"\1"}
        for text, target in zip(self.texts, self.targets, strict=True):
            add_text(digest, text)
            digest.update(hard.get(float(target), b"\2" + target.astype("<f4").tobytes()))
        return digest.hexdigest()

    def blended(self, teacher_weight: float) -> Targets:
        """Mix the labels with what the teacher thinks.

        Parameters
        ----------
        teacher_weight : float
            Share of the teacher, from 0 to 1.

        Returns
        -------
        Targets
            (reviews,) float32; the label alone where the teacher says nothing.
        """
        if self.teacher is None:
            return self.targets
        mixed = (1 - teacher_weight) * self.targets + teacher_weight * self.teacher
        return np.where(np.isnan(self.teacher), self.targets, mixed).astype(np.float32)

    def take(self, rows: Rows) -> Reviews:
        """The reviews at some positions, in that order."""
        places = pa.array(rows)
        return Reviews(
            self.name,
            self.texts.take(places),
            self.labels[rows],
            None if self.groups is None else self.groups[rows],
            soft_labels=None if self.soft_labels is None else self.soft_labels[rows],
            ids=None if self.ids is None else self.ids.take(places),
            teacher=None if self.teacher is None else self.teacher[rows],
        )

    def with_text(self) -> Reviews:
        """Those that have a text; the others are counted."""
        rows = rows_with_text(self.texts)
        return replace(self.take(rows), without_text=len(self) - len(rows))

    def check(self) -> Reviews:
        """Make sure that a network can be trained or tested on these reviews.

        Returns
        -------
        Reviews
            The same ones.

        Raises
        ------
        TrainingError
            If they are too few, or all have one label.
        """
        left_out = f" ({self.without_text} rows without text left out)" * bool(self.without_text)
        if len(self) < FEWEST_REVIEWS:
            raise TrainingError(
                f"{self.name}: {len(self)} reviews{left_out}, expected at least {FEWEST_REVIEWS}. "
                "Give more labelled reviews."
            )
        if self.positives in (0, len(self)):
            label = "positive" if self.positives else "negative"
            raise TrainingError(
                f"{self.name}: all {len(self)} reviews are {label}{left_out}. "
                "Give reviews of both labels."
            )
        return self


def add_text(digest: hashlib._Hash, text: pa.StringScalar) -> None:
    """Add the length of a text (8 bytes, little-endian) and its UTF-8 to a fingerprint."""
    content = text.as_buffer()
    digest.update(content.size.to_bytes(8, "little"))
    digest.update(content)


def rows_with_text(texts: pa.ChunkedArray) -> Rows:
    """Positions of the texts that are neither null nor only white space."""
    return np.flatnonzero(~is_blank(texts).to_numpy(zero_copy_only=False)).astype(np.int64)


def group_codes(names: pa.ChunkedArray) -> Groups:
    """Number the groups; a review with a blank or without a name is a group of its own.

    Parameters
    ----------
    names : pa.ChunkedArray
        (reviews,) string.

    Returns
    -------
    Groups
        (reviews,) int64, equal for equal names.
    """
    known = pc.unique(names)
    codes = pc.index_in(names, value_set=known).to_numpy().astype(np.int64)
    return np.where(is_blank(names), len(known) + np.arange(len(codes)), codes)

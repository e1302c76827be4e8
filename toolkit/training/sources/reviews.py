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
from toolkit.strings import is_blank

FEWEST_REVIEWS = 10  # fewer cannot be split into two parts that both have both labels

Labels = npt.NDArray[np.int8]
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
    """

    name: str
    texts: pa.ChunkedArray
    labels: Labels
    groups: Groups | None = None
    without_text: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positives(self) -> int:
        """How many are labelled positive."""
        return int(self.labels.sum())

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of texts, labels and their order.

        Each review adds the length of its text (8 bytes, little-endian), the text in UTF-8, and
        one byte, 1 or 0.
        """
        digest = hashlib.sha256()
        for text, label in zip(self.texts.cast(pa.large_binary()), self.labels, strict=True):
            content = text.as_buffer()
            digest.update(content.size.to_bytes(8, "little"))
            digest.update(content)
            digest.update(bytes([label]))
        return digest.hexdigest()

    def take(self, rows: Rows) -> Reviews:
        """The reviews at some positions, in that order."""
        groups = None if self.groups is None else self.groups[rows]
        return Reviews(self.name, self.texts.take(pa.array(rows)), self.labels[rows], groups)

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

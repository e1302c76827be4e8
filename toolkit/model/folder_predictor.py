"""Predict numbers for texts with a classifier folder, as `toolkit.model.predictor` does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from toolkit.model.folder import ClassifierFolder
from toolkit.model.folder_labels import Meaning
from toolkit.model.predictor import (
    CUT_TO_LENGTH,
    FEW_KNOWN,
    FEW_KNOWN_WORDS,
    OTHER_LANGUAGE,
    STAR_DECIMALS,
    BlockPredictor,
    Values,
)
from toolkit.model.stars import rescaled
from toolkit.text.strings import Texts
from toolkit.text.token_ids import Ids

if TYPE_CHECKING:
    from toolkit.model.class_answers import ClassAnswers


class FolderPredictor(BlockPredictor):
    """Makes word pieces and runs the network of a classifier folder; safe to share.

    A text has an answer if it has a piece that is neither special nor unknown.
    """

    def __init__(
        self, folder: ClassifierFolder, answers: ClassAnswers | None, shift: float = 0.0
    ) -> None:
        self._folder = folder
        self._answers = answers
        self._shift = shift  # added to the logits, for a prior

    def score_few(self, texts: Sequence[object]) -> None:
        """Return None: there is no shorter way for a few texts."""

    def token_ids(self, texts: pa.Array) -> Ids:
        """Return the ids of pieces, (rows, ids) int32, padded at the end with 0."""
        found = self._folder.pieces.encode(_strings(texts))
        lengths = found.lengths
        width = np.arange(int(lengths.max(initial=0)))
        rows = np.zeros((len(lengths), len(width)), np.int32)
        rows[width < lengths[:, None]] = found.values
        return rows

    def block(self, texts: Texts, *, with_reading: bool) -> dict[str, Values]:
        """Return the columns of some texts by name, and `is_known`, as `BlockPredictor` asks."""
        ids = self._folder.pieces.encode(_strings(texts))
        found = self._columns(self._folder.network.run(ids))
        if with_reading:
            read = ids.known + ids.unknown
            found[FEW_KNOWN_WORDS] = ids.known < FEW_KNOWN * read
            found[CUT_TO_LENGTH] = ids.is_cut
        found[OTHER_LANGUAGE] = np.zeros(len(ids.known), np.bool_)
        found["is_known"] = ids.known > 0
        return found

    def _columns(self, probabilities: np.ndarray) -> dict[str, Values]:
        labels = self._folder.labels
        if self._answers is not None:
            return self._answers.numbers(probabilities)
        positive = labels.positive(probabilities)
        if self._shift:
            positive = rescaled(positive, 1.0, self._shift).astype(np.float32)
        found: dict[str, Values] = {"probability": positive}
        if labels.meaning is Meaning.STARS:
            found["stars"] = np.round(labels.stars(probabilities), STAR_DECIMALS)
        return found


def _strings(texts: Texts) -> list[str]:
    """Return texts as strings; a null is an empty one."""
    return [text or "" for text in texts.to_pylist()]

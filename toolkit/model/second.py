"""A second opinion: a second model answers for the texts of which the first is unsure.

The first model scores all texts. Those whose probability is within a range are asked of the second
model, all of a block together, so that its batches are full. Its answer replaces that of the first,
or the mean of both logits does. Without an answer of the second, such as for a text without a piece
that it knows, the first one's stays.

- **No answer of the first**: a text that it leaves out, such as one in another language, is not
  asked of the second.
- **Labels**: threshold and neutral range are those of the first.
- **Stars**: those of the second, if it has any; else the scale of the first turns the new
  probability into stars.
- **Reasons** are words of the first, for the label that the text has in the end. Sentences and
  aspects are of the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import is_positive
from toolkit.model.predictor import Predictor, TextPredictor, as_strings
from toolkit.model.ranges import Range
from toolkit.model.stars import logits_of, sigmoid
from toolkit.text.strings import Texts, arrow_of
from toolkit.text.token_ids import Ids

# A column of the predictions, int8: which model has answered. `answered_by` names them.
ANSWERED_BY = "answered_by"
_BY_FIRST = 0
_BY_SECOND = 1
_BY_BOTH = 2
_NAMES = ("first", "second", "both")

_Flags = npt.NDArray[np.bool_]
_Shares = npt.NDArray[np.float32]


def is_asked(probability: _Shares, unsure: Range) -> _Flags:
    """Return for which answers of the first model, (texts,), the second is asked."""
    low, high = (np.float32(end) for end in unsure)
    return np.asarray((probability >= low) & (probability <= high))


def mean_of(first: _Shares, second: _Shares) -> _Shares:
    """Return the probabilities of the mean of both models' logits, (texts,)."""
    return sigmoid((logits_of(first) + logits_of(second)) / 2).astype(np.float32)


@dataclass(frozen=True)
class SecondOpinion:
    """The second model, and when it is asked."""

    model: Mapping[str, Any]  # `Scorer.identity` of the second model
    has_words: bool  # as `Scorer` says of the second model, and so is `has_stars`
    has_stars: bool
    unsure: Range  # of the first model's probabilities, both ends included
    takes_mean: bool  # of both logits
    block_bytes: int | None = None  # as `Scorer` says of the second model

    def identity(self) -> dict[str, Any]:
        """Return `Scorer.identity` of the second model, and when it is asked."""
        low, high = self.unsure
        return {
            **self.model,
            "unsure": [round(low, 7), round(high, 7)],
            "mean": self.takes_mean,
        }

    def is_asked(self, probability: _Shares) -> _Flags:
        """Return for which answers of the first model, (texts,), the second is asked."""
        return is_asked(probability, self.unsure)

    def answer(self, first: _Shares, second: _Shares) -> _Shares:
        """Return the probabilities of texts that both models have answered, (texts,)."""
        return mean_of(first, second) if self.takes_mean else second


def answered_by(rows: pa.RecordBatch) -> pa.StringArray:
    """Return `first`, `second` or `both` for each row of `Scorer.predict`; null without a score."""
    return pa.array(_NAMES, pa.string()).take(rows[ANSWERED_BY])


def count_by_second(rows: pa.RecordBatch) -> int:
    """Count the rows of `Scorer.predict` that the second model has answered, alone or as a half."""
    if ANSWERED_BY not in rows.schema.names:
        return 0
    return int(pc.sum(pc.greater(rows[ANSWERED_BY], _BY_FIRST)).as_py() or 0)


class SecondPredictor(TextPredictor):
    """Predicts with the first model, and asks the second where the first is unsure."""

    def __init__(
        self,
        first: TextPredictor,
        second: TextPredictor,
        opinion: SecondOpinion,
        *,
        threshold: float,
        has_stars: bool,
    ) -> None:
        self._first = first
        self._second = second
        self._opinion = opinion
        self._threshold = threshold
        self._has_stars = has_stars

    def score_few(self, texts: Sequence[object]) -> list[tuple[str | None, float | None]] | None:
        """Return what the first model answers; None if `predict` has to be used."""
        found = self._first.score_few(texts)
        if found is None:
            return None
        shares = np.array([share for _, share in found], np.float32)  # None becomes NaN
        return None if self._opinion.is_asked(shares).any() else found

    def token_ids(self, texts: pa.Array) -> Ids:
        """Return the ids that the first model reads."""
        return self._first.token_ids(texts)

    def predict(self, texts: Texts, *, with_reading: bool) -> pa.RecordBatch:
        """Return the record batch of `Scorer.predict`, with the column `answered_by`."""
        texts = as_strings(texts)
        rows = self._first.predict(texts, with_reading=with_reading)
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        first = _numbers(rows["probability"])
        asked = np.flatnonzero(self._opinion.is_asked(first))
        of_second = self._second.predict(texts.take(pa.array(asked)), with_reading=False)
        has_answer = of_second["probability"].is_valid().to_numpy(zero_copy_only=False)
        of_second = of_second.filter(pa.array(has_answer))
        asked = asked[has_answer]
        answers = self._opinion.answer(first[asked], _numbers(of_second["probability"]))
        is_asked = np.zeros(len(rows), np.bool_)
        is_asked[asked] = True
        columns["probability"] = _replaced(columns["probability"], is_asked, arrow_of(answers))
        if "stars" in columns and self._has_stars:
            stars = self._stars(texts.take(pa.array(asked)), answers, of_second)
            columns["stars"] = _replaced(columns["stars"], is_asked, stars)
        elif "stars" in columns:
            del columns["stars"]
        if "reasons" in columns:
            columns["reasons"] = self._reasons(
                columns["reasons"], texts, first=first, answers=answers, asked=asked
            )
        return pa.RecordBatch.from_pydict({**columns, ANSWERED_BY: self._answered(first, is_asked)})

    def _answered(self, first: _Shares, is_asked: _Flags) -> pa.Int8Array:
        by_second = _BY_BOTH if self._opinion.takes_mean else _BY_SECOND
        codes = np.where(is_asked, by_second, _BY_FIRST).astype(np.int8)
        return pa.array(codes, mask=np.isnan(first))

    def _stars(self, texts: Texts, answers: _Shares, of_second: pa.RecordBatch) -> pa.FloatArray:
        """Return the stars of the texts that the second model has answered, (texts,)."""
        if "stars" in of_second.schema.names and not self._opinion.takes_mean:
            return of_second["stars"]
        assert isinstance(self._first, Predictor)
        return arrow_of(self._first.stars_of(texts, answers))

    def _reasons(
        self,
        reasons: pa.StringArray,
        texts: Texts,
        *,
        first: _Shares,
        answers: _Shares,
        asked: npt.NDArray[np.int64],
    ) -> pa.StringArray:
        """Return the reasons of all texts: new ones for the texts with another label now."""
        now = is_positive(answers, self._threshold)
        is_other = now != is_positive(first[asked], self._threshold)
        assert isinstance(self._first, Predictor)
        found = self._first.reasons_of(texts.take(pa.array(asked[is_other])), now[is_other])
        mask = np.zeros(len(first), np.bool_)
        mask[asked[is_other]] = True
        return _replaced(reasons, mask, found)


def _numbers(probability: pa.FloatArray) -> _Shares:
    """Return probabilities, (texts,); NaN for null."""
    return probability.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _replaced(values: pa.Array, mask: _Flags, by: pa.Array) -> pa.Array:
    return pc.replace_with_mask(values, pa.array(mask), by)

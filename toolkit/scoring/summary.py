"""What became of the records of a file, and how far a run has come."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.model.labels import MIXED, NEUTRAL
from toolkit.model.predict import CUT_TO_LENGTH, FEW_KNOWN_WORDS, as_strings
from toolkit.model.scorer import Scorer
from toolkit.records.labels import read_labels
from toolkit.text.strings import NUL, has_nul, is_blank


@dataclass(frozen=True)
class Progress:
    """How far the scoring of a file has come."""

    records: int
    bytes_done: int
    bytes_in_all: int | None  # None where it is not known
    resumed: int = 0  # of the records, those that an earlier run has done
    accuracy: float | None = None  # so far; None without labels


@dataclass
class Summary:
    """Every record is counted once: scored, without text or a known word, or rejected."""

    scored: int = 0
    without_text: int = 0
    without_known_words: int = 0  # with a text of which the model knows no word
    rejected: int = 0
    positive: int = 0  # of the scored
    neutral: int = 0  # of the scored, where a range of probabilities is called so
    mixed: int = 0  # of the scored, where reviews are scored by sentence
    few_known_words: int = 0  # of the scored, as `toolkit.model.known_words` tells
    first_unread: int = 0  # row of the output, from 1, without or with few known words; 0: none
    cut_to_length: int = 0  # of the scored, with more tokens than the model reads
    cut_at_nul: int = 0  # of the texts, read up to their first NUL only
    seconds: float = 0.0
    # Where a column of labels is named:
    labelled: int = 0  # of the scored, with a label that can be read
    labelled_neutral: int = 0  # of the labelled, called neutral: neither right nor wrong
    labelled_mixed: int = 0  # the same for mixed
    right: int = 0  # of the labelled
    unreadable_labels: int = 0  # of the scored, without a label or with another value

    @property
    def records(self) -> int:
        """Records in the input."""
        return self.scored + self.without_text + self.without_known_words + self.rejected

    @property
    def unread(self) -> int:
        """Texts of which the model knows no word, or few."""
        return self.without_known_words + self.few_known_words

    @property
    def positive_share(self) -> float:
        """Share of the positive among the scored, 0 to 1; 0 where none is scored."""
        return self.positive / self.scored if self.scored else 0.0

    @property
    def accuracy(self) -> float | None:
        """Share of the right among the answered; None where there are none."""
        return self.right / self.answered if self.answered else None

    @property
    def answered(self) -> int:
        """Labelled records that are called positive or negative."""
        return self.labelled - self.labelled_neutral - self.labelled_mixed

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds if self.seconds else 0.0

    def __add__(self, other: Summary) -> Summary:
        """Add the counts of another file or block, whose rows come after these."""
        names = [entry.name for entry in fields(self)]
        added = Summary(**{name: getattr(self, name) + getattr(other, name) for name in names})
        rows = self.records - self.rejected
        added.first_unread = self.first_unread or (other.first_unread and rows + other.first_unread)
        return added

    def as_dict(self) -> dict[str, Any]:
        """Give the counts, the sum first, and the accuracy."""
        return {"records": self.records, **vars(self), "accuracy": self.accuracy}

    @classmethod
    def from_dict(cls, counts: dict[str, Any]) -> Self:
        """Read what `as_dict` gives."""
        return cls(**{entry.name: counts[entry.name] for entry in fields(cls)})


@dataclass(frozen=True)
class TextCounts:
    """What is counted of the texts of a block before they are dropped."""

    is_blank: pa.BooleanArray  # (texts,)
    cut_at_nul: int

    @classmethod
    def of(cls, scorer: Scorer, texts: pa.Array) -> TextCounts:
        """Count blank texts, and texts with a NUL if the model's token rule ends them there."""
        texts = as_strings(texts)
        with_nul = 0
        if scorer.facts.rule.ends_at_nul and has_nul(texts):
            with_nul = _count_true(pc.match_substring(texts, NUL))
        return cls(is_blank(texts), with_nul)


def count(
    scorer: Scorer,
    texts: TextCounts,
    numbers: pa.RecordBatch,
    sentiment: pa.StringArray,
    labels: pa.Array | None,
    rejected: int,
) -> Summary:
    """Count the records of a block; all arrays have one value per readable record."""
    positive = pc.equal(sentiment, scorer.facts.labels[1])
    blank = _count_true(texts.is_blank)
    few = pc.fill_null(numbers[FEW_KNOWN_WORDS], False)
    unread = pc.or_(few, pc.and_not(sentiment.is_null(), texts.is_blank))
    summary = Summary(
        scored=len(sentiment) - sentiment.null_count,
        without_text=blank,
        without_known_words=sentiment.null_count - blank,
        few_known_words=_count_true(few),
        first_unread=pc.index(unread, True).as_py() + 1,
        cut_to_length=_count_true(numbers[CUT_TO_LENGTH]),
        rejected=rejected,
        positive=_count_true(positive),
        cut_at_nul=texts.cut_at_nul,
    )
    others = {NEUTRAL: scorer.neutral is not None, MIXED: scorer.by_sentence}
    called = {label: pc.equal(sentiment, label) for label, is_used in others.items() if is_used}
    for label, is_called in called.items():
        setattr(summary, label, _count_true(is_called))
    if labels is not None:
        values = read_labels(labels)
        is_labelled = pc.and_(values.is_valid(), sentiment.is_valid())
        right = pc.equal(values, positive.cast(pa.int8()))
        for label, is_called in called.items():
            setattr(summary, f"labelled_{label}", _count_true(pc.and_(is_labelled, is_called)))
            right = pc.and_not(right, is_called)
        summary.labelled = _count_true(is_labelled)
        summary.unreadable_labels = summary.scored - summary.labelled
        summary.right = _count_true(right)
    return summary


def _count_true(values: pa.BooleanArray) -> int:
    return int(pc.sum(values).as_py() or 0)

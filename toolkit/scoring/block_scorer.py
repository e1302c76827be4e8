"""Score a block of records: render the output, and count the records."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import ASPECT_LABELS, MIXED, NEGATIVE, NEUTRAL, POSITIVE
from toolkit.model.labels import count_tenths, is_unsure
from toolkit.model.predictor import CUT_TO_LENGTH, FEW_KNOWN_WORDS, OTHER_LANGUAGE, as_strings
from toolkit.model.prior import count_levels
from toolkit.model.scorer import Scorer
from toolkit.model.second import count_by_second
from toolkit.records.archives import compressor
from toolkit.records.class_labels import numbers_of
from toolkit.records.columns import LABEL, aspect_role
from toolkit.records.labels import label_words
from toolkit.records.review_file import Offset, Output, Reject, ReviewFile
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.results import RecordCounts
from toolkit.text.strings import NUL, arrow_of, has_nul, is_blank

# A text that looks like a value, not a review: one word, or up to five words that all begin with a
# capital letter or a digit.
_VALUE = r"^\s*(\S+|[^a-z\s]\S*(\s+[^a-z\s]\S*){1,4})\s*$"
# Only the first blocks are checked for such texts: about 200 texts per block, evenly spaced.
_FIRST_BLOCKS = 32
_LOOKED_AT = 200


class ValueCount(NamedTuple):
    """How many texts were checked, and how many look like values: names, addresses, booleans."""

    values: int
    texts: int


@dataclass(frozen=True)
class ScoredBlock:
    """The scored records of a block, rendered for the output."""

    data: pa.Buffer | bytes | pa.RecordBatch
    rejects: bytes  # lines of JSON
    # One row per readable record, as `Scorer.predict` returns with `with_reading`.
    numbers: pa.RecordBatch
    summary: RecordCounts
    following: Offset
    ends_group: bool
    values: ValueCount  # zeros after the first blocks


@dataclass(frozen=True)
class BlockScorer:
    """Scores the blocks of one file; shared by the threads."""

    scorer: Scorer
    reviews: ReviewFile
    form: Output
    compression: str | None  # of the output
    saved: Sequence[pa.RecordBatch] = ()  # `ScoredBlock.numbers` of an earlier run, by block

    def score(self, block: SelectedBlock) -> ScoredBlock:
        """Score the wanted records of a block, or take their saved numbers."""
        parsed = block.parse()
        is_saved = block.number < len(self.saved)
        numbers = (
            self.saved[block.number]
            if is_saved
            else self.scorer.predict(parsed.texts, with_reading=True)
        )
        records = parsed.records
        rejects = parsed.rejects
        labels = parsed.fields.get("label")
        texts = as_strings(parsed.texts)
        blank = is_blank(texts)
        with_nul = self._count_nul(texts)
        is_first = block.number < _FIRST_BLOCKS
        values = _count_values(texts, numbers) if is_first else ValueCount(0, 0)
        del parsed, texts  # frees the texts, which may be as large as the output
        scores = self.scorer.columns(numbers, self.reviews.options.columns.adds)
        data = self.form.render(records, [*scores.values()])
        if self.form.open_file is None:
            data = compressor(self.compression)(data)
        if self.scorer.answers is None:
            summary = self._count(
                numbers, sentiment=scores["sentiment"], blank=blank, labels=labels
            )
        else:
            summary = self._count_classes(numbers, found=scores[LABEL], blank=blank, labels=labels)
        summary.rejected = len(rejects)
        if self.scorer.second is not None:
            summary.answered_by_second = count_by_second(numbers)
        summary.cut_at_nul = with_nul
        return ScoredBlock(
            data=data,
            rejects=b"".join(_line_of(reject, self.reviews) for reject in rejects),
            numbers=numbers,
            summary=summary,
            following=block.block.following,
            ends_group=block.block.ends_group,
            values=values,
        )

    def _count_nul(self, texts: pa.Array) -> int:
        """Count the texts that the model's token rule ends at a NUL."""
        if self.scorer.facts.rule.ends_at_nul and has_nul(texts):
            return _count_true(pc.match_substring(texts, NUL))
        return 0

    def _count_read(self, numbers: pa.RecordBatch, blank: pa.BooleanArray) -> RecordCounts:
        """Count the records of a block by whether their texts have known words."""
        probability = numbers["probability"]
        without_text = _count_true(blank)
        few = pc.fill_null(numbers[FEW_KNOWN_WORDS], False)
        other_language = _count_true(numbers[OTHER_LANGUAGE])
        unread = pc.or_(few, pc.and_not(probability.is_null(), blank))
        return RecordCounts(
            scored=len(probability) - probability.null_count,
            without_text=without_text,
            without_known_words=probability.null_count - without_text - other_language,
            other_language=other_language,
            few_known_words=_count_true(few),
            first_unread=pc.index(unread, True).as_py() + 1,
            cut_to_length=_count_true(numbers[CUT_TO_LENGTH]),
        )

    def _count_classes(
        self,
        numbers: pa.RecordBatch,
        *,
        found: pa.StringArray,
        blank: pa.BooleanArray,
        labels: pa.Array | None,
    ) -> RecordCounts:
        """Count the records of a block by class; all arrays have one value per readable record."""
        summary = self._count_read(numbers, blank)
        counts = {each["values"]: each["counts"] for each in found.value_counts().to_pylist()}
        assert self.scorer.answers is not None
        summary.classes = {name: counts.get(name, 0) for name in self.scorer.answers.shown}
        if labels is not None:
            names = self.scorer.facts.labels
            true = numbers_of(labels, names)
            called = numbers_of(found, names)
            has_answer = numbers["probability"].is_valid().to_numpy(zero_copy_only=False)
            is_labelled = has_answer & (true >= 0)
            summary.labelled = int(is_labelled.sum())
            summary.unreadable_labels = summary.scored - summary.labelled
            summary.right = int((is_labelled & (true == called)).sum())
        return summary

    def _count(
        self,
        numbers: pa.RecordBatch,
        *,
        sentiment: pa.StringArray,
        blank: pa.BooleanArray,
        labels: pa.Array | None,
    ) -> RecordCounts:
        """Count the records of a block; all arrays have one value per readable record."""
        positive = pc.equal(sentiment, self.scorer.facts.labels[1])
        probability = numbers["probability"].to_numpy(zero_copy_only=False)
        summary = self._count_read(numbers, blank)
        summary.unsure = int(is_unsure(probability).sum())
        summary.probability_tenths = count_tenths(probability)
        summary.levels = count_levels(probability, self.scorer.prior, self.scorer.base)
        summary.positive = _count_true(positive)
        for name in self.scorer.aspects.names if self.scorer.aspects else ():
            codes = numbers[aspect_role(name)].drop_null().to_numpy()
            counts = np.bincount(codes, minlength=1 + len(ASPECT_LABELS)).tolist()
            summary.aspects[name] = dict(zip(ASPECT_LABELS, counts[1:], strict=True))
        others = {NEUTRAL: self.scorer.neutral is not None, MIXED: self.scorer.by_sentence}
        called = {label: pc.equal(sentiment, label) for label, is_used in others.items() if is_used}
        for label, is_called in called.items():
            setattr(summary, label, _count_true(is_called))
        if labels is not None:
            answers = pc.if_else(positive, POSITIVE, NEGATIVE)
            for label, is_called in called.items():
                answers = pc.if_else(is_called, label, answers)
            summary.labels = _count_labels(labels, answers)
        return summary


def _count_values(texts: pa.Array, numbers: pa.RecordBatch) -> ValueCount:
    """Count the texts that look like values, among the texts with enough known words."""
    is_read = pc.invert(pc.fill_null(numbers[FEW_KNOWN_WORDS], True))  # null: without a score
    rows = np.flatnonzero(is_read.to_numpy(zero_copy_only=False))
    rows = rows[:: max(1, len(rows) // _LOOKED_AT)]
    found = pc.match_substring_regex(texts.take(arrow_of(rows)), _VALUE)
    return ValueCount(found.true_count, len(rows))


def _count_labels(labels: pa.Array, answers: pa.StringArray) -> dict[str, dict[str, int]]:
    """Count rows by label and answer; rows without an answer are left out."""
    table = pa.table({"label": label_words(labels), "answer": answers})
    table = (
        table.filter(answers.is_valid())
        .group_by(["label", "answer"])
        .aggregate([([], "count_all")])
    )
    found: dict[str, dict[str, int]] = {}
    for row in table.to_pylist():
        found.setdefault(row["label"], {})[row["answer"]] = row["count_all"]
    return dict(sorted(found.items()))


def _count_true(values: pa.BooleanArray) -> int:
    return int(pc.sum(values).as_py() or 0)


def _line_of(reject: Reject, reviews: ReviewFile) -> bytes:
    """Write a reject as a line of JSON: where the record is, what is wrong, and its bytes."""
    content: dict[str, Any] = {
        "file": str(reviews.path),
        reviews.counts: reject.number,
        "reason": reject.reason,
        "bytes": reject.length,
    }
    if reject.raw is not None:
        try:
            content["raw"] = reject.raw.decode()
        except UnicodeDecodeError:
            content["raw_base64"] = base64.b64encode(reject.raw).decode()
    return (json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")

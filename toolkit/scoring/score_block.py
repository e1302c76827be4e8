"""Score a block of records, and say what is written for them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from toolkit.model.scorer import Scorer
from toolkit.records.compression import compressor
from toolkit.records.review_file import Offset, Output, Reject, ReviewFile
from toolkit.scoring.blocks import SelectedBlock
from toolkit.scoring.summary import Summary, TextCounts, count


@dataclass(frozen=True)
class ScoredBlock:
    """The records of a block, as they are written."""

    data: pa.Buffer | bytes | pa.RecordBatch
    rejects: bytes  # lines of JSON
    first_reject: tuple[int, str] | None  # its number, and the reason
    # Of the records that could be read, as `Scorer.numbers` gives them, with the reading.
    numbers: pa.RecordBatch
    summary: Summary
    following: Offset
    ends_group: bool


@dataclass(frozen=True)
class BlockScorer:
    """Scores the blocks of one file; shared by the threads."""

    scorer: Scorer
    reviews: ReviewFile
    form: Output
    compression: str | None  # of the output
    saved: Sequence[pa.RecordBatch] = ()  # numbers of the first blocks

    def score(self, block: SelectedBlock) -> ScoredBlock:
        """Score what is wanted of a block, or take the numbers that are saved."""
        parsed = block.parse()
        is_saved = block.number < len(self.saved)
        numbers = (
            self.saved[block.number]
            if is_saved
            else self.scorer.numbers(parsed.texts, with_reading=True)
        )
        records, rejects, labels = parsed.records, parsed.rejects, parsed.fields.get("label")
        texts = TextCounts.of(self.scorer, parsed.texts)
        del parsed  # and with it the texts, which may be as large as the output
        scores = self.scorer.scores(numbers, self.reviews.options.columns.adds)
        data = self.form.render(records, [*scores.values()])
        if self.form.open_file is None:
            data = compressor(self.compression)(data)
        return ScoredBlock(
            data,
            b"".join(_line_of(reject, self.reviews) for reject in rejects),
            (rejects[0].number, rejects[0].reason) if rejects else None,
            numbers,
            count(self.scorer, texts, numbers, scores["sentiment"], labels, len(rejects)),
            block.block.following,
            block.block.ends_group,
        )


def _line_of(reject: Reject, reviews: ReviewFile) -> bytes:
    """Give a line of JSON: where a record is, what is wrong, and its bytes as they are."""
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

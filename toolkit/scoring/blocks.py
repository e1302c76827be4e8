"""Score a block of records, and say what is written for them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from toolkit.model.scorer import Scorer
from toolkit.records.compression import compression_of, compressor
from toolkit.records.review_file import Block, Output, Place, Reject, ReviewFile
from toolkit.scoring.jobs import Job
from toolkit.scoring.summary import Summary, count


@dataclass(frozen=True)
class ScoredBlock:
    """The records of a block, as they are written."""

    data: pa.Buffer | bytes | pa.RecordBatch
    rejects: bytes  # lines of JSON
    first_reject: tuple[int, str] | None  # its number, and the reason
    probability: pa.FloatArray  # of the records that could be read, null where there is no text
    summary: Summary
    following: Place
    ends_group: bool


@dataclass(frozen=True)
class BlockScorer:
    """Scores the blocks of one file; shared by the threads."""

    scorer: Scorer
    reviews: ReviewFile
    form: Output
    job: Job

    def score(self, block: Block, known: pa.FloatArray | None) -> ScoredBlock:
        """Score a block, or take the probabilities that are known."""
        parsed = self.reviews.parse(block)
        probability = self.scorer.probabilities(parsed.texts) if known is None else known
        records, rejects, labels = parsed.records, parsed.rejects, parsed.fields.get("label")
        del parsed  # and with it the texts, which may be as large as the output
        sentiment = self.scorer.sentiments(probability)
        data = self.form.render(records, sentiment, probability)
        if self.form.open_file is None:
            data = compressor(compression_of(self.job.output))(data)
        return ScoredBlock(
            data,
            b"".join(_line_of(reject, self.reviews) for reject in rejects),
            (rejects[0].number, rejects[0].reason) if rejects else None,
            probability,
            count(self.scorer, sentiment, labels, len(rejects)),
            block.following,
            block.ends_group,
        )


def _line_of(reject: Reject, reviews: ReviewFile) -> bytes:
    """Give the line of JSON for a record that cannot be read.

    It says in which file and on which line (or which record) it is, what is wrong, and how many
    bytes it has, with these as they are: ``raw``, or ``raw_base64`` where they are not UTF-8.
    """
    raw: dict[str, Any] = {"bytes": reject.length}
    if reject.raw is not None:
        try:
            raw["raw"] = reject.raw.decode()
        except UnicodeDecodeError:
            raw["raw_base64"] = base64.b64encode(reject.raw).decode()
    content = {
        "file": str(reviews.path),
        reviews.counts: reject.number,
        "reason": reject.reason,
        **raw,
    }
    return (json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")

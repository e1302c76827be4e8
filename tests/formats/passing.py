"""Files of reviews passed through a format, with scores that are made up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.formats import base, open_reviews
from toolkit.formats.columns import Columns


@dataclass(frozen=True)
class Passed:
    """What came out of a file."""

    texts: list[str | None]
    output: bytes


def pass_through(
    data: bytes,
    ending: str,
    columns: Columns | None = None,
    block_bytes: int = base.BLOCK_BYTES,
) -> Passed:
    """Read and write a file; rows with a text are positive with 0.5, the others have no score."""
    with TemporaryDirectory() as folder, patch.object(base, "BLOCK_BYTES", block_bytes):
        path = Path(folder) / f"reviews{ending}"
        path.write_bytes(data)
        with open_reviews(path, columns or Columns()) as reviews:
            texts: list[str | None] = []
            parts = [reviews.header]
            for block in reviews.blocks():
                batch = reviews.parse(block)
                text = batch.column(base.TEXT)
                texts += text.to_pylist()
                scored = pc.fill_null(pc.not_equal(text, ""), False)
                sentiment = pc.if_else(scored, "positive", pa.scalar(None, pa.string()))
                half = pa.scalar(0.5, pa.float32())
                probability = pc.if_else(scored, half, pa.scalar(None, pa.float32()))
                parts.append(reviews.render(batch, sentiment, probability).to_pybytes())
            return Passed(texts, b"".join([*parts, reviews.trailer]))

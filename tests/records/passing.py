"""Files of reviews passed through a format, with scores that are made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records import Columns, ReadOptions, format_of, open_reviews, output_of
from toolkit.records.archives import compression_of, compressor
from toolkit.records.review_file import Output, Parsed, Reject


@dataclass(frozen=True)
class Passed:
    """What came out of a file."""

    texts: list[str | None]
    output: bytes
    rejects: Sequence[Reject] = ()
    warnings: Sequence[str] = field(default=(), compare=False)


def pass_through(
    data: bytes,
    ending: str,
    columns: Columns | None = None,
    block_bytes: int = ReadOptions().block_bytes,
    to: str | None = None,
    scores: Sequence[pa.Array] | None = None,
    **options: object,
) -> Passed:
    """Read and write a file; rows with a text are positive with 0.5, the others have no score.

    Other scores are arrays of all rows of the file, one for each added column.

    The texts may be anything: by default, no word stands for a missing value.
    """
    options = {"null_words": (), **options}
    with TemporaryDirectory() as folder:
        path, target = Path(folder) / f"reviews{ending}", Path(folder) / f"out{to or ending}"
        path.write_bytes(data)
        reading = ReadOptions(columns or Columns(), block_bytes=block_bytes, **options)  # type: ignore[arg-type]
        with open_reviews(path, reading) as reviews:
            output = output_of(reviews, format_of(path), format_of(target), reading.delimiter)
            blocks = list(reviews.blocks())
            parsed = [reviews.parse(block) for block in blocks]
            added = _added(parsed, scores)
            _write(target, output, parsed, added, [block.ends_group for block in blocks])
            return Passed(
                [text for part in parsed for text in part.texts.to_pylist()],
                target.read_bytes(),
                [reject for part in parsed for reject in part.rejects],
                reviews.warnings,
            )


def _write(
    target: Path,
    output: Output,
    parsed: list[Parsed],
    added: list[Sequence[pa.Array]],
    ends: list[bool],
) -> None:
    rendered = [
        output.render(part.records, scores) for part, scores in zip(parsed, added, strict=True)
    ]
    if output.open_file is not None:
        with target.open("wb") as file:
            table = output.open_file(file, output.metadata)
            for part, is_end in zip(rendered, ends, strict=True):
                table.append(part, ends_group=is_end)
            table.close()
        return
    pack = compressor(compression_of(target))
    blocks = [bytes(part) for part in rendered if len(part)]
    parts = [output.header, *_between(blocks, output.separator), output.trailer()]
    target.write_bytes(b"".join(bytes(pack(pa.py_buffer(part))) for part in parts))


def _between(blocks: list[bytes], separator: bytes) -> list[bytes]:
    pairs = [[separator, block] for block in blocks]
    return [part for pair in pairs for part in pair][1:]


def _added(parsed: list[Parsed], scores: Sequence[pa.Array] | None) -> list[Sequence[pa.Array]]:
    """Return the added columns of each block."""
    if scores is None:
        return [_scores(part.texts) for part in parsed]
    starts = accumulate((len(part.texts) for part in parsed), initial=0)
    return [
        [column.slice(start, len(part.texts)) for column in scores]
        for part, start in zip(parsed, starts, strict=False)
    ]


def _scores(texts: pa.Array) -> tuple[pa.StringArray, pa.FloatArray]:
    texts = texts.cast(pa.string())
    scored = pc.fill_null(pc.not_equal(texts, ""), False)
    half = pa.scalar(0.5, pa.float32())
    return (
        pc.if_else(scored, "positive", pa.scalar(None, pa.string())),
        pc.if_else(scored, half, pa.scalar(None, pa.float32())),
    )

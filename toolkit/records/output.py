"""How scored records are written: as the input has them, or as another format holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from toolkit.records import conversions as tables
from toolkit.records.parquet import ParquetFile
from toolkit.records.parquet_writer import with_scores
from toolkit.records.review_file import ReviewFile

Render = Callable[[pa.RecordBatch, pa.StringArray, pa.FloatArray], pa.Buffer | pa.RecordBatch]


@dataclass(frozen=True)
class Output:
    """What to write around and for the records of a file."""

    render: Render  # some records and their scores → bytes, or a batch for a Parquet file
    header: bytes = b""
    trailer: Callable[[], bytes] = bytes  # known when all records are read
    schema: pa.Schema | None = None  # of a Parquet file
    compression: str = "snappy"  # of a Parquet file


def output_of(reviews: ReviewFile, source: str, target: str, delimiter: str | None) -> Output:
    """Choose how the records of a file are written.

    Parameters
    ----------
    reviews : ReviewFile
        The input, opened.
    source : str
        Its format, one of `FORMATS`.
    target : str
        The format of the output, one of `FORMATS`.
    delimiter : str | None
        Of the output, where it is delimited and the input is not.

    Returns
    -------
    Output
        For the whole file.

    Raises
    ------
    UsageError
        If the output cannot hold the columns of the input.
    """
    if source == target:
        if isinstance(reviews, ParquetFile):
            schema = with_scores(reviews.input_schema, reviews.columns)
            return Output(reviews.render, schema=schema, compression=reviews.compression)
        return Output(reviews.render, reviews.header, lambda: reviews.trailer)
    schema = with_scores(reviews.schema(), reviews.columns)

    def table(
        records: pa.RecordBatch, sentiment: pa.StringArray, probability: pa.FloatArray
    ) -> pa.RecordBatch:
        columns = [*reviews.values(records).columns, sentiment, probability]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    if target == "parquet":
        return Output(table, schema=schema)
    if target == "jsonl":
        return Output(lambda *scored: tables.to_json_lines(table(*scored)))
    mark = "\t" if target == "tsv" else ","
    if source not in ("csv", "tsv"):
        mark = delimiter or mark
    header = tables.delimited_header(schema, mark)
    return Output(lambda *scored: tables.to_delimited(table(*scored), mark), header)

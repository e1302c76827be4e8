"""Reading reviews from CSV and writing them with scores, the quick way: Arrow, a file at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

PARSE = pyarrow.csv.ParseOptions(newlines_in_values=True)
CONVERT = pyarrow.csv.ConvertOptions(
    column_types={name: pa.string() for name in ("id", "movie", "stars", "text")}
)


def read(path: Path) -> pa.Table:
    """Read a CSV file whole, every column as strings."""
    return pyarrow.csv.read_csv(path, parse_options=PARSE, convert_options=CONVERT)


def write(table: pa.Table, probabilities: npt.NDArray[np.float32], path: Path) -> None:
    """Write a CSV file with the two columns that `toolkit score` adds."""
    sentiment = pc.if_else(pa.array(probabilities >= 0.5), "positive", "negative")
    table = table.append_column("predicted_sentiment", sentiment)
    table = table.append_column("positive_probability", pa.array(probabilities, pa.float32()))
    pyarrow.csv.write_csv(table, path)

"""Reading reviews from CSV and writing them with scores, the quick way: Arrow, a file at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

ROWS_AT_ONCE = 2_500  # of `score_file`
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


def score_file(
    source: Path,
    output: Path,
    score: Callable[[list[str]], npt.NDArray[np.float32]],
    *,
    cores: int,
) -> None:
    """Score a CSV file part by part, in a process for each core."""
    table = read(source)
    texts = table["text"].to_pylist()
    parts = [texts[i : i + ROWS_AT_ONCE] for i in range(0, len(texts), ROWS_AT_ONCE)]
    if cores == 1:
        scores = [score(part) for part in parts]
    else:
        with ProcessPoolExecutor(cores) as pool:
            scores = list(pool.map(score, parts))
    write(table, np.concatenate(scores), output)

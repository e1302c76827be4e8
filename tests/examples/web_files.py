"""What tests do with the files of the page of `examples/web`: send them, and look at what comes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data import PROJECT, shared_data
from tests.models import MODEL
from toolkit import Scorer

TILES = ["Positive", "Neutral", "Negative", "Without text"]
ADDED = ["predicted_sentiment", "positive_probability", "predicted_stars"]


def upload(page: Any, name: str, content: bytes) -> None:
    """Choose a file, and wait for what comes of it."""
    page.evaluate("document.getElementById('problem').hidden = true")
    page.evaluate("document.getElementById('choose').hidden = true")
    page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})
    page.wait_for_selector("#progress", state="hidden")


def downloaded(page: Any, words: str) -> tuple[str, bytes]:
    """Name and content of a file that the page offers."""
    page.wait_for_selector(f"a[href]:has-text('{words}')")
    with page.expect_download() as waiting:
        page.click(f"text={words}")
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def scored(page: Any, name: str, content: bytes) -> bytes:
    """Upload a file, and download it with its scores."""
    upload(page, name, content)
    assert page.is_visible("#result"), page.inner_text("#problem")
    saved, data = downloaded(page, "Download the scored file")
    stem, dot, ending = name.rpartition(".")
    assert saved == f"{stem}.scored{dot}{ending}"
    return data


def rejected(page: Any) -> list[dict[str, Any]]:
    """The records that were rejected, as they are downloaded; the table shows the same."""
    name, data = downloaded(page, "Download what could not be read")
    assert name.endswith(".rejected.jsonl")
    records = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    lines = page.locator(".rejected tbody tr td:first-child").all_inner_texts()
    assert lines == [f"{record['line']:,}" for record in records[:100]]
    return records


def problem(page: Any, name: str, content: bytes) -> str:
    upload(page, name, content)
    assert page.is_visible("#problem")
    return str(page.inner_text("#problem"))


def count(page: Any, name: str) -> int:
    tile = page.locator(".counts > div", has_text=name).locator("dd")
    return int(tile.evaluate("dd => dd.firstChild.data").replace(",", ""))


def check_csv(
    before: bytes,
    after: bytes,
    column: str = "text",
    delimiter: str = ",",
    tolerance: float = 1e-6,
) -> None:
    """Every column is kept, and the scores are those of the scorer."""
    rows, found = (
        list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))
        for data in (before, after)
    )
    assert [row[:-3] for row in found] == rows
    assert found[0][-3:] == ADDED
    place = rows[0].index(column)
    texts = [row[place] for row in rows[1:]]
    expected = neutral_scorer().score(texts)
    assert [row[-3] for row in found[1:]] == [score.sentiment or "" for score in expected]
    check_numbers(
        [row[-2] for row in found[1:]], [score.probability for score in expected], tolerance
    )
    check_numbers([row[-1] for row in found[1:]], neutral_scorer().stars(texts), 0.011)


def check_numbers(written: list[str], expected: Sequence[float | None], tolerance: float) -> None:
    """They are these, each the shortest that reads back as the same float32."""
    filled = [each or None for each in written]
    numbers = pa.array([None if each is None else np.float32(each) for each in filled])
    assert numbers.cast(pa.string()).to_pylist() == filled
    assert numbers.to_pylist() == [
        None if each is None else pytest.approx(each, abs=tolerance) for each in expected
    ]


@cache
def neutral_scorer() -> Scorer:
    """The default model, which calls the middle neutral, as the page does."""
    return Scorer(MODEL, neutral=True)


def reviews(rows: int) -> bytes:
    """Real reviews as CSV, where they are; else repeated ones of the examples."""
    try:
        table = pq.read_table(shared_data("imdb") / "test.parquet", columns=["id", "text", "stars"])
        records = table.slice(0, rows).to_pylist()
    except pytest.skip.Exception:
        with (PROJECT / "examples/reviews.csv").open(encoding="utf-8", newline="") as file:
            few = list(csv.DictReader(file))
        records = [{**few[row % len(few)], "id": f"{row:05}"} for row in range(rows)]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue().encode()

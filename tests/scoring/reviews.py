"""Files of reviews, and the scores in scored ones."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np

from toolkit.model import Score


def write_csv(path: Path, texts: list[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *enumerate(texts)])
    return path


def write_json_lines(path: Path, texts: list[str | None]) -> Path:
    rows = [{"id": number, "text": text} for number, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def scores_in_csv(path: Path) -> list[Score]:
    rows = csv.DictReader(io.StringIO(path.read_bytes().decode(), newline=""), strict=True)
    return [
        Score(row["predicted_sentiment"] or None, as_float32(row["positive_probability"]))
        for row in rows
    ]


def as_float32(written: str) -> float | None:
    return float(np.float32(written)) if written else None


def scores_in_json_lines(path: Path) -> list[Score]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [
        Score(
            row["predicted_sentiment"],
            None
            if row["positive_probability"] is None
            else float(np.float32(row["positive_probability"])),
        )
        for row in rows
    ]

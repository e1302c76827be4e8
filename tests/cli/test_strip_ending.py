"""`--strip-ending`: words of a web page at the end of reviews, which are not read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.running import Command
from tests.models import MODEL, shipped_scorer
from toolkit.errors import UsageError
from toolkit.records import ReadOptions
from toolkit.records.columns import Columns
from toolkit.records.table import read_texts
from toolkit.scoring import ScoringOptions
from toolkit.scoring.identity import settings_of
from toolkit.text.strings import repeated_edge, without_endings

ENDING = "READ MORE"
PLAIN = ["superb and delightful", 'a "dull" mess, awful', "", "READ MORE inside is fine"]
GLUED = ["superb and delightfulREAD MORE", 'a "dull" mess, awful READ MORE \n', ENDING, PLAIN[3]]


def write(folder: Path, ending: str, texts: list[str]) -> Path:
    path = folder / f"r{ending}"
    if ending == ".parquet":
        pq.write_table(pa.table({"text": texts}), path)
    elif ending == ".jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        rows = ['"' + text.replace('"', '""') + '"\n' for text in ["text", *texts]]
        path.write_text("".join(rows))
    return path


def rows_of(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
        return list(lines)


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_only_what_is_read_is_cut(tmp_path: Path, command: Command, ending: str) -> None:
    source, scored = write(tmp_path, ending, GLUED), tmp_path / f"s{ending}"
    ran = command("score", source, "-o", scored, "--model", MODEL, "--strip-ending", ENDING)
    assert ran.exit_code == 0
    rows = rows_of(scored)
    assert [row["text"] for row in rows] == GLUED  # the records stay as they are
    expected = [each.probability for each in shipped_scorer().score(PLAIN)]
    assert expected[2] is None
    found = [float(row["positive_probability"] or "nan") for row in rows]
    assert found == pytest.approx([value or np.nan for value in expected], abs=1e-6, nan_ok=True)
    assert found != pytest.approx(
        [each.probability or np.nan for each in shipped_scorer().score(GLUED)], nan_ok=True
    )


def test_an_ending_that_differs_is_not_resumed() -> None:
    scorer = shipped_scorer()
    plain, stripped = (
        settings_of(scorer, ScoringOptions(reading=ReadOptions(strip_endings=endings)))
        for endings in ((), (ENDING,))
    )
    assert [name for name in plain if plain[name] != stripped[name]] == ["the options"]
    for wrong in (" ", "READ \udcff"):
        with pytest.raises(UsageError, match="--strip-ending: expected words in UTF-8"):
            ReadOptions(strip_endings=(wrong,))


def test_each_of_several_columns_is_cut(tmp_path: Path) -> None:
    (path := tmp_path / "r.csv").write_text("title,body\nfineREAD MORE,bad READ MORE\n")
    reading = ReadOptions(columns=Columns(("title", "body")), strip_endings=(ENDING,))
    assert list(read_texts(path, reading)) == ["fine\nbad"]


def test_evaluate_reads_the_same(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "r.csv"
    path.write_text("text,label\nsuperbREAD MORE,1\nawfulREAD MORE,0\n")
    ran = command("evaluate", MODEL, str(path), "--strip-ending", ENDING)
    assert "2 reviews (1 positive, 1 negative)" in ran.out
    assert " 100.00%" in ran.out


@given(
    st.lists(st.text(st.sampled_from("ab.$ \n\u00a0é")), min_size=1), st.sampled_from(["$.", "a b"])
)
def test_endings_are_cut_as_python_would(texts: list[str], words: str) -> None:
    def cut(text: str) -> str:
        found = text
        while (bare := found.rstrip(" \n\u00a0")).endswith(words):
            found = bare.removesuffix(words).rstrip(" \n\u00a0")
        return found

    assert without_endings(pa.array(texts), [words]).to_pylist() == [cut(text) for text in texts]


def test_repeated_edges_are_found() -> None:
    words = ["fine", "bad", "dull", "great", "odd", "new"]
    texts = [f"{n}: a {words[n % 6]} thing {n}{'READ MORE' * (n % 2)}" for n in range(200)]
    assert repeated_edge(pa.chunked_array([texts]), at_end=True) == (ENDING, 100)
    assert repeated_edge(pa.chunked_array([texts]), at_end=False) == ("", 0)
    texts = [f"Read more: {words[n % 6]} {n}" for n in range(200)]
    assert repeated_edge(pa.chunked_array([texts]), at_end=False) == ("Read more:", 200)
    assert repeated_edge(pa.chunked_array([["good product"] * 30]), at_end=True)[0] == ""

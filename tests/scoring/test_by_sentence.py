"""Runs by sentence, with stars, that are interrupted, and what they may be continued with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from tests.models import CONV1D, many_texts
from tests.scoring.kinds import KINDS, WRITERS
from tests.scoring.test_resume import OPTIONS, Stopped, counts, results, stop_after
from toolkit.errors import UsageError
from toolkit.model import Scorer
from toolkit.records import Columns
from toolkit.scoring import ScoringOptions, score_file

TEXTS = [f"{a}. but {b}!" for a, b in zip(many_texts(40), many_texts(40, 2), strict=True)]
COLUMNS = Columns(
    adds=("sentiment", "probability", "stars", "positive_sentences", "negative_sentences")
)
SCORER = Scorer(by_sentence=True)
BY_SENTENCE: ScoringOptions = replace(
    OPTIONS, reading=replace(OPTIONS.reading, columns=COLUMNS), checkpoint_seconds=0
)


@pytest.mark.parametrize("kind", [*KINDS, (".parquet", ".jsonl")], ids=str)
def test_a_run_by_sentence_continues(kind: tuple[str, str], tmp_path: Path) -> None:
    source, whole = tmp_path / f"a{kind[0]}", tmp_path / f"whole{kind[1]}"
    WRITERS[kind[0]](source, TEXTS)
    summary = score_file(SCORER, source, whole, BY_SENTENCE)
    assert summary.mixed > 0
    output = tmp_path / f"b{kind[1]}"
    with pytest.raises(Stopped):
        score_file(SCORER, source, output, BY_SENTENCE, stop_after(1))
    assert counts(score_file(SCORER, source, output, BY_SENTENCE)) == counts(summary)
    assert results(source, output) == results(source, whole)


def test_saved_counts_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = tmp_path / "a.csv", tmp_path / "b.parquet"
    WRITERS[".csv"](source, TEXTS)
    with pytest.raises(Stopped):
        score_file(SCORER, source, output, BY_SENTENCE, stop_after(2))
    scored: list[int] = []
    original = SCORER.predict

    def predict(texts: pa.Array, *, with_reading: bool) -> pa.RecordBatch:
        scored.append(len(texts))
        return original(texts, with_reading=with_reading)

    monkeypatch.setattr(SCORER, "predict", predict)
    score_file(SCORER, source, output, BY_SENTENCE)
    assert 0 < sum(scored) < len(TEXTS) - 5


@pytest.mark.parametrize("other", ["options", "scorer"])
def test_a_run_is_not_continued_without_sentences(other: str, tmp_path: Path) -> None:
    source, output = tmp_path / "a.csv", tmp_path / "b.csv"
    WRITERS[".csv"](source, TEXTS)
    with pytest.raises(Stopped):
        score_file(SCORER, source, output, BY_SENTENCE, stop_after(1))
    scorer, options = (SCORER if other == "options" else Scorer()), OPTIONS
    what = "the options" if other == "options" else "the scoring by sentence"
    with pytest.raises(UsageError, match=f"because this has changed: .*{what}"):
        score_file(scorer, source, output, options)


def test_rows_of_one_length(tmp_path: Path) -> None:
    source, output = tmp_path / "a.csv", tmp_path / "b.csv"
    WRITERS[".csv"](source, TEXTS)
    columns = Columns(adds=tuple(name for name in COLUMNS.adds if name != "stars"))
    options = replace(BY_SENTENCE, reading=replace(OPTIONS.reading, columns=columns))
    summary = score_file(Scorer(CONV1D, by_sentence=True), source, output, options)
    assert summary.scored == len(TEXTS) - summary.rejected - summary.without_text

"""Scoring a file: the scores of the scorer, beside records that stay."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.models import FILM, MODEL, OLD_MODELS, many_texts, shipped_scorer
from tests.scoring.reviews import scores_in_csv, scores_in_json_lines, write_csv, write_json_lines
from toolkit.errors import InputError
from toolkit.model import Score, Scorer
from toolkit.records import ReadOptions
from toolkit.scoring import Progress, RecordCounts, ScoringOptions, score_file

TEXTS = [*many_texts(250), "", "  ", "!!!", 'a "superb", film\nof\r\nthe year', "été 😀", "\u2028"]


SMALL_BLOCKS = ScoringOptions(reading=ReadOptions(block_bytes=4000))


def test_both_formats_give_the_scores_of_the_scorer(tmp_path: Path) -> None:
    expected = shipped_scorer().score(TEXTS)
    source, output = write_csv(tmp_path / "a.csv", TEXTS), tmp_path / "b.csv"
    summary = score_file(shipped_scorer(), source, output, SMALL_BLOCKS)
    assert scores_in_csv(output) == expected
    lines, scored_lines = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write_json_lines(lines, [*TEXTS, None])
    score_file(shipped_scorer(), lines, scored_lines, SMALL_BLOCKS)
    assert scores_in_json_lines(scored_lines) == [*expected, Score(None, None)]
    sentiments = [score.sentiment for score in expected]
    blank = sum(not text.strip() for text in TEXTS)
    assert (summary.records, summary.without_text) == (len(TEXTS), blank)
    assert summary.without_known_words == sentiments.count(None) - blank
    assert summary.positive == sentiments.count("positive")
    assert summary.scored == len(TEXTS) - sentiments.count(None)
    assert summary.seconds > 0
    assert summary.rate == summary.records / summary.seconds


@pytest.mark.parametrize(
    ("model", "known", "cut"), [(MODEL, 2, 2), (OLD_MODELS / "conv1d.onnx", 6, 0)], ids=["3", "2"]
)
def test_every_record_is_counted_once(tmp_path: Path, model: Path, known: int, cut: int) -> None:
    texts = ["good", "\U0001f994", "bad\0 good", "\0good", "", None, "!!!", "\u597d"]
    source = tmp_path / "a.jsonl"
    write_json_lines(source, texts)
    with source.open("ab") as file:
        file.write(b"{\n")
    summary = score_file(Scorer(model), source, tmp_path / "b.jsonl")
    assert (summary.records, summary.rejected, summary.without_text) == (9, 1, 2)
    assert (summary.scored, summary.without_known_words) == (known, 6 - known)
    assert summary.cut_at_nul == cut


def test_a_summary_of_nothing() -> None:
    assert (RecordCounts().scored, RecordCounts().rate) == (0, 0.0)


def test_doubled_quotes_change_no_score(tmp_path: Path) -> None:
    texts = ['the "best" film', '"', 'a ""superb"" one', '"""worst"""']
    score_file(shipped_scorer(), write_csv(tmp_path / "a.csv", texts), tmp_path / "b.csv")
    assert scores_in_csv(tmp_path / "b.csv") == shipped_scorer().score(texts)


def test_progress_goes_to_the_end(tmp_path: Path) -> None:
    source, seen = write_csv(tmp_path / "a.csv", TEXTS), list[Progress]()
    score_file(shipped_scorer(), source, tmp_path / "b.csv", SMALL_BLOCKS, seen.append)
    assert len(seen) > 5
    assert seen == sorted(seen, key=lambda progress: (progress.records, progress.bytes_done))
    size = source.stat().st_size
    assert seen[-1] == Progress(len(TEXTS), size, size)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_bad_record_stops_where_asked(workers: int, ending: str, tmp_path: Path) -> None:
    source, output = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    texts = ["a film " * 100] * 20  # 700 bytes each: the third block has the rows from 10 on
    write_csv(source, texts) if ending == ".csv" else write_json_lines(source, [*texts])
    line_end, bad = (b"\r\n", b"1,2,3") if ending == ".csv" else (b"\n", b"[]")
    lines = source.read_bytes().split(line_end)
    source.write_bytes(line_end.join([*lines[:15], bad, *lines[15:]]))
    seen = list[Progress]()
    options = ScoringOptions(
        reading=ReadOptions(block_bytes=4000), stop_on_error=True, workers=workers
    )
    with pytest.raises(InputError, match=f"a{ending}: line 16: "):
        score_file(shipped_scorer(), source, output, options, seen.append)
    assert seen  # blocks were written before
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_long_reviews(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    limit = csv.field_size_limit(1 << 30)
    request.addfinalizer(lambda: csv.field_size_limit(limit))
    texts = [
        "dull " * 10_000 + FILM,
        "the " * 1_250_000,
        "x" * 5_000_000,
        "! " * 2_500_000,
        "é" * 9,
    ]
    score_file(shipped_scorer(), write_csv(tmp_path / "a.csv", texts), tmp_path / "b.csv")
    scores = scores_in_csv(tmp_path / "b.csv")
    assert scores == shipped_scorer().score(texts)
    # The model reads the last words: what stands far before them does not matter.
    last = shipped_scorer().facts.max_tokens
    assert scores[0] == shipped_scorer().score(["dull " * last + FILM])[0]
    # The other three have no known word.
    assert [score.probability is None for score in scores] == [False, False, True, True, True]

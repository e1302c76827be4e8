"""What is counted and said of texts that the model cannot read."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models import many_texts, shipped_scorer
from tests.scoring.foreign import FOREIGN, lines_of
from tests.scoring.kinds import WRITERS
from tests.scoring.reviews import write_csv, write_json_lines
from tests.scoring.test_resume import OPTIONS, Stopped, counts, stop_after
from toolkit.errors import InputError
from toolkit.scoring import (
    Job,
    Jobs,
    MaxUnread,
    RecordCounts,
    ScoringOptions,
    score_file,
    score_files,
)
from toolkit.scoring.results import counts_warning

LONG = "a fine film " * 200


def test_each_kind_is_counted(tmp_path: Path) -> None:
    texts = [
        "good",
        "!!!",
        "שלום עולם",
        "",
        None,
        LONG,
        "El hotel estaba muy limpio",
        "5",
        "5 good",
    ]
    write_json_lines(tmp_path / "a.jsonl", texts)
    with (tmp_path / "a.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": 5}\n')
    summary = score_file(shipped_scorer(), tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    # A number alone, such as 5, says nothing.
    assert (summary.scored, summary.without_text, summary.without_known_words) == (4, 2, 3)
    assert (summary.few_known_words, summary.cut_to_length, summary.rejected) == (1, 1, 1)
    assert (summary.first_unread, summary.unread) == (2, 4)


def test_the_first_unread_row_is_that_of_the_output(tmp_path: Path) -> None:
    texts = [*many_texts(300), *[""] * 7, "🪤", *many_texts(50), "🪤"]
    source = write_csv(tmp_path / "a.csv", texts)
    content = source.read_text(encoding="utf-8").split("\n", 1)
    source.write_text(f"{content[0]}\n\na,b,c,d,e,f\n{content[1]}", encoding="utf-8")
    read = [text for text in texts if text is not None]
    for reading in (OPTIONS.reading, replace(OPTIONS.reading, block_bytes=1 << 22)):
        options = replace(OPTIONS, reading=reading, force=True)
        summary = score_file(shipped_scorer(), source, tmp_path / "b.csv", options)
        assert summary.rejected == 1
        scored = shipped_scorer().score(read)
        expected = next(i for i, s in enumerate(scored, 1) if read[i - 1] and s.sentiment is None)
        assert summary.first_unread == expected


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_counts_survive_a_resume(ending: str, tmp_path: Path) -> None:
    source = tmp_path / f"a{ending}"
    texts = [*many_texts(20), LONG, *lines_of("Spanish"), *lines_of("Hebrew"), *many_texts(20)]
    WRITERS[ending](source, texts)
    whole = score_file(shipped_scorer(), source, tmp_path / f"whole{ending}", OPTIONS)
    assert min(whole.few_known_words, whole.first_unread, whole.cut_to_length) > 0
    options = replace(OPTIONS, checkpoint_seconds=0.0)
    for block in (1, 2, 3):
        output = tmp_path / f"b{block}{ending}"
        with pytest.raises(Stopped):
            score_file(shipped_scorer(), source, output, options, stop_after(block))
        assert counts(score_file(shipped_scorer(), source, output, options)) == counts(whole)


WORDS = ["Anna", "John", "Mary", "Paris", "Smith", "Young"]
VALUES = {
    "addresses": "{0}.{1}@example.com",
    "urls": "https://www.example.com/{0}?id={1}",
    "names": "{0} {1}",
    "places": "New {0}, {1} & Co",
    "categories": "{0}",
}


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("form", VALUES)
def test_values_of_another_column_are_noticed(form: str, ending: str, tmp_path: Path) -> None:
    values = [VALUES[form].format(a, b) for a in WORDS for b in WORDS]
    reviews = [text for text in many_texts(200) if text and text.strip()]
    for texts, is_said in (
        (values, True),
        (values[:19], False),
        ([*values, *reviews[:6]], True),
        ([*values, *reviews[:20]], False),
        (reviews, False),
    ):
        WRITERS[ending](tmp_path / f"a{ending}", texts)
        job = Job.of(tmp_path / f"a{ending}", tmp_path / f"b{ending}")
        options = ScoringOptions(force=True)
        (result,) = score_files(shipped_scorer(), Jobs([job], is_single=True), options)
        said = [warning for warning in result.warnings if "look like names" in warning]
        assert len(said) == is_said


@pytest.mark.parametrize(
    ("most", "is_passed"),
    [("0", True), ("2", True), ("3", False), ("37%", True), ("38%", False), (None, False)],
)
def test_a_limit_of_texts_that_the_model_cannot_read(
    most: str | None, is_passed: bool, tmp_path: Path
) -> None:
    """Of eight texts, three; whether they are in the first block of the file, or in others."""
    texts = ["good", "שלום עולם", "", "bad", "!!!", "5 5", *["a fine film"] * 3]
    source = write_csv(tmp_path / "a.csv", texts)
    limit = None if most is None else MaxUnread.parse(most)
    for block_bytes in (8, 1 << 20):
        reading = replace(OPTIONS.reading, block_bytes=block_bytes)
        options = ScoringOptions(reading=reading, max_unread=limit)
        expected = (
            pytest.raises(
                InputError,
                match=rf" of the .*[1-8] texts, more than --max-unread {most} allows; the first",
            )
            if is_passed
            else nullcontext()
        )
        with expected:
            score_file(shipped_scorer(), source, tmp_path / f"{block_bytes}.csv", options)
        assert (tmp_path / f"{block_bytes}.csv").exists() is not is_passed


summaries = st.builds(
    RecordCounts,
    scored=st.integers(0, 9),
    without_text=st.integers(0, 9),
    rejected=st.integers(0, 9),
).flatmap(
    lambda each: st.integers(0, each.records - each.rejected).map(
        lambda first: replace(each, first_unread=first)
    )
)


@given(summaries, summaries, summaries)
def test_sums_of_summaries(a: RecordCounts, b: RecordCounts, c: RecordCounts) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + RecordCounts() == RecordCounts() + a == a
    rows = [part.records - part.rejected for part in (a, b, c)]
    starts = [0, rows[0], rows[0] + rows[1]]
    firsts = [
        start + part.first_unread
        for start, part in zip(starts, (a, b, c), strict=True)
        if part.first_unread
    ]
    assert (a + b + c).first_unread == min(firsts, default=0)


@pytest.mark.parametrize("language", FOREIGN)
def test_a_file_in_another_language_is_noticed(language: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", lines_of(language))
    summary = score_file(shipped_scorer(), source, tmp_path / "b.csv")
    warning = counts_warning(summary, "text", is_single=True)
    assert warning is not None
    assert "of the texts of column 'text', first in row " in warning


@pytest.mark.parametrize(
    ("unread", "texts", "is_said"),
    [
        *((0, 0, False), (1, 1, True), (1, 2, False), (2, 3, True), (4, 10, False)),
        *((5, 49, True), (5, 50, False), (100, 1000, False), (101, 1000, True)),
    ],
)
def test_when_it_is_said(unread: int, texts: int, is_said: bool) -> None:
    for none in (0, unread):
        summary = RecordCounts(
            scored=texts - none, without_known_words=none, few_known_words=unread - none
        )
        assert (counts_warning(summary, None, is_single=True) is not None) is is_said

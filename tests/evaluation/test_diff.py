"""What changes from one model to another, against a plain loop over the rows."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.conftest import WriteRows
from tests.evaluation.differences import OLD, compared
from tests.models import MODEL, many_texts
from toolkit import Scorer
from toolkit.errors import InputError, UsageError
from toolkit.evaluation.differences import change_tally
from toolkit.evaluation.differences.changes import Counts, Difference
from toolkit.evaluation.differences.json_report import as_dict
from toolkit.evaluation.differences.models import diff
from toolkit.evaluation.differences.score_pairs import Distances
from toolkit.evaluation.differences.verdict import changed_labels, verdict, who_is_right
from toolkit.records.columns import Columns


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Some are empty, and some have no word that the new model knows."""
    return [*many_texts(600), *["", "¿¿¿ ☃☃", "ωωω"] * 5]


@pytest.fixture(scope="module")
def both(texts: list[str]) -> list[tuple[str | None, str | None]]:
    old, new = (Scorer(path).score(texts) for path in (OLD, MODEL))
    return [(a.sentiment, b.sentiment) for a, b in zip(old, new, strict=True)]


@pytest.fixture
def file(write_rows: WriteRows, texts: list[str]) -> Path:
    rows = [(text, number % 2, f"film {number % 3}") for number, text in enumerate(texts)]
    return write_rows("r.csv", ("text", "label", "film"), rows)


def test_counts_are_those_of_a_plain_loop(
    file: Path, both: list[tuple[str | None, str | None]]
) -> None:
    data = compared(file, columns=Columns(group="film"))
    counts, pairs = data.changes.counts, Counter(both)
    assert counts.rows == len(both) == data.records
    assert counts.answered == len(both) - pairs[None, None]
    assert counts.to_positive == pairs["negative", "positive"] > 5
    assert counts.to_negative == pairs["positive", "negative"] > 5
    assert counts.lost == pairs["positive", None] + pairs["negative", None] > 5
    assert counts.gained == pairs[None, "positive"] + pairs[None, "negative"]
    assert counts.changed == sum(old != new for old, new in both)
    scored = [(n, pair) for n, pair in enumerate(both) if None not in pair]
    truth = ("negative", "positive")
    assert counts.labelled == len(scored)
    assert counts.labelled_without_score == len(both) - len(scored)
    old, new = counts.old_accuracy, counts.new_accuracy
    assert old is not None
    assert new is not None
    assert old.right == sum(truth[n % 2] == pair[0] for n, pair in scored)
    assert new.right == sum(truth[n % 2] == pair[1] for n, pair in scored)
    for each in data.changes.groups:
        mine = [pair for n, pair in enumerate(both) if n % 3 == int(each.name[-1])]
        assert each.counts.rows == len(mine)
        assert each.counts.changed == sum(a != b for a, b in mine)
    assert len(data.changes.groups) == 3


def test_most_changed_rows_come_first_with_their_place(
    file: Path, texts: list[str], both: list[tuple[str | None, str | None]]
) -> None:
    rows = compared(file, show=15).changes.most_changed
    old, new = (Scorer(path).probabilities(pa.array(texts)).to_pylist() for path in (OLD, MODEL))

    def order(n: int) -> tuple[bool, float, int]:
        distance = 0.0 if None in (old[n], new[n]) else abs(np.float32(old[n]) - np.float32(new[n]))
        return both[n][0] == both[n][1], -float(distance), n

    expected = sorted(range(len(texts)), key=order)[:15]
    assert [row.row for row in rows] == [n + 1 for n in expected]
    first = rows[0]
    assert first.text == texts[expected[0]]
    assert first.name == str(file)
    assert (first.old_probability, first.new_probability) == (old[expected[0]], new[expected[0]])
    assert first.label == ("negative", "positive")[expected[0] % 2]


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=1))
def test_quantiles_are_exact_to_one_in_a_thousand(pairs: list[tuple[float, float]]) -> None:
    old, new = np.array(pairs, np.float32).T
    total = Distances()
    for part in np.array_split(np.arange(len(pairs)), 3):
        total.add(Distances.of(old[part], new[part]))
    shift = total.shift(9)
    assert shift is not None
    distances = np.abs(new - old).astype(np.float64)
    for share, found in ((0.5, shift.median), (0.95, shift.most)):
        exact = np.quantile(distances, share, method="inverted_cdf")
        assert found == pytest.approx(exact, rel=1e-3, abs=1e-9)
    assert shift.largest == pytest.approx(distances.max(), abs=1e-9)
    assert shift.mean_distance == pytest.approx(distances.mean(), abs=1e-8)
    assert shift.mean == pytest.approx(float(np.mean((new - old).astype(np.float64))), abs=1e-6)


def test_a_turned_comparison_is_the_reverse(file: Path) -> None:
    there, back = (
        compared(file, old=old, new=new).changes for old, new in ((OLD, MODEL), (MODEL, OLD))
    )
    assert there.counts.to_positive == back.counts.to_negative
    assert there.counts.lost == back.counts.gained
    assert there.counts.only_new_right == back.counts.only_old_right
    assert there.probability is not None
    assert back.probability is not None
    assert there.probability.mean == pytest.approx(-back.probability.mean, abs=1e-6)
    assert there.probability.median == back.probability.median


def test_stars_are_compared_where_both_have_them(file: Path, texts: list[str]) -> None:
    assert compared(file).changes.stars is None
    small = MODEL.with_name("reviews-small.onnx")
    changes = compared(file, old=small).changes
    pairs = [
        (old, new)
        for old, new in zip(*(Scorer(path).stars(texts) for path in (small, MODEL)), strict=True)
        if old is not None and new is not None
    ]
    others = sum(int(old + 0.5) != int(new + 0.5) for old, new in pairs)
    assert changes.other_whole_stars == others > 20
    assert changes.stars is not None
    assert changes.stars.rows == len(pairs)
    assert as_dict(diff(OLD, MODEL))["texts"]["other_whole_stars"] is None
    assert changes.stars.largest == pytest.approx(max(abs(a - b) for a, b in pairs), abs=1e-3)
    itself = compared(file, old=MODEL, new=MODEL).changes
    assert itself.counts.changed == 0
    assert itself.most_changed == ()
    assert itself.stars is not None
    assert (itself.stars.largest, itself.other_whole_stars) == (0, 0)


def test_many_groups_are_counted_together(
    write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_tally, "MOST_GROUPS", 3)
    rows = [("a fine film " * 50, f"g{n % 9}") for n in range(90)]
    data = compared(write_rows("r.csv", ("text", "who"), rows), columns=Columns(group="who"))
    found = {each.name: each.counts.rows for each in data.changes.groups}
    assert found == {"(other groups)": 60, "g0": 10, "g1": 10, "g2": 10}


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet", "out.tsv.gz"])
def test_changed_rows_are_written_with_their_number(
    file: Path, both: list[tuple[str | None, str | None]], texts: list[str], name: str
) -> None:
    broken = file.read_text(encoding="utf-8").replace("\n", "\na,broken,record,of,six,fields\n", 1)
    file.write_text(broken, encoding="utf-8")
    output = file.with_name(name)
    data = compared(file, output=output)
    assert data.rejected == 1
    assert data.first_reject is not None
    assert "r.csv: line 2: " in data.first_reject
    expected = [n for n, pair in enumerate(both) if pair[0] != pair[1]]
    if name.endswith(".parquet"):
        rows = pq.read_table(output).to_pylist()
    elif name.endswith(".jsonl"):
        rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    else:
        mark = "\t" if ".tsv" in name else ","
        with pa.input_stream(str(output)) as stream:
            lines = stream.read().decode().split("\n")
        rows = [*csv.DictReader(lines, delimiter=mark)]
    assert [int(row["row"]) for row in rows] == [n + 2 for n in expected]
    assert [row["text"] for row in rows] == [texts[n] for n in expected]
    assert [row["new_sentiment"] or None for row in rows] == [both[n][1] for n in expected]
    with pytest.raises(UsageError, match="exists already"):
        compared(file, output=output)


def test_files_are_groups(write_rows: WriteRows) -> None:
    a = write_rows("a.csv", ("text",), [("a fine film",)] * 3)
    b = write_rows("b.csv", ("text", "label"), [("dull and bad", 0)] * 5)
    data = compared(a, b)
    assert [(each.name, each.counts.rows) for each in data.changes.groups] == [
        ("b.csv", 5),
        ("a.csv", 3),
    ]
    assert data.changes.counts.labelled == 5


def test_without_any_score_is_an_error(write_rows: WriteRows) -> None:
    with pytest.raises(InputError, match="no row has a text with a word that one of the models"):
        compared(write_rows("r.csv", ("text",), [("",), (" ",)]), old=MODEL)
    with pytest.raises(InputError, match=r"r\.csv: no rows to compare the models on"):
        compared(write_rows("r.csv", ("text",), []))
    broken = write_rows("r.csv", ("text", "label"), [])
    broken.write_text("text,label\na,b,c\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"none of the 1 records can be read; first: .*line 2: "):
        compared(broken)


def test_an_earlier_output_in_a_folder_is_not_read_again(write_rows: WriteRows) -> None:
    folder = write_rows("r.csv", ("text",), [("Not bad at all.",)] * 3).parent
    output = folder / "changed.csv"
    for _ in range(2):
        data = compared(folder, output=output, force=True)
        assert (data.files, data.records) == ((str(folder / "r.csv"),), 3)
    assert output.read_text(encoding="utf-8").count("Not bad at all.") == 3


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_names_that_are_not_utf_8(write_rows: WriteRows) -> None:
    file = write_rows("r.csv", ("text",), [("Not bad at all.",)])
    odd = [file.with_name(os.fsdecode(name)) for name in (b"a\xff.csv", b"b\xff.csv")]
    for path in odd:
        path.write_bytes(file.read_bytes())
    output = file.with_name(os.fsdecode(b"out\xff.csv"))
    data = compared(*odd, output=output)
    assert [each.name for each in data.changes.groups] == ["a\ufffd.csv", "b\ufffd.csv"]
    assert output.read_text(encoding="utf-8").count("\ufffd.csv,1,") == 2


def test_what_the_files_say(tmp_path: Path) -> None:
    found: Difference = diff(OLD, MODEL)
    facts = {each.key: each for each in found.facts}
    assert (facts["token_rule"].old, facts["token_rule"].new) == (1, 2)
    assert facts["labels"].is_same
    release = Scorer(MODEL).facts.release
    for key in ("language", "licence", "intended_use"):
        assert (facts[key].old, facts[key].new) == (None, getattr(release, key))
    assert facts["data_sets"].old is None
    terms = [each["terms"] for each in facts["data_sets"].new]
    assert terms == [each.terms for each in release.data_sets or ()]
    assert facts["test"].old["accuracy"] == Scorer(OLD).facts.metrics.test.accuracy  # type: ignore[union-attr]
    old, new = ({*Scorer(path).vocabulary.words.to_pylist()} for path in (OLD, MODEL))
    assert found.words.added == len(new - old) > 100
    assert {*found.words.commonest_removed} <= old - new
    assert found.texts.counts.rows > 200
    assert found.texts.most_changed[0].row is None
    assert json.loads(json.dumps(as_dict(found)))["data"] is None


def counts_of(only_old: int, only_new: int, same: int) -> Counts:
    cells = np.zeros((3, 3, 3), np.int64)
    cells[1, 1, 0], cells[1, 0, 1], cells[1, 1, 1] = only_old, only_new, same
    return Counts(cells)


def test_verdicts() -> None:
    better = counts_of(10, 60, 930)
    assert verdict(better) == ("NEW is better: +5.0 points (95% interval +3.4 to +6.9), p < 0.001.")
    assert who_is_right(better) == (
        "Where their answers differ, on 70 labelled rows, NEW is right on 60 and OLD on 10."
    )
    worse = counts_of(60, 10, 930)
    assert str(verdict(worse)).startswith("NEW is worse: -5.0 points")
    assert worse.is_worse
    even = counts_of(12, 10, 978)
    assert verdict(even) == (
        "The difference may be chance: -0.2 points (95% interval -1.3 to +0.9), p = 0.83."
    )
    assert not even.is_worse
    assert str(verdict(counts_of(9, 9, 82))).startswith("No difference: +0.0 points (95% interval")
    assert verdict(Counts(np.zeros((3, 3, 3), np.int64))) is None
    assert changed_labels(worse) == (
        "70 of 1,000 labels change (7.00%): 10 to positive, 60 to negative."
    )

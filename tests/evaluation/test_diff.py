"""What changes from one model to another, against a plain loop over the rows."""

from __future__ import annotations

import csv
import json
import os
import pickle
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather

from tests.evaluation.conftest import WriteRows
from tests.models import MODEL, OLD_MODELS, many_texts
from toolkit import Scorer
from toolkit.errors import InputError, UsageError
from toolkit.evaluation import DiffOptions, diff, diff_counts, diff_models
from toolkit.evaluation.diff_counts import Distances, Totals, compare
from toolkit.evaluation.diff_result import (
    Counts,
    DataChanges,
    Difference,
    changed_labels,
    verdict,
    who_is_right,
)
from toolkit.evaluation.json import difference_as_dict
from toolkit.records import Columns, LabelNames, ReadOptions
from toolkit.scoring import Subset

OLD = OLD_MODELS / "ngram-linear.onnx"
SMALL_BLOCKS = 1 << 14


def compared(
    *files: Path, old: Path = OLD, new: Path = MODEL, columns: Columns | None = None, **more: object
) -> DataChanges:
    reading = ReadOptions(columns or Columns(), block_bytes=SMALL_BLOCKS)
    if isinstance(names := more.pop("labels", None), LabelNames):
        reading = replace(reading, labels=names)
    options = DiffOptions(reading, **more)  # type: ignore[arg-type]
    found = diff(old, new, [*map(str, files)], options).data
    assert found is not None
    return found


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
    for name, found in data.changes.groups.items():
        mine = [pair for n, pair in enumerate(both) if n % 3 == int(name[-1])]
        assert (found.rows, found.changed) == (len(mine), sum(a != b for a, b in mine))
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
    assert first.file == str(file)
    assert (first.old_probability, first.new_probability) == (old[expected[0]], new[expected[0]])
    assert first.label == ("negative", "positive")[expected[0] % 2]


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=1))
def test_quantiles_are_exact_to_a_step(pairs: list[tuple[float, float]]) -> None:
    old, new = np.array(pairs, np.float32).T
    total = Distances(1, 1e-5)
    for part in np.array_split(np.arange(len(pairs)), 3):
        total.add(old[part], new[part])
    shift = total.shift(9)
    assert shift is not None
    distances = np.abs(new - old).astype(np.float64)
    for share, found in ((0.5, shift.median), (0.95, shift.most)):
        exact = np.quantile(distances, share, method="inverted_cdf")
        assert found == pytest.approx(exact, abs=0.6e-5)
    assert shift.largest == pytest.approx(distances.max(), abs=1e-9)
    assert shift.mean_distance == pytest.approx(distances.mean(), abs=1e-8)
    assert shift.mean == pytest.approx(float(np.mean((new - old).astype(np.float64))), abs=1e-6)


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
    assert difference_as_dict(diff(OLD, MODEL))["texts"]["other_whole_stars"] is None
    assert changes.stars.largest == pytest.approx(max(abs(a - b) for a, b in pairs), abs=1e-3)
    itself = compared(file, old=MODEL, new=MODEL).changes
    assert itself.counts.changed == 0
    assert itself.most_changed == ()
    assert itself.stars is not None
    assert (itself.stars.largest, itself.other_whole_stars) == (0, 0)


def test_many_groups_are_counted_together(
    write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff_counts, "MOST_GROUPS", 3)
    rows = [("a fine film " * 50, f"g{n % 9}") for n in range(90)]
    data = compared(write_rows("r.csv", ("text", "who"), rows), columns=Columns(group="who"))
    found = {name: counts.rows for name, counts in data.changes.groups.items()}
    assert found == {"(other groups)": 60, "g0": 10, "g1": 10, "g2": 10}


@pytest.mark.parametrize(
    "name", ["out.csv", "out.jsonl", "out.parquet", "out.feather", "out.tsv.gz"]
)
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
    elif name.endswith(".feather"):
        rows = feather.read_table(output).to_pylist()
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
    groups = data.changes.groups
    assert [(name, groups[name].rows) for name in groups] == [("b.csv", 5), ("a.csv", 3)]
    assert data.changes.counts.labelled == 5


def test_without_any_score_is_an_error(write_rows: WriteRows) -> None:
    with pytest.raises(InputError, match="no row has a text with a word that one of the models"):
        compared(write_rows("r.csv", ("text",), [("",), (" ",)]), old=MODEL)
    with pytest.raises(InputError, match=r"r\.csv: there are no rows to compare the models on"):
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
        assert (data.files, data.records) == ([str(folder / "r.csv")], 3)
    assert output.read_text(encoding="utf-8").count("Not bad at all.") == 3


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_names_that_are_not_utf_8(write_rows: WriteRows) -> None:
    file = write_rows("r.csv", ("text",), [("Not bad at all.",)])
    odd = [file.with_name(os.fsdecode(name)) for name in (b"a\xff.csv", b"b\xff.csv")]
    for path in odd:
        path.write_bytes(file.read_bytes())
    output = file.with_name(os.fsdecode(b"out\xff.csv"))
    data = compared(*odd, output=output)
    assert [*data.changes.groups] == ["a\ufffd.csv", "b\ufffd.csv"]
    assert output.read_text(encoding="utf-8").count("\ufffd.csv,1,") == 2


def test_what_the_files_say(tmp_path: Path) -> None:
    found: Difference = diff(OLD, MODEL)
    facts = found.facts
    assert facts["token_rule"] == (1, 3)
    assert facts["labels"][0] == facts["labels"][1]
    release = Scorer(MODEL).facts.release
    for key in ("language", "licence", "intended_use"):
        assert facts[key] == (None, getattr(release, key))
    assert facts["data_sets"][0] is None
    terms = [each["terms"] for each in facts["data_sets"][1]]
    assert terms == [each.terms for each in release.data_sets or ()]
    assert facts["test"][0]["accuracy"] == Scorer(OLD).facts.metrics.test.accuracy  # type: ignore[union-attr]
    old, new = ({*Scorer(path).vocabulary.words.to_pylist()} for path in (OLD, MODEL))
    assert found.words.added == len(new - old) > 100
    assert found.words.removed == len(old - new)
    assert found.texts.counts.rows > 200
    assert found.texts.most_changed[0].row is None
    assert json.loads(json.dumps(difference_as_dict(found)))["data"] is None


def counts_of(only_old: int, only_new: int, same: int) -> Counts:
    cells = np.zeros((3, 3, 3), np.int64)
    cells[1, 1, 0], cells[1, 0, 1], cells[1, 1, 1] = only_old, only_new, same
    return Counts.of(cells)


def labels_in(data: DataChanges) -> list[int]:
    """Count negative, positive and no labels of rows that both models call positive."""
    counts = data.changes.counts
    assert counts.both_right + counts.only_old_right == counts.both_right + counts.only_new_right
    return [counts.labelled - counts.both_right, counts.both_right, counts.rows - counts.labelled]


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
    assert verdict(counts_of(0, 0, 0)) is None
    assert changed_labels(worse) == (
        "70 of 1,000 labels change (7.00%): 10 to positive, 60 to negative."
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["5", "1", "3", "4"], [1, 0, None, 1]),
        (["0.912345", "0.1", "1", "0.49999"], [1, 0, 1, 0]),
        (["pos", "neg", "neutral", ""], [1, 0, None, None]),
        (["True", "False", "true", "false"], [1, 0, 1, 0]),
    ],
)
def test_labels_mean_what_they_mean_to_evaluate(
    write_rows: WriteRows, labels: list[str], expected: list[int | None]
) -> None:
    """The first blocks do not tell what they mean: a 1 is one of five stars."""
    rows = [("a fine film, I enjoyed all of it " * 20, label) for label in labels * 40]
    data = compared(write_rows("r.csv", ("text", "label"), rows))
    assert labels_in(data) == [40 * expected.count(each) for each in (0, 1, None)]
    assert data.neutral == 40 * sum(label in ("3", "neutral") for label in labels)
    if labels[0] == "5":
        assert "1 → negative (40)" in data.label_meaning


def test_a_column_without_labels_is_left_out_unless_it_is_named(
    write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_rows("r.csv", ("text", "label"), [("a fine film", f"x{n}") for n in range(9)])
    data = compared(file)
    assert data.changes.counts.labelled == 0
    assert "not used as labels" in data.warnings[0]
    with pytest.raises(InputError, match="column 'label', row 1: found the label 'x0'"):
        compared(file, columns=Columns(label="label"))
    for module in (diff_counts, diff_models):
        monkeypatch.setattr(module, "MOST_LABELS", 5)
    with pytest.raises(InputError, match="more than 5 different values, expected labels"):
        compared(file, columns=Columns(label="label"))
    assert "more than 5 different" in compared(file).warnings[0]
    assert compared(file).changes.counts.rows == 9


def test_memory_does_not_grow_with_labels_and_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are left out if they are too many."""
    monkeypatch.setattr(diff_counts, "MOST_LABELS", 5)
    pair = Scorer(OLD), Scorer(MODEL)
    totals, sizes = Totals(show=2), []
    texts = pa.array(["a fine film"] * 4, pa.large_string())
    for first in range(0, 400, 4):
        labels = [f"x{first + n}" for n in range(4)]
        fields = {"file": ["a.csv"] * 4, "row": [1, 2, 3, 4], "label": labels}
        arrays = {name: pa.array(values) for name, values in fields.items()}
        totals.add(compare(*pair, texts, arrays).after(first))
        sizes.append(len(pickle.dumps(totals)))
    assert max(sizes[50:]) < 1.1 * max(sizes[:50])
    changes = totals.changes({})
    assert changes.counts.rows == 400
    assert [row.row for row in changes.most_changed] == [1, 2]
    assert not totals.has_labels


def test_probabilities_as_labels_are_few_words() -> None:
    totals = Totals(show=0)
    labels = pa.array([*(f"0.{n:06d}" for n in range(0, 1_000_000, 370)), "1.5e-05", "5e-2"])
    texts = pa.array(["a fine film"] * len(labels))
    rows = pa.array(range(len(labels)))
    totals.add(compare(Scorer(OLD), Scorer(MODEL), texts, {"row": rows, "label": labels}))
    words, counts, _ = totals.labels()
    assert words == [*(f"0.{n:02d}" for n in range(100)), "0.0", "5e-2"]
    assert counts.sum() == len(labels)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (LabelNames(), [1, 2, 0]),
        (LabelNames(positive_from=1e-3), [1, 2, 0]),
        (LabelNames(positive_from=0.805), [2, 1, 0]),
        (LabelNames(positive=("0.807",)), [2, 1, 0]),
    ],
)
def test_all_digits_of_a_label_count(
    write_rows: WriteRows, names: LabelNames, expected: list[int]
) -> None:
    rows = [("a fine film, I enjoyed it", label) for label in ("0.807", "0.802", "1.5e-05")]
    data = compared(write_rows("r.csv", ("text", "label"), rows), labels=names)
    assert labels_in(data) == expected


def test_labels_are_needed_where_the_user_says_what_they_mean(write_rows: WriteRows) -> None:
    file = write_rows("r.csv", ("text", "label"), [("a fine film", "1")])
    with pytest.raises(InputError, match="column 'label': no label is 7 or more"):
        compared(file, labels=LabelNames(positive_from=7))
    other = write_rows("o.csv", ("text", "x"), [("a fine film", "1")])
    with pytest.raises(UsageError, match="no column 'label' or 'sentiment'"):
        compared(other, labels=LabelNames(positive=("1",)))


def test_nan_is_no_label(tmp_path: Path) -> None:
    labels = [1.0, 0.0, float("nan"), None]
    table = pa.table({"text": ["a fine film"] * 4, "label": labels})
    pq.write_table(table, tmp_path / "a.parquet")
    data = compared(tmp_path / "a.parquet")
    assert data.warnings == []
    assert labels_in(data) == [1, 1, 2]


def test_a_column_of_labels_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    for kind, labels in {"list": [[1]], "bool": [True]}.items():
        pq.write_table(pa.table({"text": ["good"], "label": labels}), tmp_path / f"{kind}.parquet")
        data = compared(tmp_path / f"{kind}.parquet")
        assert data.changes.counts.labelled == 0
        (warning,) = data.warnings
        assert f"{kind}.parquet: the column 'label' is not used as labels" in warning


@pytest.mark.parametrize("part", [Subset(limit=300), Subset(sample=30)])
def test_rows_of_a_part_have_the_numbers_of_the_file(
    file: Path, texts: list[str], part: Subset
) -> None:
    """Of many blocks, some have a record that cannot be read, and some no row of the sample."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    for at in (500, 200, 3, 1):
        lines.insert(at, "a,broken,record,of,six,fields\n")
    file.write_text("".join(lines), encoding="utf-8")
    output = file.with_name("changed.csv")
    data = compared(file, output=output, subset=part, show=30)
    wanted = part.limit or part.sample
    assert data.records == wanted == data.changes.counts.rows + data.rejected
    read = [*texts]
    for number in (0, 3, 201, 502):  # of the broken ones
        read.insert(number, "")
    with output.open(encoding="utf-8", newline="") as written:
        rows = [*csv.DictReader(written)]
    assert len(rows) == data.changes.counts.changed > 3
    assert [row["text"] for row in rows] == [read[int(row["row"]) - 1] for row in rows]
    for row in data.changes.most_changed:
        assert row.text == read[(row.row or 0) - 1]
    if part.limit is not None:
        assert max(int(row["row"]) for row in rows) <= part.limit
        assert data.rejected == 3
    most = Subset(limit=9999) if part.limit else Subset(sample=9999)
    every = compared(file, subset=most)
    assert every.changes.counts.rows == len(texts)


def test_a_label_of_a_sample_that_means_nothing_has_its_row(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join([lines[0], *(line.replace(",0,", ",x,") for line in lines[1:])])
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"row (\d+): found the label 'x'") as found:
        compared(file, columns=Columns(label="label"), subset=Subset(sample=5))
    at = re.search(r"row (\d+)", str(found.value))
    assert at is not None
    assert ",x," in text.splitlines()[int(at[1])]

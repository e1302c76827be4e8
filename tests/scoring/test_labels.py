"""The accuracy of a run over files that have the true labels; all else stays as it is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.models import MODEL, many_texts, shipped_scorer
from tests.scoring.test_resume import Stopped, counts, stop_after
from toolkit import Scorer
from toolkit.errors import InputError, UsageError
from toolkit.evaluation.labelled_reviews import load as load_reviews
from toolkit.records import Columns, ReadOptions
from toolkit.records.labels import TOO_MANY, opinions_of
from toolkit.records.options import LabelNames
from toolkit.scoring import (
    Progress,
    RecordCounts,
    ScoringOptions,
    find_jobs,
    score_file,
    score_files,
)
from toolkit.scoring import results as results_module
from toolkit.scoring.results import total

Row = tuple[str | None, Any]  # text and label
GOOD_AND_BAD = ["A superb film, I loved it.", "Awful. The worst film of the year."]
NAMES_OF_CLASSES = ("negative", "neutral", "positive")

MEANINGS = {
    "0": 0, "1": 1, "0.0": 0, "1.0": 1, "neg": 0, "pos": 1, "negative": 0, "positive": 1,
    " Positive ": 1, "NEG": 0, "\t1": 1,
    "": None, "2": None, "-1": None, "yes": None, "true": None, "nan": None, "10": None,
}  # fmt: skip


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerows([("label", "text"), *((label, text or "") for text, label in rows)])


def write_json_lines(path: Path, rows: Sequence[Row]) -> None:
    lines = [json.dumps({"label": label, "text": text}) for text, label in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_nested(path: Path, rows: Sequence[Row]) -> None:
    objects = [
        {"text": text, "by": {"label": label, "n": n}} for n, (text, label) in enumerate(rows)
    ]
    lines = [json.dumps(each) + "\n" for each in objects]
    path.write_text("".join(lines), encoding="utf-8")


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    texts, labels = zip(*rows, strict=True)
    table = pa.table({"text": pa.array(texts, pa.string()), "label": pa.array(labels)})
    pq.write_table(table, path, row_group_size=max(len(rows) // 3, 1))


FORMATS: dict[str, tuple[Callable[[Path, Sequence[Row]], None], str]] = {
    "a.csv": (write_csv, "label"),
    "a.tsv": (write_csv, "label"),
    "a.jsonl": (write_json_lines, "label"),
    "nested.jsonl": (write_nested, "by.label"),
    "a.parquet": (write_parquet, "label"),
}
every_format = pytest.mark.parametrize("name", FORMATS)

TEXTS = many_texts(40)
SKIP_WRONG = LabelNames(skip_wrong=True)
LABELS = [list(MEANINGS)[n % len(MEANINGS)] for n in range(40)]


def make(folder: Path, name: str, rows: Sequence[Row]) -> tuple[Path, ScoringOptions]:
    write, label = FORMATS[name]
    write(folder / name, rows)
    columns = Columns(label=label)
    return folder / name, ScoringOptions(reading=ReadOptions(columns, block_bytes=4000), workers=1)


def expected(rows: Sequence[Row], scorer: Scorer | None = None) -> dict[str, int]:
    """Count review by review."""
    scorer = scorer or shipped_scorer()
    found = {"labelled": 0, "labelled_neutral": 0, "right": 0, "unreadable_labels": 0}
    for (_, label), score in zip(rows, scorer.score(text for text, _ in rows), strict=True):
        if score.sentiment is None:
            continue
        meaning = MEANINGS[str(label)] if label is not None else None
        found["labelled" if meaning is not None else "unreadable_labels"] += 1
        if meaning is not None:
            found["labelled_neutral"] += score.sentiment == "neutral"
            found["right"] += score.sentiment == ("negative", "positive")[meaning]
    return found


def labels_of(summary: RecordCounts) -> dict[str, int]:
    names = ("labelled", "labelled_neutral", "right", "unreadable_labels")
    return {name: getattr(summary, name) for name in names}


COLUMNS = [
    ["1.0", "2.0", "3.0", "4.0", "5.0", "4.5"],  # as pandas writes whole numbers
    ["1 star", "2 stars", "3", "4", "5", "NA"],
    ["1", "3", "5", "6", "8", "10"],
    ["0", "1", "1.0", "pos", "NEG", ""],
    ["0.1", "0.123456789", "0.5", "0.987654321", "1e-9", "1"],
    ["positive", "negative", "neutral", "pos", "neg", "neu"],
    ["true", "false", "TRUE", "", "yes", "false"],
    ["-1", "0", "1", "-1.0", "0.0", "N/A"],
    ["1", "2", "1", "2", "1", "2"],  # two classes, or two of five stars
    ["good", "bad", "x" * 100, "x" * 99, "", "good"],
]


@pytest.mark.parametrize("labels", COLUMNS, ids=lambda labels: labels[0])
def test_labels_are_what_train_and_evaluate_read(tmp_path: Path, labels: list[str]) -> None:
    texts = [*GOOD_AND_BAD * 3]
    source, options = make(tmp_path, "a.csv", list(zip(texts, labels, strict=True)))
    summary = score_file(shipped_scorer(), source, tmp_path / "b.csv", options)
    reading = replace(options.reading, labels=SKIP_WRONG)
    neutral = opinions = right = 0
    with suppress(InputError):  # the labels mean nothing together
        reviews = load_reviews(source, reading)
        opinions, neutral = reviews.data.reviews, reviews.data.neutral
        answers = [score.sentiment for score in shipped_scorer().score(reviews.texts.to_pylist())]
        meant = [(NAMES_OF_CLASSES[each]) for each in reviews.classes]
        right = sum(a == b for a, b in zip(answers, meant, strict=True))
    found = (summary.labelled, summary.neutral_labels, summary.right)
    assert found == (opinions, neutral, right)
    assert summary.unreadable_labels == 6 - opinions - neutral
    assert summary.labels == {}


def test_stars_are_not_read_as_classes(tmp_path: Path) -> None:
    """1.0 of five stars was read as positive."""
    rows = list(zip(GOOD_AND_BAD * 3, ["5.0", "1.0", "4.0", "2.0", "3.0", "1.0"], strict=True))
    source, options = make(tmp_path, "a.csv", rows)
    summary = score_file(shipped_scorer(), source, tmp_path / "b.csv", options)
    assert (summary.accuracy, summary.labelled, summary.neutral_labels) == (1.0, 5, 1)
    assert summary.as_dict()["neutral_labels"] == 1


def test_labels_of_each_file_are_read_by_themselves(tmp_path: Path) -> None:
    """Of two files, one has stars and one has classes, each with a 1."""
    stars, options = make(tmp_path, "a.csv", [*zip(GOOD_AND_BAD, ["5", "1"], strict=True)])
    classes, _ = make(tmp_path, "a.tsv", [*zip(GOOD_AND_BAD, ["1", "0"], strict=True)])
    results = score_files(
        shipped_scorer(), find_jobs([str(stars), str(classes)], str(tmp_path / "out")), options
    )
    assert (total(results).right, total(results).labelled) == (4, 4)
    assert [each.label_meaning for each in results] == [
        "stars, of 5: 1 → negative (1); 5 → positive (1)", ""
    ]  # fmt: skip


def test_of_too_many_labels_none_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a column of other values is bounded, and the order does not matter."""
    monkeypatch.setattr(results_module, "_MOST_LABELS", 5)
    labels = ["1", "0", *[f"x{n}" for n in range(36)], "1", "0"]
    source, options = make(tmp_path, "a.csv", list(zip(TEXTS, labels, strict=True)))
    summary = score_file(shipped_scorer(), source, tmp_path / "b.csv", options)
    assert (summary.labelled, summary.unreadable_labels) == (0, summary.scored)
    few = [RecordCounts(labels={str(n): {"positive": 1}}) for n in range(9)]
    sums = [sum(few, RecordCounts()), sum(few[:4], RecordCounts()) + sum(few[4:], RecordCounts())]
    assert [each.labels for each in sums] == [{TOO_MANY: {"positive": 9}}] * 2


def middle_half() -> tuple[float, float]:
    """Give a range that holds the threshold and half of the scores, but not all of them."""
    found = [score.probability for score in shipped_scorer().score(TEXTS)]
    low, _, high = quantiles([p for p in found if p is not None], n=4)
    threshold = float(shipped_scorer().threshold)
    return min(low, threshold), max(high, threshold)


@every_format
@pytest.mark.parametrize("has_neutral", [False, True])
def test_labels_are_counted_and_change_nothing(
    tmp_path: Path, name: str, has_neutral: bool
) -> None:
    scorer = Scorer(MODEL, neutral=middle_half() if has_neutral else None)
    rows = list(zip([*TEXTS, "", " "], [*LABELS, "1", "x"], strict=True))
    source, options = make(tmp_path, name, rows)
    seen: list[Progress] = []
    summary = score_file(scorer, source, tmp_path / f"with{name}", options, seen.append)
    assert labels_of(summary) == expected(rows, scorer)
    assert summary.labelled + summary.unreadable_labels == summary.scored
    answered = summary.labelled - summary.labelled_neutral
    assert summary.accuracy == pytest.approx(summary.right / answered)
    assert seen[-1].accuracy == summary.accuracy
    plain = replace(options, reading=replace(options.reading, columns=Columns()))
    without = score_file(scorer, source, tmp_path / f"without{name}", plain, seen.append)
    assert seen[-1].accuracy is None
    assert labels_of(without) == dict.fromkeys(labels_of(without), 0)
    assert (tmp_path / f"with{name}").read_bytes() == (tmp_path / f"without{name}").read_bytes()


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 1, None],
        [0.0, 1.0, 2.5, None],
        pa.array([0, 1, 1, None], pa.int8()),
        pa.array([0, 1, 1, None], pa.uint64()),
        pa.array([0, 1, 1, None], pa.float32()),
        pa.array(["neg", "pos", "x", None]).dictionary_encode(),
        pa.array([b"neg", b"pos", b"1", b"\xff"], pa.binary()),
        pa.array(["neg", "pos", "1", None], pa.large_string()),
        pa.array(["neg", "pos", "1", None], pa.string_view()),
        pa.array([None] * 4, pa.null()),
    ],
    ids=str,
)
def test_labels_in_parquet_are_of_many_types(tmp_path: Path, labels: Any) -> None:
    table = pa.table({"text": TEXTS[:4], "label": labels})
    pq.write_table(table, tmp_path / "a.parquet")
    options = ScoringOptions(reading=ReadOptions(Columns(label="label")))
    summary = score_file(shipped_scorer(), tmp_path / "a.parquet", tmp_path / "b.parquet", options)
    values = pa.array(labels) if isinstance(labels, list) else labels
    readable = 0 if values.type == pa.null() else 3 - ("x" in str(values)) - ("2.5" in str(values))
    assert (summary.labelled, summary.unreadable_labels) == (readable, 4 - readable)


@settings(max_examples=60)
@example([0, 1, 1.5, [1]])
@given(
    st.lists(
        st.sampled_from(
            [0, 1, 0.0, 1.0, 1.5, "pos", "neg", "1", None, True, [1], {"a": 1}, 10**30]
        ),
        min_size=1,
        max_size=12,
    )
)
def test_labels_in_json_are_of_any_kind(
    tmp_path_factory: pytest.TempPathFactory, labels: list[Any]
) -> None:
    """Whatever they are, no record is rejected, and the readable ones count."""
    folder = tmp_path_factory.mktemp("labels")
    source, options = make(folder, "a.jsonl", [(TEXTS[1], label) for label in labels])
    summary = score_file(shipped_scorer(), source, folder / "b.jsonl", options)
    words = [
        label if isinstance(label, str) else json.dumps(label)
        for label in labels
        if label is not None
    ]
    readable = 0
    with suppress(InputError):  # 1 and 1.5 may be two classes or two of five stars
        found = opinions_of(
            pa.chunked_array([words], pa.string()), np.arange(len(words)), "", SKIP_WRONG
        )
        readable = len(found.rows)
    if 2 * readable <= len(words):  # the others are no labels, either
        readable = 0
    assert (summary.rejected, summary.scored) == (0, len(labels))
    assert (summary.labelled, summary.unreadable_labels) == (readable, len(labels) - readable)


def test_a_label_that_is_nowhere_near(tmp_path: Path) -> None:
    """Of some rows there is no label, or something else is where the object should be."""
    lines = ['{"text": "fine", "by": {"label": 1}}', '{"text": "b"}', '{"text": "c", "by": 3}',
             '{"text": "d", "by": null}', '{"text": 5, "by": {"label": 1}}']  # fmt: skip
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    options = ScoringOptions(reading=ReadOptions(Columns(label="by.label")))
    summary = score_file(shipped_scorer(), path, tmp_path / "b.jsonl", options)
    assert (summary.scored, summary.rejected, summary.labelled) == (4, 1, 1)


@every_format
def test_a_run_that_goes_on_counts_what_was_done(tmp_path: Path, name: str) -> None:
    source, options = make(tmp_path, name, list(zip(TEXTS, LABELS, strict=True)))
    options = replace(options, resume=True, checkpoint_seconds=0.0)
    whole = score_file(shipped_scorer(), source, tmp_path / f"whole{name}", options)
    assert whole.right > 0
    for block in (1, 2):
        output = tmp_path / f"{block}{name}"
        with pytest.raises(Stopped):
            score_file(shipped_scorer(), source, output, options, stop_after(block))
        assert counts(score_file(shipped_scorer(), source, output, options)) == counts(whole)
        assert output.read_bytes() == (tmp_path / f"whole{name}").read_bytes()


@pytest.mark.parametrize("labels", [[[1], [0]], [{"a": 1}, None], [True, False]], ids=str)
def test_a_column_of_parquet_that_holds_no_labels(tmp_path: Path, labels: list[Any]) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "label": labels}), tmp_path / "a.parquet")
    options = ScoringOptions(reading=ReadOptions(Columns(label="label")))
    with pytest.raises(UsageError, match=r"'label' holds values of the type .*--label-column"):
        score_file(shipped_scorer(), tmp_path / "a.parquet", tmp_path / "b.parquet", options)


def test_two_columns_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label,label\na,0,1\n", encoding="utf-8")
    options = ScoringOptions(reading=ReadOptions(Columns(label="label")))
    with pytest.raises(UsageError, match=r"2 columns are called 'label'.*--label-column"):
        score_file(shipped_scorer(), path, tmp_path / "b.csv", options)


def test_labels_by_the_number_of_their_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("superb,1\nawful,0\n", encoding="utf-8")
    options = ScoringOptions(reading=ReadOptions(Columns("1", label="2"), header=False))
    summary = score_file(shipped_scorer(), path, tmp_path / "b.csv", options)
    assert (summary.labelled, summary.right) == (2, 2)

"""What changes where labels are known: what labels mean, and which columns have none."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.evaluation.conftest import WriteRows
from tests.evaluation.differences import OLD, compared
from tests.models import MODEL
from toolkit import Scorer
from toolkit.errors import InputError, UsageError
from toolkit.evaluation.differences import change_tally, label_words
from toolkit.evaluation.differences.block_changes import changes_of_block
from toolkit.evaluation.differences.score_pairs import ModelPair
from toolkit.records.columns import Columns
from toolkit.records.read_options import LabelNames


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
    cells = data.changes.counts.cells.sum(axis=(1, 2)).tolist()
    assert cells == [40 * expected.count(0), 40 * expected.count(1), 40 * expected.count(None)]
    assert data.neutral == 40 * sum(label in ("3", "neutral") for label in labels)
    if labels[0] == "5":
        assert "1 → negative (40)" in data.label_meaning


def test_labels_with_names_of_their_own(write_rows: WriteRows) -> None:
    rows = [("a fine film", "up"), ("dull and bad", "down"), ("fine", "sideways")]
    names = LabelNames(positive=("up",), negative=("down",))
    data = compared(write_rows("r.csv", ("text", "label"), rows), labels=names)
    assert data.changes.counts.labelled == 2
    assert data.neutral == 1


def test_a_column_without_labels_is_left_out_unless_it_is_named(
    write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_rows("r.csv", ("text", "label"), [("a fine film", f"x{n}") for n in range(9)])
    data = compared(file)
    assert data.changes.counts.labelled == 0
    assert "not used as labels" in data.warnings[0]
    with pytest.raises(InputError, match="column 'label', row 1: found the label 'x0'"):
        compared(file, columns=Columns(label="label"))
    monkeypatch.setattr(change_tally, "MOST_WORDS", 5)
    with pytest.raises(InputError, match="more than 5 different values, expected labels"):
        compared(file, columns=Columns(label="label"))
    assert "more than 5 different" in compared(file).warnings[0]
    assert compared(file).changes.counts.rows == 9


def test_too_many_labels_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the rows."""
    monkeypatch.setattr(change_tally, "MOST_WORDS", 5)
    tally, sizes = change_tally.Tally(show=0), []
    texts = pa.array(["a fine film"] * 4, pa.large_string())
    scores = ModelPair(Scorer(OLD), Scorer(MODEL)).score(texts)
    for first in range(0, 400, 4):
        labels = pa.array([f"x{first + n}" for n in range(4)], pa.large_string())
        tally.add(changes_of_block(texts, scores, {"label": labels}, 0))
        sizes.append(len(pickle.dumps(tally)))
    assert sizes[-1] < sizes[0] + 20
    assert tally.changes().counts.rows == 400


@pytest.mark.parametrize("least", [None, 0.5, 0.805, 1e-3, 4.5])
def test_probabilities_as_labels_are_few_words(least: float | None) -> None:
    short = label_words.shortener(LabelNames(positive_from=least))
    words = {short(f"0.{n:06d}") for n in range(0, 1_000_000, 37)}
    assert len(words) == (100 if least in (None, 0.5, 4.5) else 1000)
    for word in ("0.499999", "0.5", "0.500001", ".50000", "0.9999", "0.8049", "0.8051", "1.5e-05"):
        cut = float(str(short(word)))
        assert (cut >= (least or 0.5)) == (float(word) >= (least or 0.5))
    assert short("1.5e-05") in ("0.00", "0.000")
    assert short("4.123456") == "4.123456"
    assert label_words.shortener(LabelNames(positive=("0.912",)))("0.912") == "0.912"


def test_what_the_user_says_of_labels_holds_for_all_digits(write_rows: WriteRows) -> None:
    rows = [("a fine film", "0.807"), ("dull and bad", "0.802"), ("dull", "0.1")]
    file = write_rows("r.csv", ("text", "label"), rows)
    counts = compared(file, labels=LabelNames(positive_from=0.805)).changes.counts
    assert counts.cells.sum(axis=(1, 2)).tolist() == [2, 1, 0]
    counts = compared(file, labels=LabelNames(positive=("0.807",))).changes.counts
    assert counts.cells.sum(axis=(1, 2)).tolist() == [2, 1, 0]


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
    assert data.warnings == ()
    assert data.changes.counts.cells.sum(axis=(1, 2)).tolist() == [1, 1, 2]


def test_a_column_of_labels_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    for kind, labels in {"list": [[1]], "bool": [True]}.items():
        pq.write_table(pa.table({"text": ["good"], "label": labels}), tmp_path / f"{kind}.parquet")
        data = compared(tmp_path / f"{kind}.parquet")
        assert data.changes.counts.labelled == 0
        (warning,) = data.warnings
        assert f"{kind}.parquet: the column 'label' is not used as labels" in warning

"""Teacher files: read, joined with reviews, and mixed into what is fitted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import make_rows
from tests.training.listening import Listener
from toolkit.errors import InputError, UsageError
from toolkit.model.typed_json import encode
from toolkit.records import Columns, ReadOptions
from toolkit.training import (
    Matches,
    Reviews,
    TrainingOptions,
    UnlabelledReviews,
    fingerprint,
    load_teacher,
    train,
)
from toolkit.training.teacher import TeacherScores, match

if TYPE_CHECKING:
    from toolkit.training.fit_padded import Encoded
import csv

from toolkit.networks import import_keras
from toolkit.training.sources import load

WriteCsv = Callable[..., Path]

TEXTS = ["good", "bad", "fair"]


def make_reviews(texts: list[str] = TEXTS) -> Reviews:
    labels = np.arange(len(texts), dtype=np.int8) % 2
    return Reviews("r", pa.chunked_array([texts]), labels)


def matched(path: Path, *sources: Reviews | UnlabelledReviews) -> tuple[list[list[float]], Matches]:
    """What a file gives to the reviews of each source, -1 for nothing."""
    found, (matches,) = match([load_teacher(path, ReadOptions())], sources)
    assert all(part.dtype == np.float32 for part in found)
    return [np.nan_to_num(part, nan=-1).round(4).tolist() for part in found], matches


@pytest.mark.parametrize("name", ["positive_probability", "probability", "label"])
def test_the_usual_columns(write_csv: WriteCsv, name: str) -> None:
    path = write_csv(("good", "0.75"), header=("text", name))
    assert load_teacher(path, ReadOptions()).probabilities.tolist() == [0.75]


def test_the_first_of_the_usual_columns_is_taken_unless_another_is_named(
    write_csv: WriteCsv,
) -> None:
    header = ("text", "label", "probability", "positive_probability", "votes")
    path = write_csv(("good", "1", "0.2", "0.3", "0.4"), header=header)
    assert load_teacher(path, ReadOptions()).probabilities.tolist() == [np.float32(0.3)]
    votes = load_teacher(path, ReadOptions(Columns(probability="votes")))
    assert votes.probabilities.tolist() == [np.float32(0.4)]
    with pytest.raises(UsageError, match=r"no column 'x' \(found: .*--probability-column"):
        load_teacher(path, ReadOptions(Columns(probability="x")))


def test_a_file_that_names_no_reviews_is_refused(write_csv: WriteCsv) -> None:
    path = write_csv(("5", "0.3"), header=("key", "probability"))
    with pytest.raises(UsageError, match=r"no column 'text' or 'review' or 'text_sha256'"):
        load_teacher(path, ReadOptions())
    named = load_teacher(path, ReadOptions(Columns("key")))
    assert named.texts == [fingerprint("5")]


@pytest.mark.parametrize("value", ["1.5", "-0.5", "x"])
def test_what_is_no_probability_is_refused(write_csv: WriteCsv, value: str) -> None:
    path = write_csv(("good", ""), ("bad", value), header=("text", "probability"))
    with pytest.raises(
        InputError, match=r"column 'probability', row 2: found.*--probability-column"
    ):
        load_teacher(path, ReadOptions())


def test_rows_without_probability_are_left_out_and_counted(write_csv: WriteCsv) -> None:
    rows = [("good", ""), ("bad", "0.25"), ("fair", " "), ("so", "nan")]
    teacher = load_teacher(write_csv(*rows, header=("text", "probability")), ReadOptions())
    assert (len(teacher), teacher.without_probability) == (1, 3)
    assert teacher.place(0).endswith("r.csv, row 2")
    with pytest.raises(InputError, match="has no probabilities"):
        load_teacher(write_csv(("good", ""), header=("text", "probability")), ReadOptions())


def test_texts_and_their_hashes_are_joined_exactly(write_csv: WriteCsv, tmp_path: Path) -> None:
    reviews = make_reviews(["a film\r\n", "café", "A film\r\n", "café"])
    rows = [("a film\r\n", "0.25"), ("café", "0.5"), ("nowhere", "1")]
    by_text = write_csv(*rows, header=("text", "probability"), name="text.csv")
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text, _ in rows]
    by_hash = tmp_path / "hash.parquet"
    table = {"text_sha256": [hashes[0].upper(), *hashes[1:]], "probability": [0.25, 0.5, 1.0]}
    pq.write_table(pa.table(table), by_hash)
    for path in (by_text, by_hash):
        found, matches = matched(path, reviews)
        assert found == [[0.25, 0.5, -1, 0.5]]
        assert (matches.labelled, matches.unlabelled, matches.unmatched) == (3, 0, 1)


@pytest.mark.parametrize("digits", [16, 17, 63, 64])
def test_the_first_digits_of_a_hash_are_enough(tmp_path: Path, digits: int) -> None:
    path = tmp_path / "t.parquet"
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:digits] for text in TEXTS[:2]]
    table = {"text_sha256": [*hashes, None, " "], "probability": [0.25, 0.5, 0.75, 1.0]}
    pq.write_table(pa.table(table), path)
    found, matches = matched(path, make_reviews())
    assert found == [[0.25, 0.5, -1]]
    assert (matches.labelled, matches.unmatched) == (2, 2)


@pytest.mark.parametrize(
    "name",
    [
        hashlib.sha256(b"bad").hexdigest()[:15],
        f"{hashlib.sha256(b'bad').hexdigest()}0",
        "bad",
        "g" * 64,
    ],
)
def test_what_is_no_hash_is_refused_with_its_row(write_csv: WriteCsv, name: str) -> None:
    rows = [(fingerprint("good"), "0.5"), ("", ""), (name, "0.25")]
    path = write_csv(*rows, header=("text_sha256", "probability"))
    with pytest.raises(
        InputError, match=r"column 'text_sha256', row 3: found '.*SHA-256.*first 16 digits"
    ):
        load_teacher(path, ReadOptions())


def test_the_teacher_of_other_reviews_is_refused(write_csv: WriteCsv) -> None:
    path = write_csv(("x", "0.25"), ("y", "1"), header=("text", "probability"))
    with pytest.raises(InputError, match="none of its 2 rows has the text of a review of r"):
        matched(path, make_reviews())


def test_contradictions_are_refused_with_both_places(write_csv: WriteCsv) -> None:
    header = ("text", "probability")
    rows = [("x", "1"), ("bad", "0.25"), ("good", "1"), ("bad", "0.25"), ("bad", "0.5")]
    with pytest.raises(
        InputError,
        match=r"r\.csv, row 5: found the probability 0\.5 .*has 0\.25 in .*r\.csv, row 2\. Give",
    ):
        matched(write_csv(*rows, header=header), make_reviews())
    found, matches = matched(write_csv(*rows[:4], header=header), make_reviews())
    assert found == [[1, 0.25, -1]]
    assert (matches.labelled, matches.unmatched) == (2, 1)


def test_several_files_are_parts_of_one(write_csv: WriteCsv) -> None:
    header = ("text", "probability")
    first = load_teacher(write_csv(("good", "1"), header=header, name="1.csv"), ReadOptions())
    second = load_teacher(write_csv(("bad", "0"), header=header, name="2.csv"), ReadOptions())
    (found,), matches = match([first, second], [make_reviews()])
    assert np.nan_to_num(found, nan=-1).tolist() == [1, 0, -1]
    assert [one.labelled for one in matches] == [1, 1]
    third = load_teacher(write_csv(("bad", "1"), header=header, name="3.csv"), ReadOptions())
    with pytest.raises(
        InputError, match=r"3\.csv, row 1: found the probability 1\.0.* in .*2\.csv, row 1"
    ):
        match([first, second, third], [make_reviews()])


@given(st.lists(st.text(st.characters(codec="utf-8")), unique=True, min_size=1), st.randoms())
def test_the_order_of_the_rows_does_not_matter(texts: list[str], random: object) -> None:
    """Each review gets the probability of its text, from whatever row."""
    values = np.linspace(0, 1, len(texts), dtype=np.float32)
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    teacher = TeacherScores(
        Path("t"), values[order], np.arange(len(texts)),
        [fingerprint(texts[place]) for place in order],
    )  # fmt: skip
    (found,), _ = match([teacher], [make_reviews(texts)])
    assert found.tolist() == values.tolist()


def test_labels_and_teacher_are_mixed_where_there_is_one() -> None:
    soft = np.array([0.5, 1, 0], np.float32)
    teacher = np.array([1, np.nan, 0.5], np.float32)
    reviews = replace(make_reviews(), soft_labels=soft)
    assert reviews.blended(0.5).tolist() == reviews.targets.tolist()
    reviews = replace(reviews, teacher=teacher)
    assert reviews.blended(0.5).tolist() == [0.75, 1, 0.25]
    assert reviews.blended(0).tolist() == [0.5, 1, 0]
    assert reviews.blended(1).tolist() == [1, 1, 0.5]
    assert reviews.blended(0.5).dtype == np.float32


@pytest.mark.slow
def test_the_network_is_fitted_to_the_teacher_and_measured_by_the_labels(
    write_csv: WriteCsv, options: TrainingOptions, encodings: list[Encoded]
) -> None:
    """A teacher that says the opposite of every label makes a network that does, too."""
    rows = make_rows(200)
    data = write_csv(*rows, name="reviews.csv")
    turned = [(text, str(1 - int(label))) for text, label in rows]
    teacher = write_csv(*turned, ("nowhere", "1"), name="teacher.csv")
    chosen = replace(
        options, data=str(data), test_data=data, teachers=(teacher,), teacher_weight=1, epochs=9,
        early_stopping=False,
    )  # fmt: skip
    result = train(chosen)
    for part in ("validation", "test"):
        assert encode(result.metrics)[part]["accuracy"] < 0.2
    fitted = encodings[0].fitted
    assert fitted.is_soft
    config = result.run.load_config()
    assert config.training["teacher_weight"] == 1
    (found,) = encode(config.data)["teachers"]
    assert found.pop("sha256") == hashlib.sha256(teacher.read_bytes()).hexdigest()
    assert found == {
        "source": "teacher.csv",
        "rows": 201,
        "without_probability": 0,
        "unmatched": 1,
        "labelled": 200,
        "unlabelled": 0,
    }


@pytest.mark.slow
@pytest.mark.parametrize("folds", [0, 2])
def test_ten_reviews_are_enough(
    write_csv: WriteCsv, options: TrainingOptions, encodings: list[Encoded], folds: int
) -> None:
    rows = make_rows(10)
    data = write_csv(*rows, name="ten.csv")
    teacher = write_csv(("0.25", rows[0][0]), header=("probability", "text"), name="teacher.csv")
    listener = Listener()
    chosen = replace(options, data=str(data), teachers=(teacher,), folds=folds, epochs=1)
    train(chosen, listener)
    assert listener.with_words("probabilities for 1 of 10 labelled reviews")
    if folds:
        targets = encodings[0].fitted.targets
        assert targets[0] == 0.125  # half of the label 0, half of the teacher


def test_columns_of_a_teacher_need_one(options: TrainingOptions) -> None:
    reading = ReadOptions(Columns(probability="votes"))
    with pytest.raises(UsageError, match="--teacher-weight: only works with --teacher FILE"):
        TrainingOptions(teacher_weight=0.7)
    with pytest.raises(UsageError, match="--probability-column: only works with --teacher FILE"):
        replace(options, reading=reading)
    replace(options, reading=reading, teachers=(Path("t.csv"),))


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weights_out_of_range_are_refused(options: TrainingOptions, weight: float) -> None:
    with pytest.raises(UsageError, match="--teacher-weight: expected from 0 to 1"):
        replace(options, teacher_weight=weight)


def read(path: Path) -> Reviews:
    return load(str(path), ReadOptions())


def test_words_and_probabilities_may_be_mixed(write_csv: WriteCsv) -> None:
    labels = ["pos", " NEG ", "0.5", ".25", "1e-3", "1"]
    reviews = read(write_csv(*[("a", label) for label in labels]))
    assert reviews.targets.tolist() == np.array([1, 0, 0.5, 0.25, 0.001, 1], np.float32).tolist()
    assert reviews.labels.tolist() == [1, 0, 1, 0, 0, 1]
    assert reviews.soft_count == 3


def test_the_fingerprint_of_hard_labels_is_what_it_was(write_csv: WriteCsv) -> None:
    """Of the rule before there were soft labels: length, text, label."""
    import hashlib

    content = b"".join(
        len(text).to_bytes(8, "little") + text + label
        for text, label in ((b"ab", b"\1"), (b"c\xc3\xa9", b"\0"))
    )
    reviews = read(write_csv(("ab", "1.0"), ("cé", "negative")))
    assert reviews.soft_labels is None
    assert reviews.sha256 == hashlib.sha256(content).hexdigest()


def test_the_fingerprint_changes_with_a_soft_label(write_csv: WriteCsv) -> None:
    found = {read(write_csv(("a", label), ("b", "0"))).sha256 for label in ("1", "0.9", "0.8")}
    assert len(found) == 3


@pytest.mark.parametrize(
    "label",
    ["1.5", "-0.1", "nan", "inf", "1e400", "0,5", "0_1", "\u0660", "50%", "1.0000001", "0x1"],
)
def test_what_is_no_label_is_refused(write_csv: WriteCsv, label: str) -> None:
    with pytest.raises(InputError, match=r"column 'label', row 2: found (the|no) label.* 0 to 1,"):
        read(write_csv(("a", "0.5"), ("b", label)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.25])
def test_parquet_numbers_that_are_no_probabilities(tmp_path: Path, value: float) -> None:
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({"text": ["a", "b", "c"], "label": [0.5, 1.0, value]}), path)
    with pytest.raises(InputError, match=r"column 'label', row 3: found (the|no) label"):
        read(path)


def test_percentages_are_told_how_to_become_labels(write_csv: WriteCsv) -> None:
    rows = [("a", str(percentage)) for percentage in (1, 50, 30, 40)]
    with pytest.raises(InputError, match=r"row 2: found the label '50' \(2 more .*-from"):
        read(write_csv(*rows))
    with pytest.raises(InputError, match=r"name labels with --positive and --negative\."):
        read(write_csv(("a", "bad")))


def soft_rows(count: int, seed: int = 7) -> list[tuple[str, str]]:
    """Positive reviews have 0.9 and 0.6 in turns, negative ones 0.1 and 0.4."""
    return [
        (text, {"1": ("0.9", "0.6"), "0": ("0.1", "0.4")}[label][number // 2 % 2])
        for number, (text, label) in enumerate(make_rows(count, seed))
    ]


def test_taken_reviews_keep_what_belongs_to_them(write_csv: WriteCsv) -> None:
    rows = [("a", "0.7", "x"), (" ", "1", "y"), ("c", "0.2", "z"), ("d", "1", "")]
    reviews = read(write_csv(*rows, header=("text", "label", "id")))
    with_teacher = replace(reviews, teacher=np.array([0.1, np.nan, 0.3], np.float32))
    taken = with_teacher.take(np.array([2, 0]))
    assert taken.texts.to_pylist() == ["d", "a"]
    assert taken.targets.tolist() == np.array([1, 0.7], np.float32).tolist()
    assert taken.teacher is not None
    assert taken.teacher.tolist() == np.array([0.3, 0.1], np.float32).tolist()
    kept = with_teacher.with_text()
    assert (len(kept), kept.soft_count) == (3, 2)


@pytest.mark.slow
def test_soft_labels_are_fitted_and_measured_rounded(
    write_csv: WriteCsv, options: TrainingOptions, encodings: list[Encoded]
) -> None:
    """No prediction equals a soft label: the accuracy of Keras would be 0 in every epoch."""
    data = write_csv(*soft_rows(200), name="soft.csv")
    test = write_csv(*soft_rows(20, seed=8), name="test.csv")
    result = train(replace(options, data=str(data), test_data=test, epochs=12))
    part = encodings[0].fitted
    assert sorted(set(part.targets.tolist())) == np.array([0.1, 0.4, 0.6, 0.9], "f4").tolist()
    assert encodings[0].held_out is not None
    assert not encodings[0].held_out.is_soft
    with result.run.history.open(newline="") as file:
        epochs = list(csv.DictReader(file))
    assert float(epochs[-1]["accuracy"]) > 0.8
    validation = encode(result.metrics)["validation"]
    best = epochs[validation["best_epoch"] - 1]
    assert validation["accuracy"] == pytest.approx(float(best["val_accuracy"]))
    assert validation["accuracy"] > 0.8
    assert encode(result.metrics)["test"]["accuracy"] > 0.8
    config = result.run.load_config()
    assert config.data.soft_labels == 200
    assert encode(config.data)["test"]["soft_labels"] == 20
    sample = pq.read_table(result.run.sample)
    assert set(sample["label"].to_pylist()) == {0, 1}


@pytest.mark.slow
def test_a_network_that_was_fitted_on_soft_labels_is_saved_like_others(
    write_csv: WriteCsv, options: TrainingOptions, tmp_path: Path
) -> None:
    data = write_csv(*soft_rows(60), name="soft.csv")
    configs = []
    for number, source in enumerate((str(data), options.data)):
        output = tmp_path / f"run {number}"
        run = train(replace(options, data=source, epochs=1, output=output)).run
        network = import_keras().saving.load_model(run.model)
        configs.append((network.get_compile_config(), network.optimizer.iterations.numpy()))
    assert configs[0] == configs[1]
    assert configs[0][1] == 6


@pytest.mark.slow
def test_hard_labels_have_no_entry(options: TrainingOptions, encodings: list[Encoded]) -> None:
    config = train(replace(options, epochs=1)).run.load_config()
    assert not encodings[0].fitted.is_soft
    assert set(encode(config.data)) == {
        "source", "reviews", "positive", "without_text", "sha256", "fitted", "held_out"
    }  # fmt: skip

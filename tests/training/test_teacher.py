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
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.training.options import TrainingOptions
from toolkit.training.reviews import Reviews, UnlabelledReviews
from toolkit.training.teacher import Matches, Teacher, fingerprint, load_teacher, match
from toolkit.training.train import train

if TYPE_CHECKING:
    from toolkit.training.fit_padded import Encoded

WriteCsv = Callable[..., Path]

TEXTS = ["good", "bad", "fair"]


def make_reviews(texts: list[str] = TEXTS, ids: list[str | None] | None = None) -> Reviews:
    labels = np.arange(len(texts), dtype=np.int8) % 2
    return Reviews("r", pa.chunked_array([texts]), labels, ids=as_ids(ids))


def make_unlabelled(texts: list[str], ids: list[str | None] | None = None) -> UnlabelledReviews:
    return UnlabelledReviews("u", pa.chunked_array([texts]), as_ids(ids))


def as_ids(ids: list[str | None] | None) -> pa.ChunkedArray | None:
    return None if ids is None else pa.chunked_array([pa.array(ids, pa.large_string())])


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
    with pytest.raises(UsageError, match=r"no column 'id' or 'text' or 'review' or 'text_sha256'"):
        load_teacher(path, ReadOptions())
    assert load_teacher(path, ReadOptions(Columns(id="key"))).ids == ["5"]


@pytest.mark.parametrize("value", ["1.5", "-0.5", "nan", "x"])
def test_what_is_no_probability_is_refused(write_csv: WriteCsv, value: str) -> None:
    path = write_csv(("good", ""), ("bad", value), header=("text", "probability"))
    with pytest.raises(
        InputError, match=r"column 'probability', row 2: found.*--probability-column"
    ):
        load_teacher(path, ReadOptions())


def test_rows_without_probability_are_left_out_and_counted(write_csv: WriteCsv) -> None:
    rows = [("good", ""), ("bad", "0.25"), ("fair", " ")]
    teacher = load_teacher(write_csv(*rows, header=("text", "probability")), ReadOptions())
    assert (len(teacher), teacher.without_probability) == (1, 2)
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
        assert matches.compared == ("text",)


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


def test_ids_are_joined_and_blank_ones_name_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    ids = pa.array([7, 8, None], pa.int64())
    pq.write_table(pa.table({"id": ids, "positive_probability": [0.25, 0.5, 1.0]}), path)
    reviews = make_reviews(ids=["8", None, "9"])
    unlabelled = make_unlabelled(["x", "y"], ["", "7"])
    found, matches = matched(path, reviews, unlabelled)
    assert found == [[0.5, -1, -1], [-1, 0.25]]
    assert (matches.labelled, matches.unlabelled, matches.unmatched) == (1, 1, 1)
    assert matches.compared == ("id",)


def test_rows_agree_in_all_that_both_have(write_csv: WriteCsv) -> None:
    """Ids distinguish equal texts, and texts distinguish equal ids of two files."""
    rows = [("1", "same", "0.25"), ("2", "same", "0.5"), ("1", "other", "0.75"), ("3", "new", "1")]
    path = write_csv(*rows, header=("id", "text", "probability"))
    reviews = make_reviews(["same", "same", "new"], ["1", "2", "4"])
    found, matches = matched(path, reviews, make_unlabelled(["other", "same"], ["1", "9"]))
    assert found == [[0.25, 0.5, -1], [0.75, -1]]
    assert matches.unmatched == 1
    assert matches.compared == ("id", "text")


def test_an_id_of_two_reviews_is_refused_without_texts(write_csv: WriteCsv) -> None:
    path = write_csv(("1", "0.25"), ("2", "0.5"), header=("id", "probability"))
    reviews = make_reviews(ids=["1", "2", "3"])
    with pytest.raises(InputError, match=r"id '1' belongs to two reviews, in r and in u\. Give"):
        matched(path, reviews, make_unlabelled(["another"], ["1"]))
    found, _ = matched(path, reviews, make_unlabelled(["good", "another"], ["1", "3"]))
    assert found == [[0.25, 0.5, -1], [0.25, -1]]


def test_a_file_with_only_ids_needs_reviews_with_ids(write_csv: WriteCsv) -> None:
    path = write_csv(("1", "0.25"), header=("id", "probability"))
    with pytest.raises(UsageError, match=r"by their ids, and r and u has none.*--id-column"):
        matched(path, make_reviews(), make_unlabelled(["x"]))
    found, _ = matched(path, make_reviews(), make_unlabelled(["x"], ["1"]))
    assert found == [[-1, -1, -1], [0.25]]


def test_the_teacher_of_other_reviews_is_refused(write_csv: WriteCsv) -> None:
    path = write_csv(("x", "0.25"), ("y", "1"), header=("text", "probability"))
    with pytest.raises(InputError, match=r"none of its 2 rows belongs to.*\(compared by text\)"):
        matched(path, make_reviews())


def test_contradictions_are_refused_with_both_places(write_csv: WriteCsv) -> None:
    header = ("text", "probability")
    rows = [("x", "1"), ("bad", "0.25"), ("good", "1"), ("bad", "0.25"), ("bad", "0.5")]
    with pytest.raises(
        InputError, match=r"r\.csv, row 5: gives 0\.5 to .*that has 0\.25 by .*r\.csv, row 2\. Give"
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
    with pytest.raises(InputError, match=r"3\.csv, row 1: gives 1\.0.*by .*2\.csv, row 1"):
        match([first, second, third], [make_reviews()])


@given(st.lists(st.text(st.characters(codec="utf-8")), unique=True, min_size=1), st.randoms())
def test_the_order_of_the_rows_does_not_matter(texts: list[str], random: object) -> None:
    """Each review gets the probability of its text, from whatever row."""
    values = np.linspace(0, 1, len(texts), dtype=np.float32)
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    teacher = Teacher(
        Path("t"), values[order], np.arange(len(texts)), None,
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
    assert fitted.targets is not None
    assert np.array_equal(fitted.targets, 1 - fitted.labels)
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
    assert listener.matches[0] == (1, 10)
    if folds:
        targets = encodings[0].fitted.targets
        assert targets is not None
        assert targets[0] == 0.125  # half of the label 0, half of the teacher


def test_columns_of_a_teacher_need_one(options: TrainingOptions) -> None:
    reading = ReadOptions(Columns(id="number", probability="votes"))
    with pytest.raises(UsageError, match=r"--probability-column, --id-column: there is no teacher"):
        replace(options, reading=reading)
    replace(options, reading=reading, teachers=(Path("t.csv"),))


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weights_out_of_range_are_refused(options: TrainingOptions, weight: float) -> None:
    with pytest.raises(UsageError, match="--teacher-weight: expected from 0 to 1"):
        replace(options, teacher_weight=weight)

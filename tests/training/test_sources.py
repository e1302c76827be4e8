"""Where reviews come from: labelled files, the folder of the IMDB data set, and Keras."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.training.listening import Listener
from toolkit.errors import InputError, TrainingError, UsageError
from toolkit.networks import import_keras
from toolkit.records import Columns, LabelNames, ReadOptions
from toolkit.records.options import NULL_WORDS
from toolkit.training import Reviews, TrainingOptions
from toolkit.training.data import load_training_data
from toolkit.training.sources import check_columns, load

WriteCsv = Callable[..., Path]

ROWS = [("fine, truly", "1"), ("two\nlines", "0"), ('a "quoted" word', "1"), ("007", "0")]

TEXTS = [text for text, _ in ROWS]


def read(path: Path, **columns: Any) -> Reviews:
    return load(str(path), ReadOptions(Columns(**columns)))


def write_jsonl(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_csv_and_its_default_columns(write_csv: WriteCsv) -> None:
    reviews = read(write_csv(*ROWS))
    assert reviews.texts.to_pylist() == TEXTS
    assert reviews.labels.tolist() == [1, 0, 1, 0]
    assert reviews.labels.dtype == np.int8
    assert reviews.groups is None


def test_chosen_columns(write_csv: WriteCsv) -> None:
    path = write_csv(("x", "1", "a", "f"), ("x", "1", "b", "g"), header=("text", "label", "t", "l"))
    found = r"column 'l', row 1: found the label 'f' \(1 more with another unknown label or none\)"
    with pytest.raises(InputError, match=found):
        read(path, text="t", label="l")
    assert read(path, text="t").texts.to_pylist() == ["a", "b"]


def test_rows_without_a_label_are_no_class_and_left_out_on_request(write_csv: WriteCsv) -> None:
    path = write_csv(*ROWS, *[("x", "NA")] * 800, ("y", "O"))
    names = LabelNames(("1",), ("0", "O"))
    with pytest.raises(InputError, match=r"row 5: found no label \(800 such rows\), expected"):
        load(str(path), ReadOptions(labels=names))
    found = load(str(path), ReadOptions(labels=replace(names, skip_wrong=True)))
    assert (len(found), found.without_label, found.neutral) == (5, 800, None)
    found = load(str(path), ReadOptions(labels=LabelNames(skip_wrong=True)))
    assert (len(found), found.without_label) == (4, 801)


def test_words_that_end_or_begin_many_reviews_are_told_and_cut(write_csv: WriteCsv) -> None:
    rows = [(f"fine {n}READ MORE" if n % 3 else f"Was it ok? {n}", str(n % 2)) for n in range(90)]
    options, listener = TrainingOptions(data=str(write_csv(*rows))), Listener()
    load_training_data(options, listener)
    end, begin = listener.warnings
    assert "60 different reviews of 90 end with 'READ MORE'" in end
    assert "--strip-ending 'READ MORE'" in end
    assert "30 different reviews of 90 begin with 'Was it ok?'" in begin
    listener = Listener()
    read = load_training_data(
        replace(options, reading=ReadOptions(strip_endings=("READ MORE",))), listener
    )
    assert read.reviews.texts[1].as_py() == "fine 1"
    assert len(listener.warnings) == 1
    with pytest.raises(UsageError, match="--strip-ending: 'imdb' has no columns"):
        check_columns(TrainingOptions(reading=ReadOptions(strip_endings=("READ MORE",))))


@settings(max_examples=50)
@example([("None", "0"), (" \\N ", "1"), ("none", "0")])
@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.sampled_from("01"))))
def test_formats_agree(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    """Also with line separators, NUL and quotes in the texts: same reviews, same fingerprint."""
    folder = tmp_path_factory.mktemp("formats")
    rows = [("never empty", "1"), *rows]
    with (folder / "r.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    write_jsonl(folder / "r.jsonl", [{"text": text, "label": int(label)} for text, label in rows])
    columns = {"text": [text for text, _ in rows], "label": [float(label) for _, label in rows]}
    pq.write_table(pa.table(columns), folder / "r.parquet")
    found = [read(folder / f"r{suffix}") for suffix in (".csv", ".jsonl", ".parquet")]
    assert len({reviews.sha256 for reviews in found}) == 1
    assert len({reviews.without_text for reviews in found}) == 1
    kept = [text for text, _ in rows if text.strip() not in ("", *NULL_WORDS)]
    assert found[0].texts.to_pylist() == kept


def test_rows_without_text_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": 1}, {"text": None}, {"text": " \t"}, {"label": 0}]
    reviews = read(write_jsonl(tmp_path / "r.jsonl", rows))
    assert reviews.texts.to_pylist() == ["a"]
    assert reviews.without_text == 3


def test_groups_are_equal_for_equal_names_and_blank_ones_are_alone(write_csv: WriteCsv) -> None:
    rows = [("a", "1", "x"), ("b", "0", ""), ("c", "1", "y"), ("d", "0", ""), ("e", "0", "x")]
    reviews = read(write_csv(*rows, header=("text", "label", "film")), group="film")
    assert reviews.groups is not None
    first, lone, other, alone, same = reviews.groups.tolist()
    assert first == same
    assert len({first, lone, other, alone}) == 4


def test_the_fingerprint_changes_with_a_text_a_label_and_the_order(write_csv: WriteCsv) -> None:
    variants = [
        [("ab", "1"), ("c", "0")],
        [("a", "1"), ("bc", "0")],
        [("ab", "0"), ("c", "0")],
        [("c", "0"), ("ab", "1")],
    ]
    assert len({read(write_csv(*rows)).sha256 for rows in variants}) == len(variants)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv", b"", "csv: the file is empty"),
        ("r.parquet", b"PAR1", "parquet: not a Parquet file, or a damaged one"),
        (
            "r.csv",
            b"text,label\na,1,2\n",
            "line 2: 3 fields, expected 2. Fix this record, or leave",
        ),
        ("r.csv", b"text,label\na,1\n,9\nb,8\nc,x\n", "row 4: found the label 'x', expected 1 to"),
        ("r.csv", b"text,label\na,1\nb,\n", "'label', row 2: found no label, expected 0"),
        ("r.jsonl", b'{"text": "a", "label": 1}\n[]\n', "line 2: expected a JSON object, found an"),
    ],
)
def test_what_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(path)


def test_a_name_too_long_to_look_for_is_a_missing_file() -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read(Path("x" * 5000))


def test_a_missing_file_names_what_could_be_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such file or folder.*aclImdb.*'imdb'"):
        read(tmp_path / "nowhere")


def test_too_few_reviews(write_csv: WriteCsv) -> None:
    path = write_csv(*ROWS, (" ", "1"))
    with pytest.raises(
        TrainingError, match=r"4 reviews \(1 rows without text left out\), expected"
    ):
        read(path).check()


def test_one_label_only(write_csv: WriteCsv) -> None:
    with pytest.raises(TrainingError, match="all 20 reviews are negative"):
        read(write_csv(*[("a", "0")] * 20)).check()


FILES = {
    "train/pos/0_9.txt": "first good",
    "train/pos/2_10.txt": "second good",
    "train/pos/10_7.txt": "third good",
    "train/neg/0_1.txt": "first bad",
    "train/neg/1_4.txt": "  ",
    "train/neg/2_3.txt": "second bad",
    "train/unsup/0_0.txt": "without label",
    "test/pos/0_10.txt": "tested good",
    "test/neg/0_2.txt": "tested bad",
}


def url(film: int) -> str:
    return f"http://www.imdb.com/title/tt{film:07}/usercomments\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_reviews_are_ordered_by_label_and_number(folder: Path) -> None:
    reviews = load(str(folder), ReadOptions())
    assert reviews.texts.to_pylist() == [
        "first bad",
        "second bad",
        "first good",
        "second good",
        "third good",
    ]
    assert reviews.labels.tolist() == [0, 0, 1, 1, 1]
    assert reviews.without_text == 1
    assert reviews.groups is None


def test_the_name_of_the_current_folder_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert load(".", ReadOptions()).name == f"{folder.name}/train"


def test_the_test_part(folder: Path) -> None:
    reviews = load(str(folder), ReadOptions(), "test")
    assert reviews.texts.to_pylist() == ["tested bad", "tested good"]


def test_films_are_the_groups(folder: Path) -> None:
    """Line i belongs to the file with the id i; a film has reviews of both labels."""
    (folder / "train/urls_pos.txt").write_text(
        "".join(url(film) for film in [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]), "utf-8"
    )
    (folder / "train/urls_neg.txt").write_text("".join(map(url, [2, 0, 1])), "utf-8")
    groups = load(str(folder), ReadOptions()).groups
    assert groups is not None
    first_bad, second_bad, first_good, second_good, third_good = groups.tolist()
    assert first_bad == second_good
    assert second_bad == first_good == third_good
    assert first_bad != first_good


@pytest.mark.parametrize("missing", ["train/pos", "train/neg"])
def test_another_folder_is_refused(folder: Path, missing: str) -> None:
    (folder / missing).rename(folder / "elsewhere")
    with pytest.raises(InputError, match=r"expected the folders train/pos and.*found: elsewhere"):
        load(str(folder), ReadOptions())


def test_an_unexpected_file_name_is_refused(folder: Path) -> None:
    (folder / "train/neg/notes.txt").write_text("x", "utf-8")
    with pytest.raises(InputError, match=r"notes\.txt: expected a name like 123_8\.txt"):
        load(str(folder), ReadOptions())


def test_a_review_that_is_no_utf8_is_named(folder: Path) -> None:
    (folder / "train/neg/2_3.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"2_3\.txt: not valid UTF-8 at byte 3"):
        load(str(folder), ReadOptions())


WORD_INDEX = {"film": 3, "the": 1, "fine": 2, "åge": 4, "rarest": 5}

TRAIN = [([1, 2, 3], 1), ([1, 4, 5], 0), ([], 0)]

TEST = [([3, 2], 1), ([5], 0)]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files in the form of the real ones, in place of the download."""
    arrays = {}
    for part, rows in (("train", TRAIN), ("test", TEST)):
        arrays[f"x_{part}"] = np.array([None, *(ranks for ranks, _ in rows)], object)[1:]
        arrays[f"y_{part}"] = np.array([label for _, label in rows])
    np.savez(tmp_path / "imdb.npz", allow_pickle=True, **arrays)
    (tmp_path / "imdb_word_index.json").write_text(json.dumps(WORD_INDEX))
    import_keras()
    monkeypatch.setattr(
        "keras.src.datasets.imdb.get_file", lambda fname, **_: str(tmp_path / fname)
    )
    return tmp_path


def test_ranks_become_words_again(stand_in: Path) -> None:
    """Keras shuffles the reviews; the rarest word is not lost, and an empty review is none."""
    reviews = load("imdb", ReadOptions())
    found = zip(reviews.texts.to_pylist(), reviews.labels.tolist(), strict=True)
    assert sorted(found) == [("the fine film", 1), ("the åge rarest", 0)]
    assert reviews.without_text == 1
    assert reviews.labels.dtype == np.int8


def test_the_test_part_of_imdb(stand_in: Path) -> None:
    assert sorted(load("imdb", ReadOptions(), "test").texts.to_pylist()) == ["film fine", "rarest"]


def test_a_failed_download_names_the_other_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fname: str, **_: object) -> str:
        raise Exception(f"URL fetch failure on {fname}")

    import_keras()
    monkeypatch.setattr("keras.src.datasets.imdb.get_file", fail)
    with pytest.raises(InputError, match=r"imdb: .*URL fetch failure.*CSV, JSONL or Parquet.*aclI"):
        load("imdb", ReadOptions())

"""Unlabelled reviews and teachers: kept apart from what is evaluated, used by presets that can."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.data import PROJECT
from tests.training.conftest import make_rows
from tests.training.listening import Listener
from toolkit.cli.app import app
from toolkit.errors import InputError, TrainingError, UsageError
from toolkit.model import RunFolder
from toolkit.model.typed_json import encode
from toolkit.records import Columns, ReadOptions
from toolkit.training import PRESETS, Reviews, TrainingOptions, UnlabelledReviews, train
from toolkit.training.data import TrainingSets
from toolkit.training.sources import check_columns, concatenate, load_unlabelled
from toolkit.training.split import Split

WriteCsv = Callable[..., Path]


def make_unlabelled(*texts: str, name: str = "u") -> UnlabelledReviews:
    return UnlabelledReviews(name, pa.chunked_array([pa.array(texts, pa.string())]))


@pytest.fixture
def learner(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a preset that has a use for unlabelled reviews."""
    preset = replace(PRESETS["conv1d"], name="learner", uses_unlabelled=True)
    monkeypatch.setitem(PRESETS, preset.name, preset)
    return preset.name


def test_texts_are_read_and_blanks_counted(tmp_path: Path, write_csv: WriteCsv) -> None:
    rows = [("7", "a film", "?"), ("8", " ", "?"), ("", "café", "?")]
    path = write_csv(*rows, header=("id", "review", "label"))
    table = pa.table({"id": [7, 8, None], "review": [text for _, text, _ in rows]})
    pq.write_table(table, tmp_path / "r.parquet")
    for reviews in (
        load_unlabelled(path, ReadOptions()),
        load_unlabelled(tmp_path / "r.parquet", ReadOptions()),
    ):
        assert reviews.texts.to_pylist() == ["a film", "café"]
        assert reviews.without_text == 1
        assert reviews.teacher is None
    with pytest.raises(UsageError, match=r"no column 'body' \(found: id, review, label\)"):
        load_unlabelled(path, ReadOptions(Columns(text="body")))


def test_the_folder_of_the_data_set(tmp_path: Path) -> None:
    for number in (10, 9):
        file = tmp_path / f"train/unsup/{number}_0.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"review {number}")
    reviews = load_unlabelled(tmp_path, ReadOptions())
    assert reviews.texts.to_pylist() == ["review 9", "review 10"]
    assert reviews.name == f"{tmp_path.name}/train/unsup"
    with pytest.raises(InputError, match=r"train: expected the folder train/unsup of an aclImdb"):
        load_unlabelled(tmp_path / "train", ReadOptions())


def test_what_cannot_be_read_says_why(tmp_path: Path, write_csv: WriteCsv) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: no such file"):
        load_unlabelled(tmp_path / "nowhere.csv", ReadOptions())
    with pytest.raises(InputError, match="nowhere: no such file"):
        load_unlabelled(tmp_path / "nowhere", ReadOptions())
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        load_unlabelled(Path("x" * 5000 + ".csv"), ReadOptions())
    with pytest.raises(TrainingError, match=r"none of its 2 rows has a text\. Give unlabelled"):
        load_unlabelled(write_csv(("", "1"), ("\t", "1")), ReadOptions())


def test_the_fingerprint_changes_with_a_text_and_the_order() -> None:
    parts = [("ab", "c"), ("a", "bc"), ("c", "ab"), ("ab",)]
    assert len({make_unlabelled(*texts).sha256 for texts in parts}) == len(parts)


def test_several_sources_are_one() -> None:
    first = replace(make_unlabelled("a", "b", name="one"), without_text=2)
    second = replace(make_unlabelled("c", name="two"), teacher=np.array([0.5], np.float32))
    both = concatenate([first, second])
    assert (both.name, both.without_text) == ("one, two", 2)
    assert both.texts.to_pylist() == ["a", "b", "c"]
    assert both.teacher is not None
    assert both.teacher.dtype == np.float32
    assert np.isnan(both.teacher).tolist() == [True, True, False]
    taken = both.take(np.array([2, 0]))
    assert taken.teacher is not None
    assert taken.teacher[0] == 0.5
    assert concatenate([first]).teacher is None


def test_what_is_held_out_or_tested_on_is_not_learned_from() -> None:
    def reviews(*texts: str) -> Reviews:
        return Reviews("r", pa.chunked_array([list(texts)]), np.arange(len(texts), dtype=np.int8))

    unlabelled = make_unlabelled("fitted", "held out", "tested", "Tested", "new", "held out")
    read = TrainingSets(reviews("fitted", "held out"), reviews("tested", "other"), unlabelled)
    rows = np.arange(2)
    data = read.for_fit(Split(rows[:1], rows[1:]))
    assert data.held_out is not None
    assert data.held_out.texts.to_pylist() == ["held out"]
    assert data.unlabelled is not None
    assert data.unlabelled.texts.to_pylist() == ["fitted", "Tested", "new"]
    everything = read.for_fit()
    assert everything.held_out is None
    assert everything.unlabelled_count == 5
    known = replace(read, unlabelled=make_unlabelled("tested")).for_fit()
    assert known.unlabelled is None
    assert known.unlabelled_count == 0


@pytest.mark.slow
@pytest.mark.parametrize("folds", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_training_tells_and_records_what_it_left_out(
    write_csv: WriteCsv, options: TrainingOptions, learner: str, folds: int
) -> None:
    texts = [text for text, _ in make_rows(60)]
    first = write_csv(*((text,) for text in ["", *texts]), header=("text",), name="first.csv")
    second = write_csv(("new",), ("newer",), header=("text",), name="second.csv")
    listener = Listener()
    chosen = replace(options, preset=learner, unlabelled=(first, second), folds=folds, epochs=1)
    config = train(chosen, listener).run.load_config()
    assert listener.with_words("first.csv: 60 unlabelled reviews (1 row without text left out)")
    assert "second.csv: 2 unlabelled reviews" in listener.said
    lost = [line.partition(" ")[0] for line in listener.with_words("unlabelled reviews left out")]
    assert lost == (["30", "30"] if folds else ["12"])
    found = encode(config.data.unlabelled)
    assert len(found.pop("sha256")) == 64
    assert found == {
        "source": "first.csv, second.csv",
        "reviews": 62,
        "without_text": 1,
        "left_out": 0 if folds else 12,
    }


def test_a_preset_without_use_for_them_says_which_have(
    options: TrainingOptions, learner: str
) -> None:
    with pytest.raises(UsageError, match=r"learns nothing.*\(these do: .*learner.*--preset"):
        replace(options, unlabelled=(Path("u.csv"),))
    replace(options, preset=learner, unlabelled=(Path("u.csv"),))


def test_columns_may_be_those_of_the_unlabelled_reviews() -> None:
    reading = ReadOptions(Columns(text="body"))
    chosen = TrainingOptions(preset="ngram-linear", unlabelled=(Path("u.csv"),), reading=reading)
    check_columns(chosen)
    check_columns(TrainingOptions(teachers=(Path("teacher.csv"),), reading=reading))
    with pytest.raises(UsageError, match=r"^--label-column: 'imdb' has no columns"):
        check_columns(replace(chosen, reading=ReadOptions(Columns(label="stars"))))


SCRIPT = PROJECT / "examples" / "teacher" / "soft_labels.py"


def write(path: Path, columns: dict[str, Sequence[object]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
        return path
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([tuple(columns), *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture(params=[".csv", pytest.param(".parquet", marks=pytest.mark.slow)])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """Sixty soft-labelled reviews and forty without labels, ten of which are the same."""
    rows = make_rows(60)
    labels = [0.05 + 0.9 * int(label) for _, label in rows]
    others = [text for text, _ in [*make_rows(30, seed=8), *rows[:10]]]
    reviews = {"number": range(60), "body": [text for text, _ in rows], "opinion": labels}
    unlabelled = {"number": range(100, 140), "body": others}
    return (
        write(tmp_path / f"reviews{request.param}", reviews),
        write(tmp_path / f"more{request.param}", unlabelled),
    )


@pytest.mark.slow
def test_from_the_example_to_a_run(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = replace(PRESETS["conv1d"], name="learner", uses_unlabelled=True)
    monkeypatch.setitem(PRESETS, preset.name, preset)
    reviews, unlabelled = map(str, files)
    teacher = tmp_path / "teacher.csv"
    columns = ["--text-column", "body", "--label-column", "opinion"]
    command = [str(SCRIPT), reviews, "--unlabelled", unlabelled, "--output", str(teacher), *columns]
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True)
    assert "60 reviews, out-of-fold accuracy 100.00%" in done.stdout
    with teacher.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 90
    assert all(0 < float(row["positive_probability"]) < 1 for row in rows)
    run = tmp_path / "run"
    settings = ["--preset", "learner", "--epochs", "1", "-o", str(run), "--teacher", str(teacher)]
    result = CliRunner().invoke(
        app,
        ["train", reviews, *columns, *settings, "--unlabelled", unlabelled],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    suffix = files[0].suffix
    for line in (
        f"reviews{suffix}: 60 reviews (30 positive, 30 negative, 60 soft labels)",
        f"more{suffix}: 40 unlabelled reviews",
        "teacher.csv: probabilities for 60 of 60 labelled and 40 of 40 unlabelled reviews",
        "unlabelled reviews left out: held out or tested on",
        "y_train (48,) float32",
    ):
        assert line in result.output
    RunFolder(run).check()
    data = encode(RunFolder(run).load_config().data)
    assert data["soft_labels"] == 60
    assert data["unlabelled"]["reviews"] == 40
    assert 0 < data["unlabelled"]["left_out"] < 10
    assert data["teachers"][0]["labelled"] == 60

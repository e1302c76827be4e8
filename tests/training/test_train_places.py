"""Where a training may write, and what it refuses before it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.listening import PARTS, Unreached
from toolkit.errors import TrainingError, UsageError
from toolkit.records import Columns, ReadOptions
from toolkit.training import TrainingObserver, TrainingOptions, train
from toolkit.training.epochs import Checkpoints
from toolkit.training.sources import check_columns


@pytest.mark.slow
def test_an_existing_run_is_kept_without_force_and_replaced_with_it(
    options: TrainingOptions,
) -> None:
    options.run.mkdir()
    for name in ("config.json", "mine.txt"):
        (options.run / name).write_text("left from before")
    with pytest.raises(UsageError, match=r"exists already.*--force"):
        train(options)
    assert (options.run / "mine.txt").exists()
    train(replace(options, epochs=1, force=True))
    assert {path.name for path in options.run.iterdir()} == PARTS


def test_force_replaces_nothing_but_run_folders(options: TrainingOptions, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a run folder, so --force does not replace it"):
        train(replace(options, output=tmp_path, force=True))
    with pytest.raises(UsageError, match="is a file"):
        train(replace(options, output=Path(options.data), force=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reviews", "vocabulary"])
def test_a_training_that_is_interrupted_before_its_first_epoch_leaves_nothing(
    options: TrainingOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def interrupt(heard: object, *_: object) -> None:
        if str(heard).startswith(name):
            raise KeyboardInterrupt

    before = sorted(tmp_path.iterdir())
    observer = TrainingObserver()
    monkeypatch.setattr(observer, "say", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(replace(options, folds=2, epochs=1), observer)
    assert sorted(tmp_path.iterdir()) == before


def test_an_interrupted_writing_leaves_what_is_resumed(
    options: TrainingOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.training.write.plot_histories", interrupt)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        train(replace(options, epochs=1))
    (left,) = {*tmp_path.iterdir()} - {*before}
    assert left == Checkpoints(options).of_fit(0).path.parent
    monkeypatch.undo()
    train(replace(options, epochs=1, resume=True))
    assert {*tmp_path.iterdir()} == {*before, options.run}


@pytest.mark.parametrize("output", [".", "..", "../here"])
def test_the_current_folder_is_not_replaced(
    options: TrainingOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for force in (False, True):
        with pytest.raises(UsageError, match=r"is the current folder.*--output"):
            train(replace(options, output=Path(output), force=force), Unreached())


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": "t\udcff.csv"},
        {"output": Path("t\udcff")},
        {"test_data": Path("t\udcff.csv")},
        {"teachers": (Path("t\udcff.csv"),)},
        {"data": "t\udcff/../reviews.csv"},
    ],
    ids=["data", "output", "test data", "teachers", "on the way"],
)
def test_paths_that_are_not_utf8_are_refused(
    options: TrainingOptions, wrong: dict[str, object]
) -> None:
    with pytest.raises(UsageError, match=r"t\\udcff.*: this path is not UTF-8\. Rename") as caught:
        train(replace(options, **wrong), Unreached())  # type: ignore[arg-type]
    str(caught.value).encode()


COLUMNS = {"text": "--text-column", "label": "--label-column", "group": "--group-column"}


@pytest.mark.parametrize(("column", "option"), COLUMNS.items(), ids=list(COLUMNS))
def test_sources_without_columns_refuse_their_names(
    options: TrainingOptions, tmp_path: Path, column: str, option: str
) -> None:
    named: dict[str, Any] = {column: "x"}
    reading = ReadOptions(Columns(**named))
    (tmp_path / "aclImdb").mkdir()
    with pytest.raises(UsageError, match=f"{option}: 'imdb' has no columns. Leave"):
        train(replace(options, data="imdb", reading=reading), Unreached())
    folder = str(tmp_path / "aclImdb")
    with pytest.raises(UsageError, match=rf"{option}: .*aclImdb.* has no columns.*grouped by film"):
        train(replace(options, data=folder, reading=reading), Unreached())


def test_columns_may_be_those_of_the_test_data() -> None:
    reading = ReadOptions(Columns("body", label="stars"))
    options = TrainingOptions(data="imdb", test_data=Path("test.csv"), reading=reading)
    check_columns(options)
    with pytest.raises(UsageError, match=r"^--group-column: 'imdb' has no columns"):
        check_columns(replace(options, reading=ReadOptions(Columns("body", group="film"))))


@pytest.mark.parametrize("folds", [0, 2])
def test_reviews_without_words_are_refused(
    write_csv: Callable[..., Path], options: TrainingOptions, folds: int
) -> None:
    data = write_csv(*[("!!! ???", str(number % 2)) for number in range(20)])
    with pytest.raises(TrainingError, match=r"r\.csv: no words in the .* reviews.*Give"):
        train(replace(options, data=str(data), folds=folds))


def test_a_file_has_no_test_part(options: TrainingOptions) -> None:
    with pytest.raises(UsageError, match=r"--test: .*reviews\.csv has no test part.*--test-data"):
        train(replace(options, test=True))


def test_unusable_data_fail_before_anything_is_written(
    write_csv: Callable[..., Path], options: TrainingOptions
) -> None:
    data = str(write_csv(("a", "1"), ("b", "0")))
    with pytest.raises(TrainingError, match="2 reviews, expected at least 10"):
        train(replace(options, data=data))
    assert not options.run.exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"preset": "lstm"}, "--preset: no preset 'lstm'"),
        ({"epochs": 0}, "--epochs: expected at least 1, found 0"),
        ({"validation": 1.0}, r"--validation: expected between 0 and 1, found 1\.0"),
        ({"folds": 1}, "--folds: expected 0 or at least 2, found 1"),
        ({"batch_size": 0}, "--batch-size: expected at least 1"),
        ({"seed": -1}, "--seed: expected from 0 to 4294967295, found -1"),
    ],
)
def test_settings_out_of_range_are_refused(
    options: TrainingOptions, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        replace(options, **wrong)  # type: ignore[arg-type]

"""What the shipped models are trained on, from small files of the same kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer.main

pytest.importorskip("sklearn", reason="needs the extra 'train'")

from exported import make
from exported.make import Source, beside_labels, find_source, training_of
from tests.training.conftest import make_rows
from toolkit.cli.app import app
from toolkit.training.sources.teacher import fingerprint

Teach = Callable[[Iterable[str]], None]
SENTENCES = "Film {0} has {0} parts. It is {0} hours long. We saw {0} of them. We left at {0}."
UNLABELLED = [f"{SENTENCES} They stayed for all {{0}}.".format(number) for number in range(9)]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """Forty labelled reviews of eight films, as many to test on, and nine without labels."""
    folder = tmp_path / "data" / "imdb"
    folder.mkdir(parents=True)
    texts, labels = zip(*make_rows(40), strict=True)
    columns = {
        "text": texts,
        "label": [int(label) for label in labels],
        "stars": [2 + 7 * int(label) for label in labels],
        "movie": [f"tt{number % 8}" for number in range(40)],
    }
    for name in ("train", "test"):
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    pq.write_table(pa.table({"text": UNLABELLED}), folder / "unlabelled.parquet")
    monkeypatch.setenv("TOOLKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(make, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(make, "TEACHER", tmp_path / "teacher.parquet")
    return find_source()


@pytest.fixture
def spans(source: Source) -> list[str]:
    assert source.data is not None
    texts: list[str] = pq.read_table(make.make_spans(source.data))["text"].to_pylist()
    assert len(texts) == len(UNLABELLED)
    return texts


@pytest.fixture
def teach(source: Source) -> Teach:
    """Write a teacher file for some texts."""

    def write(texts: Iterable[str]) -> None:
        names = [fingerprint(text) for text in texts]
        table = {"text_sha256": names, "positive_probability": [0.5] * len(names)}
        pq.write_table(pa.table(table), make.TEACHER)

    return write


def more_of(source: Source) -> list[str]:
    """The names of the files that are learned from, after their options."""
    more = beside_labels(source)
    return [Path(argument).name for argument in (*more.arguments, *more.spans)]


def test_spans_that_the_teacher_knows_are_used(
    source: Source, spans: list[str], teach: Teach
) -> None:
    teach([*UNLABELLED, *spans])
    more = beside_labels(source)
    assert all(Path(argument).is_file() for argument in (*more.arguments, *more.spans)[1::2])
    for preset in make.FOLDS:
        name, *arguments = training_of(preset, source, more)
        command: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
        options = command.make_context(name, arguments).params
        assert options["preset"] == preset
        used = [path.name for path in options["unlabelled"] or []]
        used += [path.name for path in options["teacher"] or []]
        assert used == {
            "conv1d": [],
            "ngram-linear": ["unlabelled.parquet", "teacher.parquet"],
            "ngram-cnn": ["unlabelled.parquet", "spans.parquet", "teacher.parquet"],
        }.get(preset), preset


def test_no_span_is_used_if_the_teacher_has_none(source: Source, teach: Teach) -> None:
    teach(UNLABELLED)
    assert more_of(source) == [
        "--unlabelled", "unlabelled.parquet", "--teacher", "teacher.parquet"
    ]  # fmt: skip


def test_a_teacher_of_other_spans_is_refused(
    source: Source, spans: list[str], teach: Teach
) -> None:
    teach([*UNLABELLED, *spans[2:]])
    with pytest.raises(SystemExit, match=r"lacks 2 of the 9 texts .*Make it again"):
        beside_labels(source)


def test_without_a_teacher_views_are_made(
    source: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    assert more_of(source) == ["--unlabelled", "unlabelled.parquet"]
    assert "the presets make views of their own" in capsys.readouterr().err


def test_reviews_of_keras_have_nothing_beside_labels(source: Source) -> None:
    assert beside_labels(Source(["imdb", "--test"], source.test)) == ([], [])

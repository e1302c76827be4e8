"""What the shipped models are trained on, from small files of the same kinds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st

from examples.teacher.mpnet.blend import answers_of, blended
from examples.teacher.reviews.blend import write
from exported import composed, make, unlabelled
from exported.data import HALVES
from exported.negation import balance, is_short_negation
from exported.sources import OPEN_ONLY
from tests.training.conftest import make_rows
from toolkit.cli.app import app
from toolkit.training import PRESETS, fingerprint

UNLABELLED = [f"Nobody has rated film {number}." for number in range(9)]
NEUTRAL = "It is a kettle, neither more nor less."
SPAN = "The kettle is never hot."


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty labelled reviews of films and as many of kettles, ten without labels; no spans."""
    folder = tmp_path / "data"
    texts, labels = (list(column) for column in zip(*make_rows(40), strict=True))
    numbers = [int(label) for label in labels]
    films = {
        "id": [str(number) for number in range(40)],
        "movie": [f"tt{number % 8}" for number in range(40)],
        "text": texts,
        "stars": [2 + 7 * number for number in numbers],
        "label": numbers,
    }
    others = {
        "id": [f"kettles:{number}" for number in range(41)],
        "domain": ["kitchen"] * 41,
        "source": ["kettles"] * 41,
        "text": [f"kettle {text}" for text in texts] + [NEUTRAL],
        "stars": [float(1 + 4 * number) for number in numbers] + [3.0],
        "label": [*numbers, None],
    }
    _write(folder / "imdb" / "train.parquet", films)
    _write(folder / "imdb" / "test.parquet", films)
    _write(folder / "imdb" / "unlabelled.parquet", {"text": UNLABELLED})
    _write(folder / "reviews" / "reviews.parquet", others)
    _write(tmp_path / "runs" / "texts" / "spans.parquet", {"text": [SPAN]})
    monkeypatch.setenv("TOOLKIT_DATA", str(folder))
    monkeypatch.setattr(make, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(make, "TEACHER", tmp_path / "teacher.parquet")
    # The tools that cut and make up short texts have tests of their own.
    monkeypatch.setattr(unlabelled, "TOOLS", {"tests.exported.no_tool": "spans.parquet"})
    for name in ("OPINIONS", "NEUTRAL", "BESIDE"):
        monkeypatch.setattr(composed, name, 20)
    return folder


def composed_texts() -> set[str]:
    """What is composed with the short ones among the labelled reviews, and what is written."""
    train = pq.read_table(make.RUNS / "train.parquet")
    made = composed.compose(train["text"].to_pylist(), train["label"].to_pylist())
    return {one.text for one in [*made, *composed.written(HALVES)]}


def teach(texts: Iterable[str]) -> None:
    """Write a teacher file for some texts."""
    names = [fingerprint(text) for text in texts]
    _write(make.TEACHER, {"text_sha256": names, "positive_probability": [0.5] * len(names)})


def options_of(model: str, source: make.Source) -> Any:
    """What `toolkit train` understands of the arguments."""
    name, *arguments = make.training_of(model, source)
    command: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    return command.make_context(name, arguments).params


def test_general_models_learn_from_all_domains(data: Path) -> None:
    teach([*UNLABELLED, SPAN, NEUTRAL])
    source = make.all_reviews()
    for model in ("reviews", "reviews-small"):
        options = options_of(model, source)
        assert options["preset"] == make.RECIPES[model].preset
        assert (options["group_column"], options["balance_column"]) == ("group", "kind")
        fitted, held_out = (pq.read_table(options[name]) for name in ("data", "validation_data"))
        assert set(fitted["domain"].to_pylist()) == {"films", "kitchen"}
        assert len(fitted) + len(held_out) == 80
        assert not set(fitted["group"].to_pylist()) & set(held_out["group"].to_pylist())
        (unlabelled_file,) = options["unlabelled"]
        texts = set(pq.read_table(unlabelled_file)["text"].to_pylist())
        assert texts - composed_texts() <= {*UNLABELLED, SPAN, NEUTRAL}
        assert texts >= composed_texts()
        assert options["teacher"] == [make.RUNS / "teacher.parquet"]


def test_the_open_model_learns_from_open_sources_alone(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither films nor other domains, nor their texts without labels, nor the other teacher."""
    path = data / "reviews" / "reviews.parquet"
    closed = pq.read_table(path)
    rows = {**closed.to_pydict(), "source": ["mams"] * len(closed)}
    rows["id"] = [f"mams:{number}" for number in range(len(closed))]
    rows["text"] = [f"open {text}" for text in rows["text"]]
    pq.write_table(pa.concat_tables([closed, pa.table(rows).cast(closed.schema)]), path)
    monkeypatch.setattr(make, "OPEN_TEACHER", data / "open.parquet")
    monkeypatch.setattr(unlabelled, "TOOLS", {unlabelled.FILM_SPANS: "spans.parquet"})
    names = [fingerprint(text) for text in (*UNLABELLED, SPAN, NEUTRAL, f"open {NEUTRAL}")]
    _write(make.OPEN_TEACHER, {"text_sha256": names, "positive_probability": [0.5] * len(names)})
    options = options_of(OPEN_ONLY, make.all_reviews(only_open=True))
    train, held_out = (pq.read_table(options[name]) for name in ("data", "validation_data"))
    assert {*train["source"].to_pylist(), *held_out["source"].to_pylist()} == {"mams"}
    (path,) = options["unlabelled"]
    texts = pq.read_table(path)["text"].to_pylist()
    made = composed.compose(train["text"].to_pylist(), train["label"].to_pylist())
    allowed = {one.text for one in [*made, *composed.written(HALVES)]}
    assert set(texts) - allowed <= {f"open {NEUTRAL}"}


def test_reviews_alone_learns_from_the_larger_teacher_too(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where both have answered, half of each logit counts."""
    teach([*UNLABELLED, SPAN, NEUTRAL])
    answers = data.parent / "answers"
    _write(
        answers / "000.parquet",
        {"text_sha256": [fingerprint(SPAN)], "positive_probability": [0.9]},
    )
    called: list[list[str]] = []

    def blend(command: list[str], **_: Any) -> None:
        called.append(command)
        if command[2] != "examples.teacher.mpnet.blend":
            return
        old, new = answers_of([make.TEACHER]), answers_of([*answers.glob("*.parquet")])
        write(Path(command[-1]), blended(old, new))

    monkeypatch.setattr(subprocess, "run", blend)
    found = {}
    for model in ("reviews", "reviews-small"):
        options = options_of(model, make.source_of(make.RECIPES[model]))
        (path,) = options["teacher"]
        table = pq.read_table(path).to_pydict()
        found[model] = dict(zip(table["text_sha256"], table["positive_probability"], strict=True))
    assert sum(command[2] == "examples.teacher.mpnet.blend" for command in called) == 1
    span, other = (fingerprint(text) for text in (SPAN, NEUTRAL))
    assert found["reviews-small"][span] == pytest.approx(found["reviews-small"][other])
    assert found["reviews"][span] > found["reviews"][other] + 0.2


def test_texts_that_the_teacher_does_not_know_are_not_used(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teach([*UNLABELLED[:4], SPAN])
    make.all_reviews()
    found = pq.read_table(make.RUNS / "unlabelled.parquet")["text"].to_pylist()
    assert found[:5] == [*UNLABELLED[:4], SPAN]
    assert set(found[5:]) == composed_texts()
    assert "5 of 1" in capsys.readouterr().out


def test_the_tutorials_model_learns_from_films_alone(data: Path) -> None:
    options = options_of("conv1d", make.films())
    assert Path(options["data"]) == data / "imdb" / "train.parquet"
    assert (options["preset"], options["folds"], options["unlabelled"]) == ("conv1d", 5, ())
    assert options["group_column"] == "movie"


def test_every_recipe_has_a_preset() -> None:
    assert {recipe.preset for recipe in make.RECIPES.values()} <= PRESETS.keys()


@pytest.mark.parametrize(
    "arguments", [["--stamp", "conv1d"], ["--twins", "conv1d"], ["--cards", "--ship"]], ids=str
)
def test_what_trains_nothing_is_for_all_models(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["make", *arguments])
    monkeypatch.setattr(make, "write_pages", lambda: pytest.fail("pages were written"))
    with pytest.raises(SystemExit, match="2"):
        make.main()
    assert (
        "error: --cards, --stamp and --twins are for all models and train none"
        in capsys.readouterr().err
    )


def _write(path: Path, columns: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is not warm.", True),
        ("It isn't warm.", True),
        ("It isn’t warm.", True),  # noqa: RUF001 - as phones type it
        ("DIDNT work", True),
        ("It is warm.", False),
        ("A notable kettle", False),
        ("not " + "warm " * 39, True),
        ("not " + "warm " * 40, False),
        ("", False),
    ],
)
def test_which_texts_are_short_negations(text: str, expected: bool) -> None:
    assert is_short_negation(text) == expected


@pytest.mark.slow
@given(st.lists(st.floats(0.01, 0.99), min_size=400, max_size=600))
def test_both_opinions_count_alike_afterwards(given: list[float]) -> None:
    texts = [f"not {number}" for number in range(len(given))]
    probabilities = {fingerprint(t): p for t, p in zip(texts, given, strict=True)}
    found = balance(texts, probabilities)
    assert found.probabilities.keys() == set(texts)
    mean = np.mean(given)
    for text, before in zip(texts, given, strict=True):
        odds = before / (1 - before) * (1 - mean) / mean
        assert found.probabilities[text] == pytest.approx(odds / (1 + odds))
    drawn = [p for text, p in found.probabilities.items() if text not in found.left_out]
    # Expected is exactly 0.5 if each counted by its chance to be drawn; drawing adds noise.
    assert abs(np.mean(drawn) - 0.5) < 4 * np.std(drawn) / np.sqrt(len(drawn)) + 1e-3


def test_other_texts_stay_as_they_are() -> None:
    texts = ["It is warm.", "not known to the teacher", "not " + "warm " * 40]
    probabilities = {fingerprint(texts[0]): 0.3, fingerprint(texts[2]): 0.2}
    found = balance(texts, probabilities)
    assert (found.probabilities, found.left_out) == ({}, set())


def test_texts_of_one_opinion_stay_as_they_are() -> None:
    assert balance(["not warm"], {fingerprint("not warm"): 1.0}).probabilities == {}

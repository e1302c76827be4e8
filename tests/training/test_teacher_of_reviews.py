"""The tools that made the teacher of all domains, as far as they run without PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.teacher.reviews.spans import choose, cut, sentences
from exported.data import FILMS, HELD_OUT, join
from tests.training.teacher_tools import run_tool
from toolkit.records.options import ReadOptions
from toolkit.training.teacher import fingerprint, load_teacher

REVIEWS = 400


def long_review(number: int) -> str:
    """Nine sentences that no other review has."""
    parts = [f"The bed {number}{k} was not soft. {number}{k} was a good hotel!" for k in "abcd"]
    return f"{' '.join(parts)} Room {number} is never clean."


def run(tool: str, folder: Path, *arguments: str, code: int = 0) -> str:
    return run_tool(f"examples.teacher.reviews.{tool}", folder, *arguments, code=code)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty film reviews, of which half are labelled, and 400 of hotels."""
    columns = {
        "id": [f"f{number}" for number in range(20)],
        "movie": [f"tt{number % 10}" for number in range(20)],
        "text": [f"film {number}" for number in range(20)],
        "label": [number % 2 for number in range(20)],
        "stars": [2 + 7 * (number % 2) for number in range(20)],
    }
    others = {
        "domain": ["hotels"] * REVIEWS,
        "source": ["toy"] * REVIEWS,
        "id": [f"toy:{number}" for number in range(REVIEWS)],
        "text": [long_review(number) for number in range(REVIEWS)],
        "label": [number % 2 for number in range(REVIEWS)],
        "stars": pa.array([None] * REVIEWS, pa.float32()),
    }
    tables = {
        "imdb/train": columns,
        "imdb/unlabelled": {"text": [f"unseen film {number} is here" for number in range(20)]},
        "reviews/reviews": others,
    }
    for name, table in tables.items():
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(table), path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good. Bad! Fair?", ["Good.", "Bad!", "Fair?"]),
        ("It costs 3.50 at Dr. Nose. Fine", ["It costs 3.50 at Dr. Nose.", "Fine"]),
        ("Dear.Bad<br /><br />Fair", ["Dear.", "Bad", "Fair"]),
        ("so good . so bad ...", ["so good .", "so bad ..."]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_spans_are_short_and_each_is_taken_once() -> None:
    texts = {number: long_review(number) for number in range(50)}
    found = choose(texts, 40)
    assert len({span.text.lower() for span in found}) == len(found) == 40
    assert sum(span.is_single for span in found) == 20
    for span in found:
        assert 4 <= len(span.text.split()) <= 45
        assert span.text in texts[span.review]
    assert choose(dict(reversed(texts.items())), 40) == found


def test_negations_and_contrasts_are_taken_more_often() -> None:
    texts = {n: f"The bed {n} was soft. The bed {n} wasn't soft." for n in range(2000)}
    found = [span.text for span in choose(texts, 400) if span.is_single]
    share = np.mean(["n't" in text for text in found])
    assert 0.65 < share < 0.85


def test_spans_have_the_domain_and_fold_of_their_review_and_none_is_held_out(folder: Path) -> None:
    table = join(folder).select(["domain", "fold", "text"])
    rooms = dict(zip(table["text"].to_pylist(), table["fold"].to_pylist(), strict=True))
    found = cut(table)
    assert set(found["domain"].to_pylist()) == {"hotels"}  # the films are too short
    for span, fold in zip(found["text"].to_pylist(), found["fold"].to_pylist(), strict=True):
        if "Room" in span:
            assert any(span in text and fold == of for text, of in rooms.items())
    run("spans", folder)
    written = pq.read_table(folder / "work" / "reviews-spans.parquet")
    assert set(written["fold"].to_pylist()) <= {"A", "B"}


def test_from_logits_to_a_teacher_file(folder: Path) -> None:
    """Scaled by what is held out; what is known of films stays."""
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    table = join(folder)
    texts, labels = table["text"].to_pylist(), np.array(table["label"].to_pylist())
    folds = np.array(table["fold"].to_pylist())
    random = np.random.default_rng(3)
    logits = (2 * labels - 1 + random.normal(0, 1, len(labels))) * 8  # four times too sure
    for fold, other in (("A", "B"), ("B", "A")):
        rows = np.flatnonzero((folds == other) | (folds == HELD_OUT))
        shift = 0.5 if fold == "A" else -0.5  # the mean counts where both have one
        columns = {
            "text_sha256": [fingerprint(texts[row]) for row in rows],
            "logit": (logits[rows] + shift * (folds[rows] == HELD_OUT)).astype(np.float32),
            "fold": folds[rows].tolist(),
        }
        (folder / "work").mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), folder / "work" / f"reviews-{fold}-short.parquet")
    phrases = {"text": ["not bad", "film 3"], "probability": [0.75, 0.25]}
    pq.write_table(pa.table(phrases), folder / "work" / "phrases.parquet")
    films, path = folder / "films.csv", folder / "teacher.parquet"
    films.write_text(f"text_sha256,probability\n{fingerprint('film 3')},0.125\n{'0' * 16},0.5\n")

    output = run("blend", folder, "--films", str(films), "--output", str(path))
    assert f"{len(texts) + 1} texts, 1 of films, written to" in output
    scale = float(output.split("scaled by ")[1].split()[0])
    assert 0.1 < scale < 0.6
    teacher = load_teacher(path, ReadOptions())
    assert set(pq.read_table(path)["text_sha256"].to_pylist()[0]) <= set("0123456789abcdef")
    found = dict(zip(teacher.texts or (), teacher.probabilities.tolist(), strict=True))
    assert found.pop(fingerprint("film 3")) == 0.125
    assert found.pop(fingerprint("not bad")) == 0.75
    for text, logit, domain in zip(texts, logits, table["domain"].to_pylist(), strict=True):
        if text != "film 3":
            assert domain in {FILMS, "hotels"}
            expected = np.clip(1 / (1 + np.exp(-scale * logit)), 0.002, 0.998)
            assert found[fingerprint(text)] == pytest.approx(expected, abs=2e-3)


def test_refusals_are_one_line(folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    films = folder / "films.csv"
    films.write_text(f"text_sha256,probability\n{fingerprint('film 3')},0.125\n")
    output = run("blend", folder, "--films", str(films), code=1)
    assert "no logits. Run reviews.label A and reviews.label B first." in output
    output = run("spans", folder / "nowhere", code=1)
    assert output.startswith("error: ")
    assert "no such file" in output

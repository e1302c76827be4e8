"""The tools that made the teacher of the shipped models, as far as they run without PyTorch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.tools import needs
from tests.training.conftest import make_rows
from tests.training.teacher_tools import run_tool
from toolkit.records.options import ReadOptions
from toolkit.training.teacher import fingerprint, load_teacher

TOOLS = "examples.teacher.imdb"
LABELLED, UNLABELLED = 80, 40

needs_compiler = needs("cc")


def run(tool: str, folder: Path, *arguments: str, code: int = 0) -> str:
    return run_tool(f"{TOOLS}.{tool}", folder, *arguments, code=code)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eighty labelled reviews of twenty movies, and forty others, of which one is labelled, too."""
    labelled, others = make_rows(LABELLED), make_rows(UNLABELLED, seed=8)
    labels = [int(label) for _, label in labelled]
    (tmp_path / "imdb").mkdir()
    columns = {
        "text": [text for text, _ in labelled],
        "label": labels,
        "stars": [2 + 7 * label for label in labels],
        "movie": [f"tt{number % 20}" for number in range(LABELLED)],
    }
    pq.write_table(pa.table(columns), tmp_path / "imdb" / "train.parquet")
    texts = [labelled[0][0], *(text for text, _ in others[1:])]
    pq.write_table(pa.table({"text": texts}), tmp_path / "imdb" / "unlabelled.parquet")
    return tmp_path


def texts_of(folder: Path, name: str) -> list[str]:
    texts: list[str] = pq.read_table(folder / "imdb" / f"{name}.parquet")["text"].to_pylist()
    return texts


def ngrams_of(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)}


@needs_compiler
def test_from_reviews_to_a_teacher_file(folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    output = run("document_vectors", folder, "--dimensions", "16", "--epochs", "20")
    assert "document vectors: out-of-fold accuracy " in output
    path = folder / "teacher.parquet"
    weights = ["--weights", "document-vectors=1", "--output", str(path)]
    assert "40 texts, written to" in run("blend", folder, *weights, "--labelled-share", "0")
    assert pq.read_schema(path).names == ["text_sha256", "positive_probability"]
    assert pq.read_schema(path).field("positive_probability").type == pa.float32()
    teacher = load_teacher(path, ReadOptions())
    assert teacher.texts is not None
    found = dict(zip(teacher.texts, teacher.probabilities.tolist(), strict=True))
    first, *others = texts_of(folder, "unlabelled")
    # The labelled one is taken as labelled (negative), whatever the vectors say.
    assert found.pop(fingerprint(first)) == pytest.approx(0.02)
    right = [(found[fingerprint(t)] > 0.5) == bool(i % 2) for i, t in enumerate(others, 1)]
    assert np.mean(right) > 0.8
    logits = np.log(list(found.values())) - np.log1p(-np.array(list(found.values())))
    assert np.std(logits) == pytest.approx(5.6, rel=0.1)

    everything = run("blend", folder, *weights, "--labelled-share", "0.5")
    assert f"{LABELLED + UNLABELLED - 1} texts, written to" in everything
    teacher = load_teacher(path, ReadOptions())
    assert teacher.texts is not None
    found = dict(zip(teacher.texts, teacher.probabilities.tolist(), strict=True))
    for number, text in enumerate(texts_of(folder, "train")):
        label = number % 2
        assert 0 <= found[fingerprint(text)] - 0.5 * (0.02 + 0.96 * label) <= 0.5


def test_what_some_views_say_nothing_of_is_what_the_others_say(folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    random = np.random.default_rng(5)
    a, b, of_a, of_b, of_spans = (
        random.normal(0, scale, size)
        for scale, size in ((1, 40), (2, 40), (1, 80), (2, 80), (2, 3))
    )
    of_b[::2] = np.nan
    views = folder / "work" / "views"
    views.mkdir(parents=True)
    np.savez(views / "a.npz", labelled=of_a, unlabelled=a, spans=[])
    for name, shift in (("b-0", -1), ("b-1", 1)):  # their mean counts
        path = views / f"{name}.npz"
        np.savez(path, labelled=of_b, unlabelled=b + shift, spans=of_spans + shift)
    spans = ["one span", "another span", "a third span"]
    pq.write_table(pa.table({"text": spans}), folder / "work" / "spans.parquet")
    path = folder / "teacher.parquet"
    weights = ["--weights", "a=1", "b=0.5", "--output", str(path)]
    run("blend", folder, *weights)
    teacher = load_teacher(path, ReadOptions())
    assert teacher.texts is not None
    found = dict(zip(teacher.texts, teacher.probabilities.tolist(), strict=True))

    deviation = (a / a.std() + 0.5 * b / b.std()).std()
    both = (a / a.std() + 0.5 * b / b.std()) / deviation
    expected = [
        *zip(texts_of(folder, "unlabelled")[1:], 5.6 * both[1:], strict=True),
        *zip(spans, 0.6 * 5.6 * of_spans / b.std(), strict=True),
    ]
    sums = np.where(
        np.isnan(of_b), of_a / a.std(), (of_a / a.std() + 0.5 * of_b / b.std()) / deviation
    )
    expected += zip(texts_of(folder, "train"), 5.6 * sums, strict=True)
    for text, logit in expected:
        assert found[fingerprint(text)] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


@needs_compiler
def test_ngrams_are_those_of_a_plain_count(folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    run("document_vectors", folder, "--dimensions", "16", "--epochs", "1")
    texts = [*texts_of(folder, "train"), *texts_of(folder, "unlabelled")]
    occurrences: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = text.split()
        for n in (1, 2, 3):
            occurrences.update(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    kept = {ngram for ngram, count in occurrences.items() if count >= 5}
    each = [ngrams_of(text) & kept for text in texts]
    files = folder / "work" / "ngrams"
    offsets = np.fromfile(files / "offsets.i64", "<i8")
    assert np.diff(offsets).tolist() == [len(ngrams) for ngrams in each]
    counts = Counter(ngram for ngrams in each for ngram in ngrams)
    assert sorted(np.fromfile(files / "counts.i64", "<i8")) == sorted(counts.values())
    assert len(np.fromfile(files / "documents.f32", "<f4")) == len(texts) * 16


def test_spans_are_runs_of_sentences_of_fitting_length(folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    sentences = [f"It is film {n}." for n in range(9)]
    long = "On and " * 30 + "on."
    texts = [f"No. {'<br />'.join(sentences)} {n}. {long}" for n in range(30)]
    texts += ["Bad.", "So so so."]
    pq.write_table(pa.table({"text": texts}), folder / "imdb" / "unlabelled.parquet")
    run("spans", folder)
    *runs, last = pq.read_table(folder / "work" / "spans.parquet")["text"].to_pylist()
    assert last == "So so so."
    counts: Counter[int] = Counter()
    for run_of_text in runs:
        assert 3 <= len(run_of_text.split()) <= 60
        within = [sentence for sentence in sentences if sentence in run_of_text]
        assert " ".join(within) in run_of_text
        counts[len(within)] += 1
    assert set(counts) >= {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("blend", ["--weights", "nothing=1"], "not there yet. Run the step that makes it"),
        ("document_vectors", ["--compiler", "no-such-cc"], "no C compiler 'no-such-cc'"),
        ("spans", ["--data", "nowhere"], "no such file. Name the folder that holds imdb/"),
    ],
)
def test_refusals_are_one_line(folder: Path, tool: str, arguments: list[str], message: str) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    output = run(tool, folder, *arguments, code=1)
    assert output.startswith("error: ")
    assert message in output
    assert output.count("\n") == 1


def test_views_of_other_data_or_without_spans_are_refused(folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    views = folder / "work" / "views"
    views.mkdir(parents=True)
    pq.write_table(pa.table({"text": ["a span"]}), folder / "work" / "spans.parquet")
    np.savez(views / "a.npz", labelled=np.arange(80), unlabelled=np.arange(40), spans=[])
    np.savez(views / "b.npz", labelled=np.arange(80), unlabelled=np.arange(41), spans=[])
    assert "no view has these texts" in run("blend", folder, "--weights", "a=1", code=1)
    other = run("blend", folder, "--weights", "b=1", code=1)
    assert "made of 80 labelled and 41 unlabelled reviews, not of these 80 and 40" in other


def test_columns_and_folds_are_checked(folder: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'train'")
    path = folder / "imdb" / "train.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["movie"]), path)
    assert "no column 'movie' (found: text, label, stars)" in run("spans", folder, code=1)
    one = pa.array(["tt1"] * LABELLED)
    pq.write_table(table.set_column(3, "movie", one), path)
    assert "too few for 4 folds" in run("spans", folder, code=1)

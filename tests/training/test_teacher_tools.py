"""The tools that made the teacher of the shipped models, as far as they run without PyTorch."""

from __future__ import annotations

import io
import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.teacher import steps
from examples.teacher.phrases import SURE, Phrase, main, make
from examples.teacher.reviews.spans import choose, cut, sentences
from exported.data import FILMS, HELD_OUT, join
from tests.tools import needs
from tests.training.conftest import make_rows
from toolkit.errors import InputError
from toolkit.records import ReadOptions
from toolkit.training import fingerprint, load_teacher

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
    output = run(tool, folder, *arguments, code=1)
    assert output.startswith("error: ")
    assert message in output
    assert output.count("\n") == 1


def test_views_of_other_data_or_without_spans_are_refused(folder: Path) -> None:
    views = folder / "work" / "views"
    views.mkdir(parents=True)
    pq.write_table(pa.table({"text": ["a span"]}), folder / "work" / "spans.parquet")
    np.savez(views / "a.npz", labelled=np.arange(80), unlabelled=np.arange(40), spans=[])
    np.savez(views / "b.npz", labelled=np.arange(80), unlabelled=np.arange(41), spans=[])
    assert "no view has these texts" in run("blend", folder, "--weights", "a=1", code=1)
    other = run("blend", folder, "--weights", "b=1", code=1)
    assert "made of 80 labelled and 41 unlabelled reviews, not of these 80 and 40" in other


def test_columns_and_folds_are_checked(folder: Path) -> None:
    path = folder / "imdb" / "train.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["movie"]), path)
    assert "no column 'movie' (found: text, label, stars)" in run("spans", folder, code=1)
    one = pa.array(["tt1"] * LABELLED)
    pq.write_table(table.set_column(3, "movie", one), path)
    assert "too few for 4 folds" in run("spans", folder, code=1)


REVIEWS = 400


def long_review(number: int) -> str:
    """Nine sentences that no other review has."""
    parts = [f"The bed {number}{k} was not soft. {number}{k} was a good hotel!" for k in "abcd"]
    return f"{' '.join(parts)} Room {number} is never clean."


def run_for_reviews(tool: str, reviews_folder: Path, *arguments: str, code: int = 0) -> str:
    return run_tool(f"examples.teacher.reviews.{tool}", reviews_folder, *arguments, code=code)


@pytest.fixture
def reviews_folder(tmp_path: Path) -> Path:
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


def test_spans_have_the_domain_and_fold_of_their_review_and_none_is_held_out(
    reviews_folder: Path,
) -> None:
    table = join(reviews_folder).select(["domain", "fold", "text"])
    rooms = dict(zip(table["text"].to_pylist(), table["fold"].to_pylist(), strict=True))
    found = cut(table)
    assert set(found["domain"].to_pylist()) == {"hotels"}  # the films are too short
    for span, fold in zip(found["text"].to_pylist(), found["fold"].to_pylist(), strict=True):
        if "Room" in span:
            assert any(span in text and fold == of for text, of in rooms.items())
    run_for_reviews("spans", reviews_folder)
    written = pq.read_table(reviews_folder / "work" / "reviews-spans.parquet")
    assert set(written["fold"].to_pylist()) <= {"A", "B"}


def test_from_logits_to_a_teacher_file(reviews_folder: Path) -> None:
    """Scaled by what is held out; what is known of films stays."""
    table = join(reviews_folder)
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
        (reviews_folder / "work").mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), reviews_folder / "work" / f"reviews-{fold}-short.parquet")
    phrases = {"text": ["not bad", "film 3"], "probability": [0.75, 0.25]}
    pq.write_table(pa.table(phrases), reviews_folder / "work" / "phrases.parquet")
    films, path = (reviews_folder / "films.csv", reviews_folder / "teacher.parquet")
    films.write_text(f"text_sha256,probability\n{fingerprint('film 3')},0.125\n{'0' * 16},0.5\n")

    output = run_for_reviews("blend", reviews_folder, "--films", str(films), "--output", str(path))
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


def test_refusals_of_the_blend(reviews_folder: Path) -> None:
    films = reviews_folder / "films.csv"
    films.write_text(f"text_sha256,probability\n{fingerprint('film 3')},0.125\n")
    output = run_for_reviews("blend", reviews_folder, "--films", str(films), code=1)
    assert "no logits. Run reviews.label A and reviews.label B first." in output
    output = run_for_reviews("spans", reviews_folder / "nowhere", code=1)
    assert output.startswith("error: ")
    assert "no such file" in output


PHRASE_REVIEWS = [
    f"{before} {word}"
    for before, words in {
        "very": ("lovely", "dirty"),
        "no": ("trouble", "flair"),
        "I": ("love", "hate"),
    }.items()
    for word in words
] * 20


@pytest.fixture(scope="module")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Phrase]:
    folder = tmp_path_factory.mktemp("data")
    lexicons = folder / "reviews" / "lexicons"
    lexicons.mkdir(parents=True)
    good, bad = "; made for a test\nlovely\nflair\nlove\n", "dirty\ntrouble\nhate\n"
    (lexicons / "opinion_lexicon_positive-words.txt").write_text(good)
    (lexicons / "opinion_lexicon_negative-words.txt").write_text(bad)
    return {phrase.text: phrase for phrase in make(PHRASE_REVIEWS, folder, 3000)}


@pytest.mark.parametrize(
    ("text", "is_positive"),
    [
        ("not lovely at all", False),
        ("not dirty at all", True),
        ("could not be more lovely", True),
        ("could not be more dirty", False),
        ("no trouble at all", True),
        ("no flair at all", False),
        ("lacks flair", False),
        ("anything but dirty", True),
        ("can't complain", True),
        ("never again", False),
        ("could not be happier", True),
        ("could be better", False),
    ],
)
def test_rules(phrases: dict[str, Phrase], text: str, is_positive: bool) -> None:
    assert (phrases[text].probability > 0.5) == is_positive


def test_phrases_are_sure_and_complete(phrases: dict[str, Phrase]) -> None:
    assert len(phrases) == 3000
    assert {phrase.probability for phrase in phrases.values()} == {SURE, round(1 - SURE, 2)}
    assert not any("{" in text or "}" in text for text in phrases)


def test_words_that_disagree_have_no_rule(phrases: dict[str, Phrase]) -> None:
    assert not any("lovely" in text and "dirty" in text for text in phrases)


def test_a_folder_without_reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["phrases", "--data", str(tmp_path)])
    with pytest.raises(InputError, match=r"reviews\.parquet: no such file\. Name the folder"):
        main()
    with pytest.raises(InputError, match=r"positive-words\.txt: no such file"):
        make(PHRASE_REVIEWS, tmp_path)


def run_tool(module: str, folder: Path, *arguments: str, code: int = 0) -> str:
    """What a tool prints, all in one; it reads a folder and writes into its `work`."""
    places = ["--data", str(folder), "--work", str(folder / "work")]
    said, found = io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", [module, *places, *arguments]),
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        try:
            steps.run(import_module(module).main)
        except SystemExit as ended:
            found = ended.code if isinstance(ended.code, int) else 1
            said.write("" if found == ended.code else f"{ended.code}\n")
    assert found == code, said.getvalue()
    return said.getvalue()

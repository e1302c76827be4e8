"""A few texts are scored by the core in Python's memory, with the scores of Arrow's way.

What is taken as a few texts, and what else is scored as before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.models import BORE, EXPORTED, FILM, OLD_MODELS, many_texts
from tests.strategies import review_texts
from tests.waiting import PATIENCE
from toolkit import Scorer
from toolkit.errors import ModelError, UsageError
from toolkit.model import SHIPPED, Score
from toolkit.model.predictor import MOST_CHARACTERS, MOST_TEXTS, array_of, as_strings
from toolkit.native.texts import WordTable

OLD = sorted(OLD_MODELS.parent.rglob("*.onnx"))
MODELS = [*(EXPORTED / f"{name}.onnx" for name in SHIPPED), *OLD]

OPTIONS: list[dict[str, Any]] = [
    {"threshold": 0.0},
    {"threshold": 0.93},
    {"threshold": 1.0},
    {"neutral": (0.2, 0.9)},
    {"neutral": True},
    {"neutral": (0.5, 1.0), "threshold": 0.7},
    {"by_sentence": True},
]

# More bytes than count as few, so that the texts before it are read from Arrow's memory.
FILLER = "x" * 20_000

BLANK = ["", " ", "\t\r\n\v\f", "\u00a0", "\u2028\u3000", "\x1c", "\u0085", "\u1680\u2003"]
NOT_BLANK = ["\0", " \0", "\u200b", "\ufeff", "\u180e", "!", "\u2026", "zzyzx", "\0 good", "bad\0"]
WORDS = ["good", "Bad", "NOT", "film", "don\u2019t", "zzyzx", "it's", "worst", "caf\u00c9", "a"]

words = st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join)
# Around what the models read, 100 and 512 tokens, from its start or its end on.
long_texts = st.builds(
    lambda text, word, count: f"{text} {word * count}{text}",
    words,
    st.sampled_from(["good ", "zzyzx ", "a  ", "\u2026 \u00a0", "\u00e9 "]),
    st.sampled_from([97, 98, 99, 100, 101, 102, 509, 510, 511, 512, 513, 514, 800]),
)
texts = st.one_of(
    review_texts, words, words, st.none(), st.sampled_from(BLANK + NOT_BLANK), long_texts
)
few_texts = st.lists(texts, max_size=MOST_TEXTS).filter(
    lambda values: sum(len(value or "") for value in values) <= MOST_CHARACTERS
)


@cache
def scorer_of(model: Path, with_core: bool, option: int | None = None) -> Scorer:
    """Open a model and use it, so that all that it keeps is made with or without the core."""
    with mock.patch.dict(os.environ, TOOLKIT_NATIVE=str(int(with_core))):
        scorer = Scorer(model, **({} if option is None else OPTIONS[option]))
        scorer.score([FILM])
        scorer.score([FILM] * 17)
        assert (scorer.vocabulary._table is not None) == with_core
    return scorer


def in_arrow(scorer: Scorer, values: Iterable[Any]) -> list[Score]:
    """Score texts by Arrow's way."""
    columns = scorer.score_array(array_of([*values, FILLER]))
    return [Score(*pair) for pair in zip(*(c.to_pylist() for c in columns), strict=True)][:-1]


def by_few(scorer: Scorer, values: Sequence[object]) -> list[Score] | None:
    found = scorer._predictor.score_few(values)
    return None if found is None else [Score(*each) for each in found]


# Scores are compared to the last bit: as Python floats of the float32.


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
@settings(max_examples=12)
@given(values=few_texts)
@example(values=[])
@example(values=[None])
@example(values=[FILM] * MOST_TEXTS)
@example(values=["good " + "zzyzx " * 600, "zzyzx " * 600 + "good", "good " * 600])
def test_scores_are_those_of_arrow(model: Path, with_core: bool, values: list[str | None]) -> None:
    scorer = scorer_of(model, with_core)
    expected = in_arrow(scorer, values)
    assert by_few(scorer, values) == (expected if with_core else None)
    assert scorer.score(values) == expected
    assert [score for value in values for score in scorer.score([value])] == expected


@settings(max_examples=30)
@given(values=few_texts)
def test_stars_are_those_of_arrow(with_core: bool, values: list[str | None]) -> None:
    scorer = scorer_of(MODELS[0], with_core)
    found = scorer.predict(array_of([*values, FILLER]))["stars"].to_pylist()[:-1]
    expected = [None if stars is None else round(stars, 2) for stars in found]
    assert scorer.stars(values) == expected
    assert [stars for value in values for stars in scorer.stars([value])] == expected


@pytest.mark.parametrize("option", range(len(OPTIONS)), ids=lambda place: str(OPTIONS[place]))
@settings(max_examples=10)
@given(values=few_texts)
def test_labels_are_those_of_arrow(option: int, with_core: bool, values: list[str | None]) -> None:
    scorer = scorer_of(MODELS[0], with_core, option)
    assert scorer.score(values) == in_arrow(scorer, values)
    assert (by_few(scorer, values) is None) == (scorer.by_sentence or not with_core)


def test_labels_at_the_limits() -> None:
    """The threshold and the end of the range are the probability itself, or next to it."""
    plain = Scorer(MODELS[1])
    values = [FILM, BORE, "a plain film"]
    for value in values:
        (score,) = plain.score([value])
        assert score.probability is not None
        exact = np.float32(score.probability)
        near = [float(np.nextafter(exact, np.float32(end))) for end in (0, 1)]
        for limit in (*near, float(exact)):
            low, high = Scorer(MODELS[1], limit), Scorer(MODELS[1], limit, (0.0, limit))
            up = Scorer(MODELS[1], limit, (limit, 1.0))
            for scorer in (low, high, up):
                assert scorer.score(values) == in_arrow(scorer, values)
            labels = [scorer.score([value])[0].sentiment for scorer in (low, high, up)]
            is_below = exact < np.float32(limit)
            assert labels == (
                ["negative", "neutral", "negative"]
                if is_below
                else ["positive", "positive", "neutral"]
            )


@pytest.mark.parametrize("model", [MODELS[1], OLD[-1]], ids=lambda path: path.stem)
def test_sizes_around_the_limits(model: Path, with_core: bool) -> None:
    """Those that are few, and those that are many or long, have the same scores."""
    scorer = scorer_of(model, with_core)
    most = 1 << 14
    for sizes in ([most], [most + 1], [most - 1, 1], [most - 1, 2], [1 << 21], [1] * 17):
        for piece in ("good film ", "\U0001f994 bad ", "x", "\u2026", "a!"):
            values = [(piece * (size // len(piece) + 1))[:size] for size in sizes]
            is_few = with_core and sum(sizes) <= most and len(sizes) <= MOST_TEXTS
            found = by_few(scorer, values)
            assert (found is not None) == is_few, sizes
            expected = in_arrow(scorer, values)
            assert scorer.score(values) == expected
            assert found in (None, expected)


@pytest.mark.parametrize("model", MODELS[:3], ids=lambda path: path.stem)
def test_threads_may_begin_together(
    model: Path, with_core: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_NATIVE", str(int(with_core)))
    groups = [many_texts(3, seed) for seed in range(64)]
    expected = [in_arrow(scorer_of(model, with_core), group) for group in groups]
    fresh, start = Scorer(model), Barrier(8)

    def score(part: int) -> list[list[Score]]:
        start.wait(PATIENCE)
        return [fresh.score(group) for group in groups[part::8]]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(score, range(8)))
    assert found == [expected[part::8] for part in range(8)]


class Text(str):
    """Not a plain string; Arrow takes what is in it."""

    __slots__ = ()

    def encode(self, *arguments: Any, **options: Any) -> bytes:
        return b"bad"

    def isspace(self) -> bool:
        return True


class Other(str):
    """The same without changes, as NumPy has it."""

    __slots__ = ()


@pytest.mark.parametrize(
    "value", [Text(FILM), Other(FILM), np.str_(FILM), np.array([FILM])[0]], ids=type
)
def test_other_strings_are_strings(value: Any, with_core: bool) -> None:
    scorer = scorer_of(MODELS[1], with_core)
    plain = scorer.score([FILM, "bad"])
    assert scorer.score([value, "bad"]) == plain


@given(values=st.lists(st.one_of(texts, st.text(), st.just(float("nan"))), max_size=20))
@settings(max_examples=40)
def test_what_pandas_and_json_give(values: list[Any], with_core: bool) -> None:
    """NaN is no text; halves of surrogate pairs, which `st.text` leaves out, are added."""
    scorer = scorer_of(MODELS[1], with_core)
    broken = [f"{value}\ud83d good \udc00" if isinstance(value, str) else value for value in values]
    for each in (values, broken, values + broken):
        assert scorer.score(each) == in_arrow(scorer, each)


@pytest.mark.tools
def test_missing_texts_of_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="needs the extra 'dev-all'")
    scorer = scorer_of(MODELS[1], False)
    values = [pandas.NA, None, float("nan"), pandas.NaT, FILM]
    expected = [*[Score(None, None)] * 4, *scorer.score([FILM])]
    assert scorer.score(values) == expected
    assert scorer.score(pandas.Series(values, dtype=object)) == expected
    assert scorer.score(pandas.Series([None, FILM], dtype="string")) == expected[-2:]


@pytest.mark.parametrize(
    "value", [5, 5.0, True, ["good"], ("good",), {"text": "good"}, object(), 1j, Path("a")]
)
def test_what_is_no_text_is_refused(value: Any, with_core: bool) -> None:
    scorer = scorer_of(MODELS[1], with_core)
    for values in ([value], [FILM, value], [value, FILM], [value, "\ud83d"], ["\ud83d", value]):
        with pytest.raises(UsageError, match="expected strings or None") as refused:
            scorer.score(values)
        with pytest.raises(UsageError) as expected:
            in_arrow(scorer, values)
        assert str(refused.value) == str(expected.value)
    for one in (FILM, FILM.encode(), Text(FILM), ""):
        with pytest.raises(UsageError, match="received one string; put it in a list"):
            scorer.score(one)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 1, 16, 17])
def test_any_iterable_is_read_once(with_core: bool, count: int) -> None:
    scorer = scorer_of(MODELS[1], with_core)
    values = [None, FILM, "\ud83d", *many_texts(60)][:count]
    before = [*values]
    expected = in_arrow(scorer, values)
    for given_as in (values, tuple(values), iter(values), (each for each in values)):
        assert scorer.score(given_as) == expected
    assert scorer.score(np.array(values, object)) == expected
    assert scorer.score(dict.fromkeys(values)) == in_arrow(scorer, [*dict.fromkeys(values)])
    assert values == before


def test_no_table_is_made_twice(with_core: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_NATIVE", str(int(with_core)))
    made: list[str] = []
    of = WordTable.of

    def counted(*arguments: Any, **options: Any) -> WordTable | None:
        table = of(*arguments, **options)
        made.append("in the core" if table is not None else "none")
        return table

    monkeypatch.setattr(WordTable, "of", counted)
    scorer = Scorer(MODELS[1])

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("Arrow makes a table of all words for each call")

    if with_core:
        monkeypatch.setattr("toolkit.text.vocabulary.pc.index_in", refuse)
    for count in (1, 2, 16, 17, 40):
        scorer.score([FILM] * count)
        scorer.score_array(pa.array([FILM] * count))
        scorer.score_batch(pa.RecordBatch.from_pydict({"text": [FILM] * count}))
    assert made == ["in the core" if with_core else "none"]


@pytest.mark.parametrize("shape", [(1, 1), (2,), (), (0,)])
def test_a_network_of_another_shape_is_an_error(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_NATIVE", "0")
    scorer = Scorer(OLD[-1])
    outputs = {"probability": np.full(shape, 0.5, np.float32)}
    monkeypatch.setattr(scorer._word_predictor._network, "run", lambda rows: outputs)
    with pytest.raises(ModelError, match="its network returned the shape"):
        scorer.score([FILM])


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_dictionary_of_string_views(is_chunked: bool) -> None:
    words = pa.array(["good", "bad"], pa.string_view())
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), words)
    given = pa.chunked_array([texts, texts[1:]]) if is_chunked else texts[1:]
    expected = ["good", "bad", None, "good"] if is_chunked else []
    assert as_strings(given).to_pylist() == [*expected, "bad", None, "good"]

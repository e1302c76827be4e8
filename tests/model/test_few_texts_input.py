"""What is taken as a few texts, and what else is scored as before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.few_texts import MODELS, OLD, by_few, in_arrow, scorer_of, texts
from tests.models import FILM, many_texts
from toolkit import Scorer
from toolkit.errors import ModelError, UsageError
from toolkit.model import Score
from toolkit.model.predict import array_of
from toolkit.native.texts import WordTable


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


def test_any_iterable_is_read_once(with_core: bool) -> None:
    scorer = scorer_of(MODELS[1], with_core)
    for count in (0, 1, 2, 16, 17, 40):
        values = [None, FILM, *many_texts(60)][:count]
        expected = in_arrow(scorer, values)
        taken: list[str | None] = []

        def each(values: list[str | None] = values, taken: list[Any] = taken) -> Iterator[Any]:
            for value in values:
                taken.append(value)
                yield value

        given_as: list[Iterable[Any]] = [
            *(values, tuple(values), iter(values), each(), map(str, values[1:])),
            *(np.array(values, object), dict.fromkeys(map(str, values)), Counter(values)),
        ]
        for texts_of in given_as[:4]:
            assert scorer.score(texts_of) == expected
        assert taken == values
        assert scorer.score(given_as[4]) == expected[1:]
        assert scorer.score(given_as[5]) == expected
        for keys in given_as[6:]:
            assert scorer.score(keys) == in_arrow(scorer, [*keys])


def test_the_texts_are_left_as_they_are(with_core: bool) -> None:
    values = [FILM, None, " ", "\ud83d"]
    before = [*values]
    scorer_of(MODELS[1], with_core).score(values)
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

    monkeypatch.setattr("toolkit.text.encoder.pc.index_in", refuse)
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
    assert by_few(scorer, [FILM]) is not None
    outputs = [np.full(shape, 0.5, np.float32)]
    monkeypatch.setattr(scorer._few.network, "run", lambda rows: outputs)
    for score in (scorer.score, lambda values: scorer.score_array(array_of(values))):
        with pytest.raises(ModelError, match="its network gives the shape"):
            score([FILM])

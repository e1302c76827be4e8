"""Reasons: the words that moved a score most, against those of `explain`."""

from __future__ import annotations

import pickle
from functools import cache
from html import unescape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.cli.running import Command
from tests.models import OLD_MODELS, many_texts, shipped_scorer
from tests.strategies import review_texts
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.model.explain import Explanation
from toolkit.scoring import ScoringOptions
from toolkit.scoring.identity import settings_of

MODELS = ["reviews", "reviews-small", "conv1d", str(OLD_MODELS / "conv1d.onnx")]
COUNT = 3
# Contributions that are closer may be in either order: they are sums of float32.
CLOSE = 1e-5
PIECES = ["a superb film ", "not bad. ", "awful, awful! ", "the the the ", "zzyzx ",
          "don\u2019t wait ", "I didn&#39;t like it<br />", "\U0001f44d ",
          "CAF\u00c9 "]  # fmt: skip

texts = st.lists(st.one_of(st.sampled_from(PIECES), review_texts), max_size=12).map("".join)


@cache
def scorer(model: str = "reviews", reasons: int = COUNT) -> Scorer:
    return Scorer(model, reasons=reasons)


def is_told(words: list[str], explained: Explanation, scorer: Scorer) -> bool:
    """Whether words are the strongest of an explanation, in order."""
    sign = 1 if explained.probability >= scorer.threshold else -1
    best: dict[str, float] = {}
    for word in explained.words:
        best[plain(word.text)] = max(best.get(plain(word.text), 0), sign * word.contribution)
    found = [best[word] for word in words]
    others = [value for word, value in best.items() if word not in words]
    is_in_order = all(a >= b - CLOSE for a, b in pairwise(found))
    is_whole = len(words) == COUNT or all(value <= CLOSE for value in others)
    least = min(found, default=CLOSE)
    return is_in_order and is_whole and all(value <= least + CLOSE for value in others)


def plain(word: str) -> str:
    """Lower case, with plain apostrophes; an entity may stand for one, in any case."""
    return unescape(word.lower()).replace("\u2019", "'").replace("\u00b4", "'")


@pytest.mark.parametrize("model", MODELS)
def test_they_are_the_strongest_words_that_explain_shows(model: str) -> None:
    reviews = [text or "" for text in many_texts(30)]
    for text, words in zip(reviews, scorer(model).reasons(reviews), strict=True):
        if scorer(model).score([text])[0].sentiment is None:
            assert words == []
        else:
            assert is_told(words, scorer(model).explain(text), scorer(model)), text


@settings(max_examples=40)
@given(texts, st.sampled_from(MODELS[:2]))
@example("don&RSQUO;t", "reviews")
@example("don\u2019t wait don&RSQUO;t<b\u00e9>", "reviews")
def test_so_they_are_of_any_text(text: str, model: str) -> None:
    (words,) = scorer(model).reasons([text])
    if scorer(model).score([text])[0].sentiment is None:
        assert words == []
    else:
        assert is_told(words, scorer(model).explain(text), scorer(model))


def test_examples() -> None:
    reviews = [
        "A superb film, the best of the year.",
        "The staff were rude and the room dirty.",
        "",
    ]
    found = scorer().reasons(reviews)
    assert found[0][0] == "superb"
    assert {*found[1]} >= {"rude", "dirty"}
    assert found[2] == []
    batch = scorer().score_batch(pa.record_batch({"text": reviews}))
    assert batch["reasons"].to_pylist() == [*map("; ".join, found[:2]), None]


@pytest.mark.parametrize("model", MODELS[:2])
def test_without_the_core_and_in_any_batch_they_are_the_same(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews = [*many_texts(25), "very " * 600 + "good", "good " * 511, "bad " * 512]
    expected = scorer(model).reasons(reviews)
    assert [scorer(model).reasons([text])[0] for text in reviews] == expected
    monkeypatch.setenv("TOOLKIT_NATIVE", "0")
    assert Scorer(model, reasons=COUNT).reasons(reviews) == expected


def test_what_the_core_computes_is_close_to_what_is_run() -> None:
    from toolkit.model.reasons import Reasons
    from toolkit.text import TokenIds

    found = scorer()._reasons()
    assert isinstance(found, Reasons)
    if found._hidden is None:
        pytest.skip("needs the native core, compiled")
    ids = scorer().vocabulary.encode(pa.array(many_texts(20)), 511)
    starts = np.maximum(ids.starts, ids.stops - 512)
    read = TokenIds(ids.values, starts, ids.stops)
    of_core = found._hidden.run(ids.values, starts, ids.stops, 512)
    if of_core is None:
        pytest.skip("needs the native core, compiled")
    rows = np.repeat(np.arange(len(ids)), ids.stops - starts)
    places = np.concatenate([np.arange(a, b) for a, b in zip(starts, ids.stops, strict=True)])
    is_known = ids.values[places] > 2
    exact = found._explainer().contributions(read, rows[is_known], places[is_known])
    assert np.abs(of_core[places[is_known]] - exact).max() < 1e-5 * (1 + np.abs(exact).max())
    assert not of_core[places[~is_known]].any()


def test_a_scorer_is_asked_for_them() -> None:
    with pytest.raises(UsageError, match=r"reasons are given with --reasons"):
        shipped_scorer().reasons(["A good film."])
    with pytest.raises(UsageError, match="expected 0 to 20, received 21"):
        Scorer(reasons=21)
    sent = pickle.loads(pickle.dumps(scorer()))
    assert sent.reasons(["A superb film."]) == scorer().reasons(["A superb film."])
    assert settings_of(scorer(), ScoringOptions()) != settings_of(
        scorer("reviews", 4), ScoringOptions()
    )


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_has_a_column(command: Command, ending: str) -> None:
    source = command.folder / "a.csv"
    source.write_text("text\n" + '"A superb, superb film."\n"Dull."\n""\n', encoding="utf-8")
    ran = command("score", source, "-o", f"b.{ending}", "--reasons", "2", "--names", "reasons=why")
    assert ran.exit_code == 0, ran.err
    if ending == "csv":
        lines = Path("b.csv").read_text(encoding="utf-8").splitlines()
        assert [line.rpartition(",")[2] for line in lines] == ["why", "superb; a", "dull", ""]
    ran = command("score", source, "--names", "reasons=why", "--force")
    ran.failed_with("the column reasons needs --reasons", 2)

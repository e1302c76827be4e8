"""Models to score a few texts with, with and without the native core, and Arrow's way beside it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from tests.models import EXPORTED, FILM, OLD_MODELS
from tests.strategies import review_texts
from toolkit import Scorer
from toolkit.model import SHIPPED, Score
from toolkit.model.predict import MOST_CHARACTERS, MOST_TEXTS, array_of

OLD = [*sorted(OLD_MODELS.glob("*.onnx")), OLD_MODELS.with_name("version_1.onnx")]
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

# More bytes than are looked up in Python, so that the texts before it are read by Arrow or, where
# there is the core, from Arrow's memory.
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
        assert (scorer.vocabulary._encoder._table is not None) == with_core
    return scorer


def in_arrow(scorer: Scorer, values: Iterable[Any]) -> list[Score]:
    """Score texts by Arrow's way."""
    columns = scorer.score_array(array_of([*values, FILLER]))
    return [Score(*pair) for pair in zip(*(c.to_pylist() for c in columns), strict=True)][:-1]


def by_few(scorer: Scorer, values: Sequence[object]) -> list[Score] | None:
    found = scorer._few.score(values)
    return None if found is None else [Score(*each) for each in found]

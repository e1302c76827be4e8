"""The model files that come with the project, for tests that need any trained model."""

from __future__ import annotations

import random
from functools import cache

import onnxruntime as ort

from tests.data import PROJECT
from toolkit.model import DEFAULT_MODEL, Scorer

EXPORTED = PROJECT / "exported"
MODEL = EXPORTED / f"{DEFAULT_MODEL}.onnx"
OLD_MODELS = PROJECT / "tests" / "frozen_files" / "format_2"  # that were shipped before
NGRAM_POOL = OLD_MODELS.with_name("format_3") / "ngram-pool.onnx"  # of a former preset
# Of the tutorial's network, which reads rows of one length; also for tests that need two models.
CONV1D = EXPORTED / "conv1d.onnx"


@cache
def shipped_scorer() -> Scorer:
    """Load the default model once; a scorer has no state."""
    return Scorer(MODEL)


@cache
def text_in_session() -> ort.InferenceSession:
    """Load it as any other application would."""
    return ort.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])


FILM, BORE = "a superb and moving film, the best of the year", "the worst: dull, awful, a waste"


def many_texts(count: int, seed: int = 1) -> list[str]:
    """Reviews of random known words: none to 150, and every twentieth more or less than is read."""
    draw = random.Random(seed)
    words = shipped_scorer().vocabulary.words.to_pylist()
    most = shipped_scorer().facts.max_tokens
    lengths = [
        draw.randint(0, 150) if number % 20 else most + draw.randint(-2, 100)
        for number in range(count)
    ]
    return [" ".join(draw.choices(words, k=length)) for length in lengths]

"""Our own sentences, whose labels are known, and sets of sentences that should have the same one.

In a set, sentences differ only in who somebody is, or in the form of the text. ``behaviour.toml``
has them, and says how they are made.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.evaluation.reviews import Data, LabelledReviews
from toolkit.files import sha256_of
from toolkit.model.classes import (
    NEGATIVE_OF_THREE,
    POSITIVE,
    POSITIVE_OF_THREE,
    SENTIMENT,
    is_positive,
)
from toolkit.model.scorer import Scorer
from toolkit.model.training_facts import Behaviour, Right, Steadiness

SUITE = Path(__file__).with_suffix(".toml")
"""The file of our own sentences, for `evaluate` to take in place of data."""
TITLE = "Behaviour on the toolkit's own sentences"
FAR = 0.1  # by more, a probability moves in a set
HEADS = ("sets", "spread", "moved", "other label", "from 0.5")
NOTE = (
    "Four sentences have one template, and mostly one answer: true intervals are about twice as "
    "wide. The sentences of a set differ only in who somebody is, or in their form. Spread: the "
    "largest minus the smallest probability, on average; more words, more spread. Moved: sets with "
    f"a spread above {FAR}. Other label: sets with more than one. From 0.5: the mean distance of a "
    "probability from it. A sentence without a known word has 0.5."
)
_SLOT = re.compile(r"\{(\w+)\}")

# By the part and the name of what differs: sets of sentences that should have the same label.
Sets = dict[tuple[str, str], list[list[str]]]


def load_suite() -> tuple[LabelledReviews, Sets]:
    """Make all sentences, always the same: in templates, each slot takes its words in turn."""
    made = tomllib.loads(SUITE.read_text(encoding="utf-8"))
    turns = {name: cycle(words) for name, words in made["words"].items()}
    rows = [
        (phenomenon, label, _SLOT.sub(lambda slot: next(turns[slot[1]]), template))
        for phenomenon, by_label in made["phenomena"].items()
        for label in SENTIMENT
        for template in by_label.get(label, ())
        for _ in range(made["times"])
    ]
    phenomena, labels, texts = zip(*rows, strict=True)
    sets: Sets = {}
    for name, each in made["same"].items():
        people = [each.get("who", "{word}").format(word=word) for word in each["words"]]
        for label, carriers in made["carriers"].items():
            own = sets.setdefault(("opinion" if label in SENTIMENT else label, name), [])
            own += ([carrier.format(who=who) for who in people] for carrier in carriers)
    plain = [text for name, _, text in rows if name in made["form"]["of"]][:: made["form"]["every"]]
    for name, rules in made["forms"].items():
        pairs = ([text, _in_form(text, rules, made["words"])] for text in plain)
        sets["form", name] = [pair for pair in pairs if pair[0] != pair[1]]
    positive = np.array([label == POSITIVE for label in labels])
    columns = {"text": "sentence", "label": "label", "group": "phenomenon"}
    counts = (len(rows), len(rows), int(positive.sum()), 0, 0, 0, 0, "")
    reviews = LabelledReviews(
        Data(SUITE, sha256_of(SUITE), columns, *counts, is_suite=True),
        np.arange(len(rows)),
        pa.chunked_array([[*texts]], pa.large_string()),
        np.where(positive, POSITIVE_OF_THREE, NEGATIVE_OF_THREE),
        None,
        pa.chunked_array([[*phenomena]], pa.large_string()),
    )
    return reviews, sets


def _in_form(text: str, rules: list[list[str]], words: dict[str, list[str]]) -> str:
    for template, new in rules:
        pattern = _SLOT.sub(lambda slot: "|".join(words[slot[1]]), template)
        text = re.sub(pattern, (lambda found: found[0].upper()) if new == "UPPER" else new, text)
    return text


def behaviour_of(scorer: Scorer) -> Behaviour:
    """Measure a model on all sentences and sets, for what its file says of itself."""
    reviews, sets = load_suite()
    assert reviews.groups is not None
    found = np.nan_to_num(
        scorer.probabilities(reviews.texts).to_numpy(zero_copy_only=False), nan=0.5
    )
    is_right = is_positive(found, float(scorer.threshold)) == reviews.labels
    names = np.array(reviews.groups.to_pylist())
    inside = ((name, is_right[names == name]) for name in dict.fromkeys(names.tolist()))
    phenomena = tuple(Right(name, int(each.sum()), len(each)) for name, each in inside)
    return Behaviour(phenomena, tuple(steadiness(scorer, sets)), sha256_of(SUITE))


def steadiness(scorer: Scorer, sets: Sets) -> Iterator[Steadiness]:
    """Measure a model on all sets; a sentence of which it knows no word has 0.5."""
    for (part, name), own in sets.items():
        texts = pa.array([text for each in own for text in each], pa.large_string())
        found = scorer.probabilities(texts).to_numpy(zero_copy_only=False)
        values = np.nan_to_num(found, nan=0.5)
        inside = np.split(values, np.cumsum([len(each) for each in own])[:-1])
        ends = np.array([(each.min(), each.max()) for each in inside])
        spreads, called = np.diff(ends)[:, 0], is_positive(ends, float(scorer.threshold))
        worst = int(np.argmax(spreads))
        answers = sorted(zip(inside[worst].tolist(), own[worst], strict=True))
        figures = spreads.mean(), np.mean(spreads > FAR), np.mean(called[:, 0] != called[:, 1])
        spread, moved, other = map(float, figures)
        half = float(np.abs(values - 0.5).mean()) if part == "neutral" else None
        yield Steadiness(part, name, len(own), spread, moved, other, answers[0], answers[-1], half)

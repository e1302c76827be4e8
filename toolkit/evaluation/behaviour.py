"""Our own sentences, whose labels are known, and sets of sentences that should have the same one.

In a set, sentences differ only in who somebody is, or in the form of the text. ``behaviour.toml``
has them, and says how they are made.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.evaluation.metrics import calls_positive
from toolkit.evaluation.ratings import NEGATIVE, POSITIVE
from toolkit.evaluation.reviews import LABELS, Data, LabelledReviews
from toolkit.files import sha256_of
from toolkit.model.scorer import Scorer

SUITE = Path(__file__).with_suffix(".toml")
"""The file of our own sentences, for `evaluate` to take in place of data."""
TITLE = "Behaviour on the toolkit's own sentences"
FAR = 0.1  # by more, a probability moves in a set
PARTS = {"neutral": "Who, without opinion", "opinion": "Who, with opinion", "form": "Form"}
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


@dataclass(frozen=True)
class Steadiness:
    """What a model says of some sets; a spread is the largest minus the smallest probability."""

    part: str  # neutral or opinion: who somebody is, without or with an opinion; or form
    name: str  # such as nationality or capitals
    sets: int
    mean_spread: float
    moved: float  # share of the sets with a spread above `FAR`
    other_label: float  # share of the sets with more than one label
    from_half: float | None  # mean distance of a probability from 0.5, in neutral sets
    lowest: tuple[float, str]  # probability and sentence, of the set with the largest spread
    highest: tuple[float, str]

    @property
    def cells(self) -> tuple[str, ...]:
        """Its name, and what tables show below `HEADS`; only neutral sets have the last."""
        shares = f"{self.moved:.1%}", f"{self.other_label:.1%}"
        half = () if self.from_half is None else (f"{self.from_half:.3f}",)
        return self.name, f"{self.sets}", f"{self.mean_spread:.3f}", *shares, *half


def load_suite() -> tuple[LabelledReviews, Sets]:
    """Make all sentences, always the same: in templates, each slot takes its words in turn."""
    made = tomllib.loads(SUITE.read_text(encoding="utf-8"))
    turns = {name: cycle(words) for name, words in made["words"].items()}
    rows = [
        (phenomenon, label, _SLOT.sub(lambda slot: next(turns[slot[1]]), template))
        for phenomenon, by_label in made["phenomena"].items()
        for label in LABELS
        for template in by_label.get(label, ())
        for _ in range(made["times"])
    ]
    phenomena, labels, texts = zip(*rows, strict=True)
    sets: Sets = {}
    for name, each in made["same"].items():
        people = [each.get("who", "{word}").format(word=word) for word in each["words"]]
        for label, carriers in made["carriers"].items():
            own = sets.setdefault(("opinion" if label in LABELS else label, name), [])
            own += ([carrier.format(who=who) for who in people] for carrier in carriers)
    plain = [text for name, _, text in rows if name in made["form"]["of"]][:: made["form"]["every"]]
    for name, rules in made["forms"].items():
        pairs = ([text, _in_form(text, rules, made["words"])] for text in plain)
        sets["form", name] = [pair for pair in pairs if pair[0] != pair[1]]
    positive = np.array([label == LABELS[1] for label in labels])
    columns = {"text": "sentence", "label": "label", "group": "phenomenon"}
    counts = (len(rows), len(rows), int(positive.sum()), 0, 0, 0, 0, "")
    reviews = LabelledReviews(
        Data(SUITE, sha256_of(SUITE), columns, *counts),
        np.arange(len(rows)),
        pa.chunked_array([[*texts]], pa.large_string()),
        np.where(positive, POSITIVE, NEGATIVE),
        None,
        pa.chunked_array([[*phenomena]], pa.large_string()),
    )
    return reviews, sets


def _in_form(text: str, rules: list[list[str]], words: dict[str, list[str]]) -> str:
    for template, new in rules:
        pattern = _SLOT.sub(lambda slot: "|".join(words[slot[1]]), template)
        text = re.sub(pattern, (lambda found: found[0].upper()) if new == "UPPER" else new, text)
    return text


def steadiness(scorer: Scorer, sets: Sets) -> Iterator[Steadiness]:
    """Measure a model on all sets; a sentence of which it knows no word has 0.5."""
    for (part, name), own in sets.items():
        texts = pa.array([text for each in own for text in each], pa.large_string())
        found = scorer.probabilities(texts).to_numpy(zero_copy_only=False)
        values = np.nan_to_num(found, nan=0.5)
        inside = np.split(values, np.cumsum([len(each) for each in own])[:-1])
        ends = np.array([(each.min(), each.max()) for each in inside])
        spreads, called = np.diff(ends)[:, 0], calls_positive(ends, float(scorer.threshold))
        worst = int(np.argmax(spreads))
        answers = sorted(zip(inside[worst].tolist(), own[worst], strict=True))
        figures = spreads.mean(), np.mean(spreads > FAR), np.mean(called[:, 0] != called[:, 1])
        spread, moved, other = map(float, figures)
        half = float(np.abs(values - 0.5).mean()) if part == "neutral" else None
        yield Steadiness(part, name, len(own), spread, moved, other, half, answers[0], answers[-1])

"""The toolkit's own sentences with known labels, and sets of sentences that share a label.

In a set, sentences differ only in who somebody is, or in the form of the text. ``behaviour.toml``
has the templates and words, and describes how sentences are made of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.classes import POSITIVE, SENTIMENT, is_positive
from toolkit.evaluation.metrics import Labels
from toolkit.files import sha256_of
from toolkit.model.scorer import Scorer
from toolkit.model.training_facts import Behaviour, Right, Steadiness

SUITE = Path(__file__).with_suffix(".toml")
"""The file of our own sentences, which `evaluate` takes in place of data."""
TITLE = "Behaviour on the toolkit's own sentences"
FAR = 0.1  # a set has moved if its probabilities differ by more
HEADS = ("sets", "spread", "moved", "other label", "from 0.5")
NOTE = (
    "Each template makes four sentences, which mostly get the same answer, so true intervals are "
    "about twice as wide. The sentences of a set differ only in who a person is, or in spelling "
    "and layout. Spread: the largest minus the smallest probability of a set, on average; sets "
    f"of more sentences spread more. Moved: sets with a spread above {FAR}. Other label: sets "
    "with more than one label. From 0.5: the mean distance of the probabilities from 0.5. A "
    "sentence without known words counts as 0.5."
)
_SLOT = re.compile(r"\{(\w+)\}")

# Sets of sentences that should have the same label, by part and by what differs between them.
Sets = dict[tuple[str, str], list[list[str]]]


class SuiteSentence(NamedTuple):
    """A sentence whose label is known."""

    text: str
    label: int  # 0 or 1
    phenomenon: str  # what it tests


@dataclass(frozen=True)
class Suite:
    """All sentences, and the sets."""

    sentences: list[SuiteSentence]
    sets: Sets

    @property
    def texts(self) -> list[str]:
        """The texts of the sentences."""
        return [sentence.text for sentence in self.sentences]

    @property
    def labels(self) -> Labels:
        """The labels of the sentences, (sentences,) 0 or 1."""
        return np.array([sentence.label for sentence in self.sentences], np.int8)

    @property
    def phenomena(self) -> list[str]:
        """What the sentences test."""
        return [sentence.phenomenon for sentence in self.sentences]


def load_suite() -> Suite:
    """Make all sentences, always the same: in templates, each slot takes its words in turn."""
    made = tomllib.loads(SUITE.read_text(encoding="utf-8"))
    sentences = [*_sentences(made)]
    return Suite(sentences, _sets_of_people(made) | _sets_of_forms(made, sentences))


def _sentences(made: dict[str, Any]) -> Iterator[SuiteSentence]:
    turns = {name: cycle(words) for name, words in made["words"].items()}
    for phenomenon, by_label in made["phenomena"].items():
        for label in SENTIMENT:
            for template in by_label.get(label, ()):
                for _ in range(made["times"]):
                    text = _SLOT.sub(lambda slot: next(turns[slot[1]]), template)
                    yield SuiteSentence(text, int(label == POSITIVE), phenomenon)


def _sets_of_people(made: dict[str, Any]) -> Sets:
    """Make sets whose sentences differ in who somebody is."""
    sets: Sets = {}
    for name, each in made["same"].items():
        people = [each.get("who", "{word}").format(word=word) for word in each["words"]]
        for label, carriers in made["carriers"].items():
            part = "opinion" if label in SENTIMENT else label
            own = sets.setdefault((part, name), [])
            own += ([carrier.format(who=who) for who in people] for carrier in carriers)
    return sets


def _sets_of_forms(made: dict[str, Any], sentences: list[SuiteSentence]) -> Sets:
    """Make pairs of a sentence and the same sentence in another form."""
    form = made["form"]
    texts = [each.text for each in sentences if each.phenomenon in form["of"]]
    sets: Sets = {}
    for name, rules in made["forms"].items():
        pairs = [[text, _in_form(text, rules, made["words"])] for text in texts[:: form["every"]]]
        sets["form", name] = [pair for pair in pairs if pair[0] != pair[1]]
    return sets


def _in_form(text: str, rules: list[list[str]], words: dict[str, list[str]]) -> str:
    for template, new in rules:
        pattern = _SLOT.sub(lambda slot: "|".join(words[slot[1]]), template)
        text = re.sub(pattern, (lambda found: found[0].upper()) if new == "UPPER" else new, text)
    return text


def behaviour_of(scorer: Scorer) -> Behaviour:
    """Measure a model on all sentences and sets, for the facts in its file."""
    suite = load_suite()
    probability = _probabilities(scorer, suite.texts)
    is_right = is_positive(probability, float(scorer.threshold)) == suite.labels
    names = np.array(suite.phenomena)
    phenomena = []
    for name in dict.fromkeys(suite.phenomena):
        own = is_right[names == name]
        phenomena.append(Right(name, int(own.sum()), len(own)))
    return Behaviour(tuple(phenomena), tuple(steadiness(scorer, suite.sets)), sha256_of(SUITE))


def steadiness(scorer: Scorer, sets: Sets) -> Iterator[Steadiness]:
    """Measure a model on all sets; a sentence without a known word has the probability 0.5."""
    for (part, name), own in sets.items():
        values = _probabilities(scorer, [text for each in own for text in each])
        inside = np.split(values, np.cumsum([len(each) for each in own])[:-1])
        ends = np.array([(each.min(), each.max()) for each in inside])
        spreads = np.diff(ends)[:, 0]
        called = is_positive(ends, float(scorer.threshold))
        worst = int(np.argmax(spreads))
        answers = sorted(zip(inside[worst].tolist(), own[worst], strict=True))
        yield Steadiness(
            part=part,
            name=name,
            sets=len(own),
            mean_spread=float(spreads.mean()),
            moved=float(np.mean(spreads > FAR)),
            other_label=float(np.mean(called[:, 0] != called[:, 1])),
            lowest=answers[0],
            highest=answers[-1],
            from_half=float(np.abs(values - 0.5).mean()) if part == "neutral" else None,
        )


def _probabilities(scorer: Scorer, texts: list[str]) -> npt.NDArray[np.float32]:
    found = scorer.probabilities(pa.array(texts, pa.large_string()))
    filled: npt.NDArray[np.float32] = np.nan_to_num(found.to_numpy(zero_copy_only=False), nan=0.5)
    return filled

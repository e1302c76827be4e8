"""Composed texts: what the order of words does to an opinion, and who people are, which says nothing.

Reviews have few of the many ways to turn an opinion around: negation from a distance, turned
expectations, then and now, questions, other people's opinions. `composed.toml` has frames for them,
written for this purpose, which are filled with words and with short reviews that people wrote.
Neutral sentences, most of them about persons, have the probability 0.5; beside a review, they keep its label.
`written.csv` has reviews that were written for this purpose, each line by itself: many say by what happened, by
idioms or by irony what no frame can say, and most stand beside a twin of the other label.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from exported.data import fold_of

FRAMES = Path(__file__).with_suffix(".toml")
WRITTEN = FRAMES.with_name("written.csv")
_TOGETHER = 20  # lines of `written.csv` that are of one fold, so that twins are
OPINIONS, NEUTRAL, BESIDE = 300_000, 150_000, 40_000  # how many of each are composed
SEED = 7
_CLAUSE = (3, 12)  # words of a short review that may be part of a composed text
SURE = 0.95  # the probability of what a frame says
_SLOT = re.compile(r"\{(\w+)\}")
_OPINIONS = ("bad", "good")  # what {A} and {B} are of: the label is the place
_DEV_EVERY = 4  # a frame in four is left out to choose by
# How much phenomena weigh that do not weigh 1, and frames whose parts are frames themselves.
_SHARES = {"plain": 0.5, "irony": 0.5, "question": 1.5, "far": 1.5}
_WIDE = 8.0
_SYLLABLES = shlex.split(
    "bra dok elv fyn gra hul ist jor kez lom mur nax oth pli qua rev sku tarn uve vos wix yel zan"
)


class Composed(NamedTuple):
    """A composed text, the probability of positive, and the phenomenon of its frame."""

    text: str
    probability: float
    phenomenon: str


class Composer:
    """Fills the frames, always in the same way for the same seed.

    `clauses` are short reviews, the negative and the positive ones. `part` takes some of the frames only: those to learn
    from (`train`), to choose by (`dev`), or all.
    """

    def __init__(
        self, clauses: tuple[Sequence[str], Sequence[str]], seed: int, part: str = "all"
    ) -> None:
        made = tomllib.loads(FRAMES.read_text(encoding="utf-8"))
        self._words = {name: shlex.split(words) for name, words in made.pop("words").items()}
        self._neutral = made.pop("neutral")
        self._clauses = [[clause.rstrip(".!? ") for clause in own] for own in clauses]
        self._random = np.random.default_rng(seed)
        self._frames = [
            (frame, kind, name)
            for name, kinds in made.items()
            for kind, frames in kinds.items()
            for at, frame in enumerate(frames)
            if part == "all" or (at % _DEV_EVERY == _DEV_EVERY - 1) == (part == "dev")
        ]
        self.phenomena = list(made)
        self.is_dev = part == "dev"
        # A frame with both labels counts twice.
        weights = np.array([self._weight(frame, kind) for frame, kind, _ in self._frames])
        names = np.array([name for _, _, name in self._frames])
        for name in made:
            own = names == name
            weights[own] *= _SHARES.get(name, 1.0) / weights[own].sum()
        self._weights = weights / weights.sum()

    def opinions(self, count: int) -> list[Composed]:
        """Fill frames at random."""
        places = self._random.choice(len(self._frames), count, p=self._weights)
        return [self._opinion(*self._frames[at]) for at in places]

    def neutral(self, count: int) -> list[Composed]:
        """Give sentences without an opinion."""
        return [
            Composed(
                self._sentence(self._filled(self._one(self._neutral["alone"]), 0)), 0.5, "neutral"
            )
            for _ in range(count)
        ]

    def beside(self, count: int) -> list[Composed]:
        """Give reviews of people with neutral sentences before or after them."""
        found = []
        for _ in range(count):
            label = int(self._random.random() < 0.5)
            text = self._beside(self._one(self._clauses[label]) + ".")
            found.append(Composed(text, _probability(label), "beside"))
        return found

    def _opinion(self, frame: str, kind: str, phenomenon: str) -> Composed:
        label = int(self._random.random() < 0.5) if kind == "turned" else int(kind == "positive")
        text = self._filled(frame, label)
        if not self.is_dev:
            text = self._varied(text, label)
        return Composed(text, _probability(label), phenomenon)

    def _weight(self, frame: str, kind: str) -> float:
        parts = (self._words.get(name, ()) for name in _SLOT.findall(frame))
        is_wide = any("{" in part for words in parts for part in words)
        return (2.0 if kind == "turned" else 1.0) * (_WIDE if is_wide else 1.0)

    def _filled(self, frame: str, label: int) -> str:
        def word(slot: re.Match[str]) -> str:
            name = slot[1]
            if name == "invented":
                return self._invented()
            if name[0] in "AB":
                of = label if name[0] == "B" else 1 - label
                if name[1:] == "c":
                    return self._lower(self._one(self._clauses[of]))
                name = _OPINIONS[of] + name[1:]
            return self._one(self._words[name.rstrip("2")])

        text = frame
        while _SLOT.search(text):
            text = _SLOT.sub(word, text)
        text = re.sub(r"\s+", " ", text).replace(" ,", ",").replace(",,", ",").strip()
        return re.sub(r",(?=[.?!:]|$)", "", text)

    def _invented(self) -> str:
        """Return a name that nobody has, so that a model does not know it."""
        count = int(self._random.integers(3, 5))
        return "".join(self._one(_SYLLABLES) for _ in range(count)).capitalize()

    def _varied(self, text: str, label: int) -> str:
        """Write a text as people do, with something of the same opinion or of none beside it."""
        draw = self._random.random()
        if draw < 0.55:
            text = self._sentence(text)
        elif draw < 0.6:
            text = text + "!"
        more = self._random.random()
        if more < 0.12:
            text = f"{text} {self._one(self._clauses[label])}."
        elif more < 0.18:
            text = f"{self._one(self._clauses[label])}. {text}"
        elif more < 0.3:
            text = self._beside(text)
        return text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}") if draw > 0.97 else text

    def _beside(self, text: str) -> str:
        other = self._filled(self._one(self._neutral["before"]), 0)
        return f"{other} {text}" if self._random.random() < 0.6 else f"{text} {other}"

    def _one(self, words: Sequence[str]) -> str:
        return words[int(self._random.integers(len(words)))]

    def _lower(self, text: str) -> str:
        return text if text[:2] in ("I ", "I'") else text[:1].lower() + text[1:]

    def _sentence(self, text: str) -> str:
        text = text[:1].upper() + text[1:]
        return text if text[-1] in ".!?" else f"{text}."


def compose(texts: Iterable[str], labels: Iterable[int]) -> list[Composed]:
    """Compose texts, with the short ones among some labelled reviews (1 positive, 0 negative)."""
    composer = Composer(clauses_of(texts, labels), SEED)
    made = composer.opinions(OPINIONS), composer.neutral(NEUTRAL), composer.beside(BESIDE)
    return [one for some in made for one in some]


def written(folds: str) -> list[Composed]:
    """Read those of `written.csv` that are of some folds."""
    rows = enumerate(pa.csv.read_csv(WRITTEN).to_pylist())
    return [
        Composed(row["text"], _probability(row["label"]), row["phenomenon"])
        for at, row in rows
        if fold_of(f"written:{at // _TOGETHER}") in folds
    ]


def clauses_of(texts: Iterable[str], labels: Iterable[int]) -> tuple[list[str], list[str]]:
    """Choose the short ones of labelled reviews without mark-up: the negative, the positive ones."""
    found: tuple[list[str], list[str]] = [], []
    for text, label in zip(texts, labels, strict=True):
        if _CLAUSE[0] <= len(text.split()) <= _CLAUSE[1] and not set(text) & set("<&\n"):
            found[label].append(text)
    return found


def _probability(label: float) -> float:
    """Give the probability of a label: 1, 0, or 0.5 for neither."""
    return round(1 - SURE + label * (2 * SURE - 1), 2)

"""The texts that MPNet learns from, and the texts that it answers."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from examples.teacher.imdb import spans as imdb_spans
from examples.teacher.reviews import spans
from examples.teacher.reviews.reviews import Reviews, load, weights
from exported.composed import SEED, Composer, clauses_of, written
from exported.data import FILMS, HALVES, HELD_OUT
from toolkit import Scorer
from toolkit.model.stars import logits_of
from toolkit.training import fingerprint

MOST_WORDS = 40  # of a short text to learn from
SURE, SURE_OF_SENTENCE = 0.97, 0.88  # the probability of what a label says
STEPS_OF_WORDS = (12, 24, 40, 60)  # up to the first come first; no longer text is short
STEP_OF_LOGIT = 0.5
BOTH = "AB"  # the fold of a text that stands in both: no model learns from it


class Example(NamedTuple):
    """A text to learn from, and its probability of positive."""

    text: str
    probability: float


@dataclass(frozen=True)
class Mix:
    """How many texts of each kind a round of learning takes.

    Attributes
    ----------
    short, long : int
        Labelled reviews of at most `MOST_WORDS` words, and of more.
    sentences : int
        Sentences of film reviews.
    opinions, neutral, beside, written : int
        Composed texts, and written ones.
    """

    short: int
    long: int
    sentences: int
    opinions: int
    neutral: int
    beside: int
    written: int


class Question(NamedTuple):
    """A text to answer, its fingerprint, and its fold: `A`, `B`, `HELD_OUT` or `BOTH`."""

    name: str
    text: str
    fold: str


def examples_of(fold: str, reviews: Reviews, mix: Mix, turn: int = 0) -> list[Example]:
    """Draw what the model of a fold learns from in a round; always the same texts."""
    random = np.random.default_rng([SEED, HALVES.index(fold), *([turn] if turn else [])])
    texts, folds = reviews.texts.to_pylist(), folds_of(reviews)
    words = np.array([text.count(" ") + 1 for text in texts])
    is_own = np.array([folds[text] == fold for text in texts])
    rows = np.flatnonzero(is_own & (reviews.labels >= 0))
    short, long = rows[words[rows] <= MOST_WORDS], rows[words[rows] > MOST_WORDS]
    found: list[Example] = []
    for kind, count in ((short, mix.short), (long, mix.long)):
        share = weights(reviews.domains[kind], reviews.labels[kind])
        drawn = random.choice(kind, count, replace=False, p=share)
        found += [_labelled(texts[row], reviews.labels[row], SURE) for row in drawn]
    films = random.permutation(rows[reviews.domains[rows] == FILMS])[: mix.sentences]
    of_films = ((sentence_of(texts[row]), reviews.labels[row]) for row in films)
    found += [_labelled(text, label, SURE_OF_SENTENCE) for text, label in of_films if text]
    clauses = clauses_of([texts[row] for row in short], reviews.labels[short].astype(int))
    composer = Composer(clauses, SEED + turn, part="train")
    made = composer.opinions(mix.opinions)
    made += composer.neutral(mix.neutral)
    made += composer.beside(mix.beside)
    own = written(fold)
    made += [own[at] for at in random.permutation(len(own))[: mix.written]]
    return found + [Example(one.text, one.probability) for one in made]


def folds_of(reviews: Reviews) -> dict[str, str]:
    """Name the fold of each text: of one that stands in more than one, `BOTH`."""
    found: dict[str, str] = {}
    for text, fold in zip(reviews.texts.to_pylist(), reviews.folds, strict=True):
        if found.setdefault(text, str(fold)) != fold:
            found[text] = BOTH
    return found


def sentence_of(text: str) -> str | None:
    """Choose a sentence of a review by its checksum; None if none has a fitting length."""
    fitting = [
        one
        for one in spans.sentences(text)
        if spans.FEWEST_WORDS <= one.count(" ") + 1 <= MOST_WORDS
    ]
    return fitting[zlib.crc32(text.encode()) % len(fitting)] if fitting else None


def questions(data: Path, work: Path) -> list[Question]:
    """Gather all short texts: reviews, sentences of all domains, and sentences of films.

    The shortest come first, and within a step of length those with the smallest fingerprint, which
    is a random order that is always the same. `work` has what `reviews.spans` and `imdb.spans`
    wrote.
    """
    reviews = load(data)
    folds = folds_of(reviews)
    table = pq.read_table(work / spans.SPANS, columns=["text", "fold"])
    for text, fold in zip(table["text"].to_pylist(), table["fold"].to_pylist(), strict=True):
        folds.setdefault(text, fold)
    for text in imdb_spans.load(work):
        folds.setdefault(text, HALVES[zlib.crc32(text.encode()) % 2])
    return sorted(_short(folds.items()), key=_turn)


def long_questions(data: Path) -> list[Question]:
    """Gather all reviews that are too long for `questions`.

    The first are those that the shipped model is least sure of: by the absolute value of its logit,
    in steps of `STEP_OF_LOGIT`, and within a step by fingerprint.
    """
    long = [
        Question(fingerprint(text), text, fold)
        for text, fold in folds_of(load(data)).items()
        if len(text.split()) > STEPS_OF_WORDS[-1]
    ]
    scores = Scorer().score([question.text for question in long])
    logits = logits_of(
        np.array([0.5 if one.probability is None else one.probability for one in scores])
    )
    steps = (np.abs(logits) / STEP_OF_LOGIT).astype(int).tolist()
    order = sorted(range(len(long)), key=lambda row: (steps[row], long[row].name))
    return [long[row] for row in order]


def answered_by(question: Question) -> str:
    """Name the models that have not seen the label of a text: both of a text that is held out."""
    others = {HELD_OUT: HALVES, BOTH: HALVES[0]}
    return others.get(question.fold) or HALVES.replace(question.fold, "")


def _short(folds: Iterable[tuple[str, str]]) -> Iterator[Question]:
    for text, fold in folds:
        if 0 < len(text.split()) <= STEPS_OF_WORDS[-1]:
            yield Question(fingerprint(text), text, fold)


def _turn(question: Question) -> tuple[int, str]:
    words = len(question.text.split())
    return sum(words > step for step in STEPS_OF_WORDS), question.name


def _labelled(text: str, label: float, sure: float) -> Example:
    return Example(text, sure if label > 0.5 else 1 - sure)

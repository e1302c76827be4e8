"""Make up short texts of everyday words, most of them negated, with what grammar says of them.

python -m examples.teacher.phrases

Reviews have few of the many ways to negate each word, and a transformer that has seen little of
them is often wrong, too ("could not be happier"). The words are those of the opinion lexicon of Hu
and Liu (Mining and Summarizing Customer Reviews, KDD 2004; CC BY 4.0) that are common in the
reviews to learn from. What kind of word one is shows in the words before it: after "very" it is an
adjective, after "no" a noun, after "I" or "to" a verb.

A pattern turns the opinion of its words or keeps it, and so has a rule for the probability. Texts
whose words disagree are left out.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from examples.teacher import steps
from toolkit.errors import InputError

PHRASES = "phrases.parquet"
COUNT = 60_000
SEED = 1
SURE = 0.92  # the probability of what a rule says
_FEWEST = 12  # times that a word follows one of those that show its kind
_SHARE = 0.06  # of the occurrences of a word, for it to be of a kind
_KINDS = {
    "adjective": ("very", "so", "really", "too", "extremely"),
    "noun": ("no", "any", "of", "with"),
    "verb": ("i", "to", "you"),
}


class Pattern(NamedTuple):
    """A text with words in braces to draw, and the sign of the opinion: 1 keeps it, -1 turns it."""

    text: str
    sign: int = 1


class Word(NamedTuple):
    """A word of the lexicon: 1 for a good one, -1 for a bad one; how often to draw it."""

    text: str
    opinion: int
    weight: float


class Phrase(NamedTuple):
    """A made-up text, and the probability of positive by its rule."""

    text: str
    probability: float


_THINGS = (
    *("room", "bed", "bathroom", "hotel", "breakfast", "pool", "staff", "service", "food", "pizza"),
    *("soup", "waiter", "menu", "price", "phone", "battery", "screen", "camera", "charger", "case"),
    *("app", "update", "login", "design", "game", "book", "story", "ending", "plot", "acting"),
    *("film", "music", "dress", "fabric", "fit", "shoes", "jacket", "blender", "kettle", "oven"),
    *("toaster", "vacuum", "flight", "seat", "crew", "boarding", "doctor", "nurse", "clinic"),
    *("treatment", "laptop", "keyboard", "speaker", "sound", "delivery", "packaging", "product"),
    *("quality", "support", "location", "view", "course", "teacher", "car", "engine", "toy"),
    *("tent", "cream", "smell", "taste", "colour", "size", "purchase", "place", "company"),
)
_ADVERBS = ("very", "really", "that", "so", "too", "particularly", "exactly", "all that", "even")
_NOT = (
    *("not", "never", "hardly", "wasn't", "isn't", "was not", "is not", "were not", "weren't"),
    *("is never", "was never", "doesn't seem", "didn't seem", "was by no means", "has not been"),
)
_DO_NOT = (
    *("don't", "do not", "didn't", "did not", "can't", "cannot", "could not", "couldn't", "won't"),
    *("would not", "wouldn't", "will never", "would never", "never", "dont", "didnt", "wont"),
)
_BETTER = (
    *("better", "happier", "nicer", "easier", "cleaner", "friendlier", "faster", "smoother"),
    *("simpler", "more helpful", "more comfortable", "more pleased", "more satisfied", "kinder"),
    *("more welcoming", "more professional", "tastier", "fresher", "more impressed", "quicker"),
)
_WORSE = (
    *("worse", "ruder", "slower", "dirtier", "more disappointed", "more boring", "less helpful"),
    *("more annoying", "noisier", "more confusing", "cheaper looking", "more frustrating"),
)
_TROUBLE = (
    *("problems", "issues", "complaints", "trouble", "regrets", "crashes", "ads", "delays", "bugs"),
    *("noise", "surprises", "errors", "lag", "stains", "hidden fees", "queues", "leaks", "faults"),
)

_OF_WORDS = (
    Pattern("{not} {adjective}", -1),
    Pattern("{Not} {adjective}", -1),
    Pattern("not {adjective} at all", -1),
    Pattern("The {thing} {not} {adjective}.", -1),
    Pattern("The {thing} {not} {adverb} {adjective}.", -1),
    Pattern("this {thing} is {adjective}"),
    Pattern("The {thing} was {adverb} {adjective}."),
    Pattern("{adjective} {thing}, {adjective} {thing}"),
    Pattern("{adjective} {thing} but {adjective} {thing}"),
    Pattern("The {thing} was {adjective}, but the {thing} was {adjective}."),
    Pattern("not as {adjective} as I expected", -1),
    Pattern("could not be more {adjective}"),
    Pattern("couldn't have been more {adjective}"),
    Pattern("The {thing} could not be more {adjective}!"),
    Pattern("it could be more {adjective}", -1),
    Pattern("no {noun}", -1),
    Pattern("No {noun}, no {noun}.", -1),
    Pattern("no {noun} at all", -1),
    Pattern("without any {noun}", -1),
    Pattern("There was no {noun}.", -1),
    Pattern("not a single {noun} with the {thing}", -1),
    Pattern("I had no {noun} with this {thing}.", -1),
    Pattern("never had any {noun} with it", -1),
    Pattern("a {thing} with {noun}"),
    Pattern("Nothing {adjective} about this {thing}.", -1),
    Pattern("nothing but {noun}"),
    Pattern("I {do not} {verb} it", -1),
    Pattern("I {do not} {verb} this {thing}.", -1),
    Pattern("I {do not} {verb} the {thing} at all", -1),
    Pattern("you {do not} {verb} with this {thing}", -1),
    Pattern("I {verb} this {thing}"),
    Pattern("not only {adjective} but also {adjective}"),
    Pattern("The {thing} is neither {adjective} nor {adjective}.", -1),
    Pattern("lacks {noun}", -1),
    Pattern("the {thing} is far from {adjective}", -1),
    Pattern("anything but {adjective}", -1),
    Pattern("I wouldn't call the {thing} {adjective}.", -1),
    Pattern("I can't say the {thing} {not} {adjective}"),
)
# With one opinion, whatever is drawn.
_OF_IDIOMS = (
    *(Pattern(text) for text in (
        "could not be {better}", "couldn't be {better} with the {thing}", "I couldn't be {better}",
        "The {thing} couldn't be {better}.", "I could not have been {better} with this {thing}",
        "couldn't ask for a {better} {thing}", "never had a {better} {thing}",
        "it doesn't get {better} than this", "I have never been {better} with a {thing}",
        "could not be {better} about the {thing}!", "there is no {better} {thing}",
        "no {trouble}", "no {trouble}, no {trouble}", "no {trouble} so far", "without {trouble}",
        "never any {trouble}", "zero {trouble}", "haven't had any {trouble}",
        "not one of the {trouble}", "no {trouble} with the {thing}",
        "The {thing} works without {trouble}.",
        "nothing to complain about", "can't complain about the {thing}", "can't complain",
        "I can't fault the {thing}", "you can't go wrong with this {thing}", "cannot fault it",
        "can't recommend the {thing} enough", "I cannot praise the {thing} enough",
        "can't say enough good things about the {thing}", "can't wait to use the {thing} again",
        "can't get enough of this {thing}", "I wouldn't change a thing about the {thing}",
        "wouldn't hesitate to buy this {thing} again", "don't hesitate to get this {thing}",
        "The {thing} did not disappoint.", "never lets me down",
        "the {thing} has never let me down",
        "won't regret buying this {thing}", "I don't regret the {thing}", "never a dull moment",
        "can't live without this {thing}", "don't miss this {thing}", "would not go anywhere else",
        "wouldn't use any other {thing}", "never looked back since I got the {thing}",
        "what's not to like about the {thing}", "no reason not to buy this {thing}",
        "the {thing} isn't bad at all", "not bad at all", "not too bad", "not bad for the price",
    )),
    *(Pattern(text, -1) for text in (
        "could be {better}", "The {thing} could be {better}.", "should have been {better}",
        "could have been {better}", "the {thing} could not be {worse}", "couldn't be {worse}",
        "I have never had a {worse} {thing}", "could not have been {worse}",
        "it doesn't get {worse} than this", "no {better} than the old {thing}",
        "not any {better} than before", "nothing but {trouble}", "The {thing} has {trouble}.",
        "too many {trouble}", "never again", "I will never use this {thing} again",
        "would not go back", "won't be back", "I wouldn't buy this {thing} again",
        "wouldn't recommend the {thing}", "can't recommend the {thing}", "do not recommend",
        "don't waste your money on this {thing}", "don't waste your time", "do not buy the {thing}",
        "don't bother with the {thing}", "not worth it", "wasn't worth the price",
        "The {thing} is not worth the money.", "can't believe I paid for this {thing}",
        "the {thing} does not work", "doesn't work", "The {thing} stopped working.", "not for me",
        "I don't like the {thing}", "I did not enjoy the {thing}", "don't trust this {thing}",
        "nothing special about the {thing}", "not what I expected", "not as described",
        "the {thing} didn't last a week", "couldn't wait for the {thing} to end",
        "couldn't get the {thing} to work", "never got the {thing}", "no refund for the {thing}",
        "no one answered about the {thing}", "nobody helped us with the {thing}", "no thanks",
        "wouldn't wish this {thing} on anyone", "nothing works in this {thing}", "no response",
        "can't stand the {thing}", "I expected more from the {thing}", "lacks everything I need",
    )),
)  # fmt: skip


def lexicon(data: Path) -> dict[str, int]:
    """Read the opinion words: 1 for a good one, -1 for a bad one."""
    found: dict[str, int] = {}
    for kind, opinion in (("positive", 1), ("negative", -1)):
        path = data / "reviews" / "lexicons" / f"opinion_lexicon_{kind}-words.txt"
        lines = _existing(path).read_text(encoding="latin-1").splitlines()
        words = (line.strip() for line in lines)
        found |= {word: opinion for word in words if re.fullmatch(r"[a-z'-]+", word)}
    return found


def words_by_kind(texts: Iterable[str], opinions: dict[str, int]) -> dict[str, list[Word]]:
    """Sort the opinion words that are common enough by what stands before them."""
    kind_of = {before: kind for kind, words in _KINDS.items() for before in words}
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    total: Counter[str] = Counter()
    for text in texts:
        for before, word in pairwise(re.findall(r"[a-z'-]+", text.lower())):
            if word in opinions:
                total[word] += 1
                if before in kind_of:
                    counts[kind_of[before]][word] += 1
    found: dict[str, list[Word]] = {kind: [] for kind in _KINDS}
    for text, count in sorted(total.items()):
        kind = max(_KINDS, key=lambda one: counts[one][text])
        if counts[kind][text] >= max(_FEWEST, _SHARE * count):
            found[kind].append(Word(text, opinions[text], count**0.5))
    return found


def make(texts: Iterable[str], data: Path, count: int = COUNT, seed: int = SEED) -> list[Phrase]:
    """Make different phrases, in the order of the draws; a fifth of them are idioms."""
    found: dict[str, Phrase] = {}
    for phrase in _drawn(words_by_kind(texts, lexicon(data)), seed):
        found.setdefault(phrase.text, phrase)
        if len(found) == count:
            break
    return list(found.values())


def _drawn(kinds: dict[str, list[Word]], seed: int) -> Iterator[Phrase]:
    neutral = {
        "thing": _THINGS,
        "adverb": _ADVERBS,
        "not": _NOT,
        "do not": _DO_NOT,
        "better": _BETTER,
        "worse": _WORSE,
        "trouble": _TROUBLE,
        "Not": tuple(word.capitalize() for word in _NOT),
    }
    lists = kinds | {name: [Word(text, 0, 1.0) for text in few] for name, few in neutral.items()}
    shares = {
        name: np.array([word.weight for word in words]) / sum(word.weight for word in words)
        for name, words in lists.items()
    }
    random = np.random.default_rng(seed)
    while True:
        is_idiom = random.random() < 0.2
        patterns = _OF_IDIOMS if is_idiom else _OF_WORDS
        text, sign = patterns[random.integers(len(patterns))]
        opinions = {sign} if is_idiom else set()
        parts = re.split(r"\{([\w ]+)\}", text)
        for at in range(1, len(parts), 2):
            words = lists[parts[at]]
            word = words[random.choice(len(words), p=shares[parts[at]])]
            parts[at] = word.text
            opinions |= {sign * word.opinion} - {0}
        if len(opinions) == 1:
            yield Phrase("".join(parts), SURE if 1 in opinions else round(1 - SURE, 2))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Name the folder that holds reviews/ with --data.")
    return path


def main() -> None:
    chosen = steps.options(__doc__).parse_args()
    source = _existing(chosen.data / "reviews" / "reviews.parquet")
    reviews = pq.read_table(source, columns=["text"])
    phrases = make(reviews["text"].to_pylist(), chosen.data)
    chosen.work.mkdir(parents=True, exist_ok=True)
    path = chosen.work / PHRASES
    texts, probabilities = zip(*phrases, strict=True)
    pq.write_table(pa.table({"text": texts, "probability": probabilities}), path)
    print(f"{len(phrases):,} phrases, written to {path}")


if __name__ == "__main__":
    steps.run(main)

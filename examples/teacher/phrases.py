"""Make up short texts of everyday words, most of them negated, for a teacher to label.

python examples/teacher/phrases.py

Reviews have few of the many ways to negate each word. The words are those of the opinion lexicon of
Hu and Liu (Mining and Summarizing Customer Reviews, KDD 2004; CC BY 4.0) that are common in the
reviews to learn from. What kind of word one is shows in the words before it: after "very" it is an
adjective, after "no" a noun, after "I" or "to" a verb. A text has no label: the teacher gives one.
"""

import argparse
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COUNT = 60_000
SEED = 1
_FEWEST = 12  # times that a word follows one of those that show its kind
_KINDS = {
    "adjective": ("very", "so", "really", "too", "extremely"),
    "noun": ("no", "any", "of", "with"),
    "verb": ("i", "to", "you"),
}
_SHARE = 0.06  # of the occurrences of a word, for it to be of a kind

_THINGS = [
    "room",
    "bed",
    "bathroom",
    "hotel",
    "breakfast",
    "pool",
    "staff",
    "service",
    "food",
    "pizza",
    "soup",
    "waiter",
    "menu",
    "price",
    "phone",
    "battery",
    "screen",
    "camera",
    "charger",
    "case",
    "app",
    "update",
    "login",
    "design",
    "game",
    "book",
    "story",
    "ending",
    "plot",
    "acting",
    "film",
    "music",
    "dress",
    "fabric",
    "fit",
    "shoes",
    "jacket",
    "blender",
    "kettle",
    "oven",
    "toaster",
    "vacuum",
    "flight",
    "seat",
    "crew",
    "boarding",
    "doctor",
    "nurse",
    "clinic",
    "treatment",
    "laptop",
    "keyboard",
    "speaker",
    "sound",
    "delivery",
    "packaging",
    "product",
    "quality",
    "support",
    "location",
    "view",
    "course",
    "teacher",
    "car",
    "engine",
    "tent",
    "toy",
    "cream",
    "smell",
    "taste",
    "colour",
    "size",
]
_ADVERBS = ("very", "really", "that", "so", "too", "particularly", "exactly", "all that", "even")
_NOT = (
    "not", "never", "hardly", "wasn't", "isn't", "was not", "is not", "were not", "weren't",
    "is never", "was never", "doesn't seem", "didn't seem", "isn't at all", "was by no means",
)  # fmt: skip
_DO_NOT = (
    "don't", "do not", "didn't", "did not", "can't", "cannot", "could not", "couldn't", "won't",
    "would not", "wouldn't", "will never", "would never", "never",
)  # fmt: skip

# A word in braces is drawn from the list of that name.
_PATTERNS = (
    "{not} {adjective}",
    "{Not} {adjective}",
    "not {adjective} at all",
    "The {thing} {not} {adjective}.",
    "The {thing} {not} {adverb} {adjective}.",
    "It {not} {adverb} {adjective}, but the {thing} is {adjective}.",
    "this {thing} is {adjective}",
    "The {thing} was {adverb} {adjective}.",
    "{adjective} {thing}, {adjective} {thing}",
    "{adjective} {thing} but {adjective} {thing}",
    "The {thing} was {adjective}, but the {thing} was {adjective}.",
    "Although the {thing} was {adjective}, the {thing} was {adjective}.",
    "not as {adjective} as I expected",
    "could not be more {adjective}",
    "couldn't have been more {adjective}",
    "The {thing} could not be more {adjective}!",
    "it could be more {adjective}",
    "no {noun}",
    "No {noun}, no {noun}.",
    "no {noun} at all",
    "without any {noun}",
    "There was no {noun}.",
    "not a single {noun} with the {thing}",
    "I had no {noun} with this {thing}.",
    "never had any {noun} with it",
    "a {thing} with {noun}",
    "Nothing {adjective} about this {thing}.",
    "nothing but {noun}",
    "I {do not} {verb} it",
    "I {do not} {verb} this {thing}.",
    "I {do not} {verb} the {thing} at all",
    "you {do not} {verb} with this {thing}",
    "I {verb} this {thing}",
    "{do not} {verb}",
    "I thought the {thing} would be {adjective}, but it {not}.",
    "I expected a {adjective} {thing} and got a {adjective} one.",
    "not only {adjective} but also {adjective}",
    "The {thing} is neither {adjective} nor {adjective}.",
    "lacks {noun}",
    "the {thing} is far from {adjective}",
    "anything but {adjective}",
    "not {adjective}, not {adjective}, just {adjective}",
    "I wouldn't call the {thing} {adjective}.",
    "I can't say the {thing} {not} {adjective}",
)


def lexicon(data: Path) -> set[str]:
    """Read the opinion words, positive and negative together."""
    found = set()
    for kind in ("positive", "negative"):
        path = data / "reviews" / "lexicons" / f"opinion_lexicon_{kind}-words.txt"
        lines = path.read_text(encoding="latin-1").splitlines()
        found |= {line.strip() for line in lines if re.fullmatch(r"[a-z'-]+", line.strip())}
    return found


def words_by_kind(texts: Iterable[str], opinions: set[str]) -> dict[str, dict[str, float]]:
    """Sort the opinion words that are common enough by what stands before them.

    Gives the words of each kind with how often to draw them: common ones more often.
    """
    kind_of = {before: kind for kind, words in _KINDS.items() for before in words}
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in _KINDS}
    total: Counter[str] = Counter()
    for text in texts:
        words = re.findall(r"[a-z'-]+", text.lower())
        for before, word in itertools.pairwise(words):
            if word in opinions:
                total[word] += 1
                if before in kind_of:
                    counts[kind_of[before]][word] += 1
    found: dict[str, dict[str, float]] = {kind: {} for kind in _KINDS}
    for word, count in sorted(total.items()):
        kind = max(_KINDS, key=lambda one: counts[one][word])
        if counts[kind][word] >= max(_FEWEST, _SHARE * count):
            found[kind][word] = count**0.5
    return found


def make(texts: Iterable[str], data: Path, count: int = COUNT, seed: int = SEED) -> list[str]:
    """Make different phrases, in the order of the draws."""
    kinds = words_by_kind(texts, lexicon(data))
    lists: dict[str, tuple[list[str], list[float] | None]] = {
        "thing": (list(_THINGS), None),
        "adverb": (list(_ADVERBS), None),
        "not": (list(_NOT), None),
        "Not": ([word.capitalize() for word in _NOT], None),
        "do not": (list(_DO_NOT), None),
    }
    for kind, weights in kinds.items():
        total = sum(weights.values())
        lists[kind] = (list(weights), [weight / total for weight in weights.values()])
    random = np.random.default_rng(seed)

    def drawn(name: re.Match[str]) -> str:
        words, shares = lists[name[1]]
        return words[random.choice(len(words), p=shares)]

    found: dict[str, None] = {}
    for pattern in random.choice(_PATTERNS, 2 * count):
        found[re.sub(r"\{([\w ]+)\}", drawn, str(pattern))] = None
        if len(found) == count:
            break
    return list(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folder = os.environ.get("TOOLKIT_DATA", "../shared")
    parser.add_argument("--data", type=Path, default=Path(folder), help="the reviews")
    parser.add_argument("--work", type=Path, default=Path("build/teacher"), help="where to write")
    chosen = parser.parse_args()
    reviews = pq.read_table(chosen.data / "reviews" / "reviews.parquet", columns=["text"])
    phrases = make(reviews["text"].to_pylist(), chosen.data)
    chosen.work.mkdir(parents=True, exist_ok=True)
    path = chosen.work / "phrases.parquet"
    pq.write_table(pa.table({"text": phrases}), path)
    print(f"{len(phrases):,} phrases, written to {path}")


if __name__ == "__main__":
    main()

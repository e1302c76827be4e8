"""Short texts to teach on, too: sentences of long reviews of all domains, and runs of two or three.

python -m examples.teacher.reviews.spans

What is said of a review is not said of its sentences, so a teacher scores them. Sentences with a
negation or a contrast are three times as likely to be taken as others: they are what a small
network has most to learn about.
"""

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from math import log
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from examples.teacher import steps
from exported.data import FILMS, HALVES, HELD_OUT, join

SPANS = "reviews-spans.parquet"
FEWEST_WORDS_OF_REVIEW = 30
FEWEST_WORDS, MOST_WORDS = 4, 45
MOST_SENTENCES = 3
MOST_OF_DOMAIN, OF_FILMS = 5_400, 30_000
MOST_OF_REVIEW = 4
MOST_REVIEWS_A_SPAN = 2  # of a domain, the rest is not looked at
CONTRAST_WEIGHT = 3.0

# An end mark before a blank, or between a small letter and a capital where a blank is missing.
END = re.compile(r"(?<=[.!?…])[\"')\]]*\s+|(?<=[a-z0-9)][.!?])(?=[A-Z])|\s*\n\s*")
ABBREVIATION = re.compile(r"(?:\b(?:mr|mrs|ms|dr|st|vs|etc|e\.g|i\.e|no|approx)|\b[A-Z])\.$", re.I)
CONTRAST = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|without|hardly|barely|neither|nor|cannot|but|however|"
    r"although|though|despite|except|yet|only|too|instead|unfortunately|"
    r"\w*n ?['\u2019]t|(?:ai|are|ca|could|did|do|does|had|has|have|is|was|were|wo|would)nt)\b",
    re.I,
)


class Span(NamedTuple):
    """A short text, where it comes from, and how soon it is taken: the smallest first."""

    order: float
    text: str
    review: int
    is_single: bool


def sentences(text: str) -> list[str]:
    """Cut a text into sentences; an abbreviation or an initial ends none."""
    found: list[str] = []
    for part in map(str.strip, END.split(text.replace("<br />", "\n"))):
        if found and ABBREVIATION.search(found[-1]):
            found[-1] += f" {part}"
        elif part:
            found.append(part)
    return found


def candidates(text: str, review: int) -> Iterator[Span]:
    """All sentences and runs of sentences of fitting length.

    The checksum of a text takes the place of a random number, so that the order of the reviews does
    not matter.
    """
    parts = sentences(text)
    for count in range(1, MOST_SENTENCES + 1):
        for start in range(len(parts) - count + 1):
            span = " ".join(parts[start : start + count])
            if FEWEST_WORDS <= span.count(" ") + 1 <= MOST_WORDS:
                weight = CONTRAST_WEIGHT if CONTRAST.search(span) else 1.0
                uniform = (zlib.crc32(span.encode()) + 1) / (2**32 + 1)
                yield Span(-log(uniform) / weight, span, review, count == 1)


def choose(texts: Mapping[int, str], most: int) -> list[Span]:
    """Take so many spans of the reviews of a domain, half of them single sentences."""
    fewest_first = sorted(texts, key=lambda review: zlib.crc32(texts[review].encode()))
    kept: list[Span] = []
    for review in fewest_first[: MOST_REVIEWS_A_SPAN * most]:
        kept += sorted(candidates(texts[review], review))[: 2 * MOST_OF_REVIEW]
    kept.sort()
    found: list[Span] = []
    of_review: Counter[int] = Counter()
    seen: set[str] = set()
    for is_single, until in ((True, most // 2), (False, most)):
        for span in kept:
            if len(found) == until:
                break
            key, is_left = span.text.lower(), of_review[span.review] < MOST_OF_REVIEW
            if span.is_single == is_single and is_left and key not in seen:
                found.append(span)
                seen.add(key)
                of_review[span.review] += 1
    return found


def cut(reviews: pa.Table) -> pa.Table:
    """Spans of a table with `domain`, `fold` and `text`: the same columns, each text once."""
    domains, texts = reviews["domain"].to_pylist(), reviews["text"].to_pylist()
    of_domain: dict[str, dict[int, str]] = defaultdict(dict)
    for review, (domain, text) in enumerate(zip(domains, texts, strict=True)):
        if text.count(" ") + 1 >= FEWEST_WORDS_OF_REVIEW:
            of_domain[domain][review] = text
    found: dict[str, int] = {}
    for domain in sorted(of_domain):
        most = OF_FILMS if domain == FILMS else MOST_OF_DOMAIN
        for span in choose(of_domain[domain], most):
            found.setdefault(span.text, span.review)
    others = reviews.select(["domain", "fold"]).take(pa.array(found.values(), pa.int64()))
    return others.append_column("text", pa.array(found, pa.large_string()))


def load_reviews(data: Path, *, only_open: bool = False) -> pa.Table:
    """All reviews that are not held out, and the unlabelled ones of films, in either fold."""
    table = join(data, only_open=only_open).select(["domain", "fold", "text"])
    table = table.filter(pc.not_equal(table["fold"], HELD_OUT))
    if only_open:
        return table
    texts = pq.read_table(data / "imdb" / "unlabelled.parquet", columns=["text"])["text"]
    folds = [HALVES[zlib.crc32(text.encode()) % 2] for text in texts.to_pylist()]
    columns = {"domain": [FILMS] * len(texts), "fold": folds, "text": texts}
    more = pa.table(columns).cast(table.schema)
    return pa.concat_tables([table, more])


def main() -> None:
    chosen = steps.options(__doc__).parse_args()
    found = cut(load_reviews(chosen.data, only_open=chosen.open))
    chosen.work.mkdir(parents=True, exist_ok=True)
    path = chosen.work / SPANS
    pq.write_table(found, path, compression="zstd")
    print(f"{len(found):,} spans, written to {path}")


if __name__ == "__main__":
    steps.run(main)

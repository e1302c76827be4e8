"""Reviews without those of some domains, and those: ``unseen_data FACTS FOLDER [REVIEWS]``.

FACTS is JSON: which `set` of how many `sets` is left out, and the folder of the `taught` texts or
null. REVIEWS is a table of all reviews, by default as `exported.data` joins it. Writes
``train.parquet`` and ``validation.parquet`` of the other domains, ``unseen.parquet`` of those left
out and, if there are taught texts, ``unlabelled.parquet``. Prints what the set is, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from examples.benchmarks.sources import data_folder
from exported.data import FILMS, HELD_OUT, join
from exported.kinds import with_kinds

COLUMNS = ["text", "label", "domain", "group", "fold"]
MOST_OF_DOMAIN = 4_000
SEED = 1
# Where `exported.make` leaves the only short texts whose domains are known.
SPANS = Path("texts") / "reviews-spans.parquet"


def deal(sizes: Mapping[str, int], sets: int) -> list[list[str]]:
    """Deal the domains, the largest first, there and back: each set has large and small ones."""
    dealt: list[list[str]] = [[] for _ in range(sets)]
    for place, domain in enumerate(sorted(sizes, key=lambda name: (-sizes[name], name))):
        turn, seat = divmod(place, sets)
        dealt[sets - 1 - seat if turn % 2 else seat].append(domain)
    return dealt


def draw(reviews: pa.Table, most: int = MOST_OF_DOMAIN) -> pa.Table:
    """Take at most so many reviews of each domain, at random and always the same."""
    mixed = reviews.take(np.random.default_rng(SEED).permutation(len(reviews)))
    domains = sorted({*mixed["domain"].to_pylist()})
    parts = [mixed.filter(pc.equal(mixed["domain"], domain)).slice(0, most) for domain in domains]
    return pa.concat_tables(parts)


def left_out(reviews: pa.Table, number: int, sets: int) -> list[str]:
    """Name the domains of a set, the largest first; films are in no set."""
    sizes = Counter(reviews.filter(pc.is_valid(reviews["label"]))["domain"].to_pylist())
    del sizes[FILMS]
    return deal(sizes, sets)[number - 1]


def main(number: int, sets: int, taught: Path | None, folder: Path, source: Path | None) -> None:
    """Write the files."""
    table = join(data_folder()) if source is None else pq.read_table(source, columns=COLUMNS)
    reviews = table.select(COLUMNS)
    domains = left_out(reviews, number, sets)
    is_unseen = pc.is_in(reviews["domain"], pa.array(domains, reviews["domain"].type))
    seen, unseen = (_labelled(reviews.filter(each)) for each in (pc.invert(is_unseen), is_unseen))
    seen = with_kinds(seen)
    held_out = pc.equal(seen["fold"], HELD_OUT)
    files = {
        "train": seen.filter(pc.invert(held_out)),
        "validation": seen.filter(held_out),
        "unseen": draw(unseen),
    }
    if taught is not None:
        texts = pq.read_table(taught / "unlabelled.parquet", columns=["text"])
        known = texts_of(domains, reviews, taught)
        files["unlabelled"] = texts.filter(
            pc.invert(pc.is_in(texts["text"], known.cast(texts["text"].type)))
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in files.items():
        pq.write_table(part, folder / f"{name}.parquet")
    print(json.dumps({"left_out": domains, **{name: len(part) for name, part in files.items()}}))


def texts_of(domains: list[str], reviews: pa.Table, taught: Path) -> pa.Array:
    """The texts that are known to be of some domains: reviews with any label or none, and spans."""
    names = pa.array(domains, pa.large_string())
    spans = pq.read_table(taught / SPANS, columns=["domain", "text"])
    found: list[str] = []
    for table in (reviews, spans):
        is_theirs = pc.is_in(table["domain"].cast(names.type), names)
        found += table.filter(is_theirs)["text"].to_pylist()
    return pa.array(found, pa.large_string())


def _labelled(reviews: pa.Table) -> pa.Table:
    return reviews.filter(pc.is_valid(reviews["label"]))


if __name__ == "__main__":
    facts = json.loads(sys.argv[1])
    main(
        facts["set"],
        facts["sets"],
        facts["taught"] and Path(facts["taught"]),
        Path(sys.argv[2]),
        Path(sys.argv[3]) if len(sys.argv) > 3 else None,
    )

"""The texts without labels that the general models learn from: those that the teacher has scored."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exported.data import HELD_OUT
from exported.negation import balance
from toolkit.records import ReadOptions
from toolkit.training import teacher

PROJECT = Path(__file__).parent.parent

# The tools that make short texts, and what each writes: sentences of films, sentences of all
# domains, and made-up ones. They give the same texts each time.
FILM_SPANS = "examples.teacher.imdb.spans"
TOOLS = {
    FILM_SPANS: "spans.parquet",
    "examples.teacher.reviews.spans": "reviews-spans.parquet",
    "examples.teacher.phrases": "phrases.parquet",
}
_BALANCED = "phrases.parquet"  # the only ones with as many positive as negative negations


@dataclass(frozen=True)
class Taught:
    """What a teacher says, balanced; see `exported.negation`."""

    texts: list[str]  # without labels
    probabilities: dict[str, float]  # of all texts that it knows, by fingerprint


def taught(
    reviews: pa.Table, data: Path, teacher_file: Path, work: Path, *, only_open: bool = False
) -> Taught:
    """Gather the texts without labels, each once, that a teacher file has probabilities for.

    `reviews` are those of `exported.data.join`, with the same `only_open`; those held out give none.
    """
    tools = {tool: name for tool, name in TOOLS.items() if not only_open or tool != FILM_SPANS}
    for tool in tools:
        places = ["--data", str(data.resolve()), "--work", str(work.resolve())]
        more = ["--open"] if only_open else []
        subprocess.run([sys.executable, "-m", tool, *places, *more], check=True, cwd=PROJECT)
    is_free = pc.and_(pc.is_null(reviews["label"]), pc.not_equal(reviews["fold"], HELD_OUT))
    short = {name: _texts(work / name) for name in tools.values()}
    films = [] if only_open else _texts(data / "imdb" / "unlabelled.parquet")
    reviewed = [*films, *reviews.filter(is_free)["text"].to_pylist()]
    texts = dict.fromkeys(chain(reviewed, *short.values()))
    labelled = dict.fromkeys(reviews.filter(pc.is_valid(reviews["label"]))["text"].to_pylist())
    known = teacher.load_teacher(teacher_file, ReadOptions())
    pairs = zip(known.texts or (), known.probabilities.tolist(), strict=True)
    probabilities = {name: value for name, value in pairs if name is not None}
    free = [text for text in texts if text not in labelled]
    found = [text for text in free if teacher.fingerprint(text) in probabilities]
    print(f"{len(found):,} of {len(free):,} texts without labels are known to {teacher_file.name}")
    even = set(short.get(_BALANCED, ()))
    of_free = balance((text for text in found if text not in even), probabilities)
    shifted = of_free.probabilities | balance(labelled, probabilities).probabilities
    probabilities |= {teacher.fingerprint(text): value for text, value in shifted.items()}
    print(f"{len(of_free.left_out):,} short ones with a negation are left out")
    return Taught([text for text in found if text not in of_free.left_out], probabilities)


def _texts(path: Path) -> list[str]:
    texts: list[str] = pq.read_table(path, columns=["text"])["text"].to_pylist()
    return texts

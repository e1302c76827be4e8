"""The texts without labels that the general models learn from: those that the teacher has scored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exported.data import HELD_OUT
from toolkit.records.read_options import ReadOptions
from toolkit.training.sources import teacher

PROJECT = Path(__file__).parent.parent

# The tools that make short texts, and what each writes: sentences of films, sentences of all
# domains, and made-up ones. They give the same texts each time.
TOOLS = {
    "examples.teacher.imdb.spans": "spans.parquet",
    "examples.teacher.reviews.spans": "reviews-spans.parquet",
    "examples.teacher.phrases": "phrases.parquet",
}


def taught_texts(reviews: pa.Table, data: Path, teacher_file: Path, work: Path) -> list[str]:
    """Gather the texts without labels, each once, that a teacher file has probabilities for.

    `reviews` are those of `exported.data.join`; reviews that are held out give none.
    """
    for tool in TOOLS:
        places = ["--data", str(data.resolve()), "--work", str(work.resolve())]
        subprocess.run([sys.executable, "-m", tool, *places], check=True, cwd=PROJECT)
    is_free = pc.and_(pc.is_null(reviews["label"]), pc.not_equal(reviews["fold"], HELD_OUT))
    parts = [
        pq.read_table(data / "imdb" / "unlabelled.parquet", columns=["text"])["text"],
        reviews.filter(is_free)["text"],
        *(pq.read_table(work / name, columns=["text"])["text"] for name in TOOLS.values()),
    ]
    texts = dict.fromkeys(text for part in parts for text in part.to_pylist())
    labelled = set(reviews.filter(pc.is_valid(reviews["label"]))["text"].to_pylist())
    known = set(teacher.load(teacher_file, ReadOptions()).texts or ())
    free = [text for text in texts if text not in labelled]
    found = [text for text in free if teacher.fingerprint(text) in known]
    print(f"{len(found):,} of {len(free):,} texts without labels are known to {teacher_file.name}")
    return found

"""Short texts to teach on, too: one to four sentences in a row of each unlabelled review.

python -m examples.teacher.imdb.spans

Run it before `label_minilm.py`, which then labels the spans as well; `toolkit train` takes the file
as one more `--unlabelled`. Without it there are no spans, and all else stays the same.
"""

import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from examples.teacher import steps
from examples.teacher.imdb import reviews as imdb

SENTENCE = re.compile(r"[^.!?]+[.!?]*")
MOST_SENTENCES = 4
FEWEST_WORDS, MOST_WORDS = 3, 60


def choose(texts: Iterable[str]) -> list[str]:
    """A run of sentences of each text that has one of fitting length, each once.

    The checksum of the text decides how many sentences and which, so that the order of the texts
    does not matter.
    """
    found = []
    for text in texts:
        checksum = zlib.crc32(text.encode())
        count = 1 + checksum // 2**16 % MOST_SENTENCES
        sentences = [one.strip() for one in SENTENCE.findall(text.replace("<br />", " "))]
        runs = [
            " ".join(sentences[start : start + count]).strip()
            for start in range(max(len(sentences) - count + 1, 1))
        ]
        fitting = [one for one in runs if FEWEST_WORDS <= len(one.split()) <= MOST_WORDS]
        if fitting:
            found.append(fitting[checksum % len(fitting)])
    return list(dict.fromkeys(found))


def load(work: Path) -> list[str]:
    """The spans; an empty result without the file."""
    path = work / "spans.parquet"
    if not path.is_file():
        return []
    found: list[str] = pq.read_table(path)["text"].to_pylist()
    return found


def main() -> None:
    chosen = steps.options(__doc__).parse_args()
    reviews = imdb.load(chosen.data)
    found = choose(reviews.texts[len(reviews.labels) :].to_pylist())
    chosen.work.mkdir(parents=True, exist_ok=True)
    path = chosen.work / "spans.parquet"
    pq.write_table(pa.table({"text": found}), path, compression="zstd")
    print(f"{len(found):,} spans, written to {path}")


if __name__ == "__main__":
    steps.run(main)

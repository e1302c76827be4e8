"""Read the IMDB reviews: from the folder of the data set, or from Keras, which downloads them.

The Large Movie Review Dataset (Maas et al. 2011) unpacks to

aclImdb/
├── train/
│   ├── pos/ID_STARS.txt     one review a file; likewise neg/, and unsup/ without labels
│   └── urls_pos.txt         line ID is the film's page; likewise urls_neg.txt
└── test/                    likewise
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.networks import import_keras
from toolkit.training.reviews import Reviews, UnlabelledReviews, group_codes

_UNLABELLED = "train/unsup"
_FILE_NAME = re.compile(r"(\d+)_(\d+)\.txt")
_FILM = re.compile(r"tt\d+")
_LABELS = {"neg": 0, "pos": 1}


def load_acl_imdb(folder: Path, part: str) -> Reviews:
    """Read one part, `train` or `test`: negative reviews first, grouped by film.

    Raises `InputError` if the folder does not have the layout of `aclImdb`.
    """
    _check_layout(folder, part)
    rows = [row for name in _LABELS for row in _read_label(folder / part, name)]
    texts = pa.chunked_array([pa.array([text for text, _, _ in rows], pa.string())])
    labels = np.array([label for _, label, _ in rows], np.int8)
    films = pa.chunked_array([pa.array([film for _, _, film in rows], pa.string())])
    groups = None if films.null_count == len(films) else group_codes(films)
    name = folder.resolve().name  # resolved, as "." has no name
    return Reviews(name=f"{name}/{part}", texts=texts, labels=labels, groups=groups).with_text()


def load_acl_imdb_unlabelled(folder: Path) -> UnlabelledReviews:
    """Read the reviews without labels, in the order of their ids; blank ones are kept."""
    part = folder / _UNLABELLED
    if not part.is_dir():
        raise InputError(
            f"{folder}: expected the folder {_UNLABELLED} of an aclImdb folder. Give the folder "
            "that the archive unpacks to, or a CSV, JSONL or Parquet file of reviews."
        )
    texts = [_read_text(path) for path in _by_id(part)]
    name = folder.resolve().name  # resolved, as "." has no name
    column = pa.chunked_array([pa.array(texts, pa.string())])
    return UnlabelledReviews(f"{name}/{_UNLABELLED}", column)


def _check_layout(folder: Path, part: str) -> None:
    missing = [name for name in _LABELS if not (folder / part / name).is_dir()]
    if missing:
        found = sorted(entry.name for entry in folder.iterdir())
        raise InputError(
            f"{folder}: expected the folders {part}/pos and {part}/neg of an aclImdb folder "
            f"(found: {', '.join(found[:10]) or 'nothing'}). Give the folder that the archive "
            "unpacks to, or a labelled CSV, JSONL or Parquet file."
        )


def _read_label(part: Path, name: str) -> Iterator[tuple[str, int, str | None]]:
    """Yield text, label and film of the reviews of one label, in the order of their ids."""
    films = _films(part / f"urls_{name}.txt")
    for path in _by_id(part / name):
        review = _review_id(path)
        film = films[review] if review < len(films) else None
        yield _read_text(path), _LABELS[name], film


def _by_id(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.txt"), key=lambda path: (_review_id(path), path))


def _review_id(path: Path) -> int:
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        raise InputError(
            f"{path}: expected a name like 123_8.txt (id and stars). Move other files away."
        )
    return int(match[1])


def _films(urls: Path) -> list[str]:
    """Return the film of each review id; lines are like http://www.imdb.com/title/tt0453418/."""
    if not urls.is_file():
        return []
    lines = _read_text(urls).removesuffix("\n").split("\n")
    found = (_FILM.search(line) for line in lines)
    return [match[0] if match else line for match, line in zip(found, lines, strict=True)]


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not valid UTF-8 at byte {error.start}. Convert it first, for example with "
            "`iconv -f latin1 -t utf-8`."
        ) from None


def load_imdb(part: str) -> Reviews:
    """Download (once; Keras keeps the files) and decode 25,000 reviews, `train` or `test`.

    The words are lowercase and without punctuation, as the text rule of this toolkit makes them.
    """
    word_index, parts = _download()
    ranks, labels = parts[part == "test"]
    texts = _decode(ranks, word_index)
    return Reviews(f"keras.datasets.imdb, {part}", texts, labels.astype(np.int8)).with_text()


def _download() -> tuple[dict[str, int], Any]:
    """Return the rank of each word, and the ranks and labels of the training and test reviews."""
    datasets = import_keras().datasets
    try:
        word_index = datasets.imdb.get_word_index()
        # Plain ranks from 1: no start id (start_char), no shift by 3 (index_from), and no rare word
        # replaced (num_words; without it Keras drops the rarest word).
        parts = datasets.imdb.load_data(
            num_words=len(word_index) + 1, start_char=None, index_from=0, oov_char=None
        )
    except Exception as error:
        raise InputError(
            f"imdb: Keras could not get the reviews: {error}. Check the network, or give a "
            "labelled CSV, JSONL or Parquet file or an aclImdb folder instead."
        ) from error
    return word_index, parts


def _decode(ranks: Any, word_index: dict[str, int]) -> pa.ChunkedArray:
    """Turn ranks, (reviews,) of lists of int, into texts, (reviews,), with words and spaces."""
    words = pa.array(sorted(word_index, key=lambda word: word_index[word]), pa.string())
    flat = np.concatenate([np.asarray(row, np.int32) for row in ranks])
    offsets = np.cumsum([0, *(len(row) for row in ranks)]).astype(np.int32)
    tokens = pa.ListArray.from_arrays(pa.array(offsets), words.take(pa.array(flat - 1)))
    return pa.chunked_array([pc.binary_join(tokens, " ")])

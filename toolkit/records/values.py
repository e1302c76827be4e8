"""What counts as a label or a probability in every command."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.records.read_options import plain_label

Targets = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


_WORDS = {"neg": 0.0, "negative": 0.0, "pos": 1.0, "positive": 1.0}
# Python's `float` takes "1_0", "nan" and the digits of any script, too.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)
LETTERS_SHOWN = 60  # of a value in a message


def read_labels(words: pa.Array) -> pa.Int8Array:
    """Read labels: 1 from a probability of 0.5 on, else 0; null where it is not a label."""
    return pc.greater_equal(by_word(words, target), 0.5).cast(pa.int8())


def read_probabilities(words: pa.ChunkedArray, rows: Rows, place: str) -> Targets:
    """Read probabilities of positive as float32; `InputError` if one is missing."""
    targets = by_word(words.combine_chunks(), target)
    wrong = np.flatnonzero(targets.is_null())
    if len(wrong):
        _refuse(words[int(wrong[0])].as_py(), rows[wrong], place)
    return np.asarray(targets.to_numpy(), np.float32)


def by_word(words: pa.Array, read: Callable[[str], float]) -> pa.FloatArray:
    """Read the number that each word means, null where `read` gives NaN or there is no word."""
    codes = words.dictionary_encode()  # most columns have few different words
    found = [read(word) for word in codes.dictionary.to_pylist()]
    return pa.array(found, pa.float32(), from_pandas=True).take(codes.indices)


def target(word: str) -> float:
    """Give the probability of positive that a word means, 0 to 1; NaN if it means nothing."""
    word = plain_label(word)
    value = _WORDS.get(word, number(word))
    return value if 0 <= value <= 1 else float("nan")


def number(word: str) -> float:
    """Read a number; NaN if it is not one."""
    return float(word) if _NUMBER.fullmatch(word) else float("nan")


class WrongValueError(InputError):
    """A value of a row, from 0, that is not what it should be."""

    def __init__(self, place: str, row: int, problem: str) -> None:
        super().__init__(f"{place}, row {row + 1:,}: {problem}")
        self.row, self.problem = row, problem


def found_in(first: str | None, rows: int, what: str) -> str:
    """Say which value was found in the first of some rows, and in how many of them."""
    found = f"the {what} {first[:LETTERS_SHOWN]!r}" if first else f"no {what}"
    return f"found {found}" + f" ({rows:,} such rows)" * (rows > 1)


def _refuse(first: str | None, rows: Rows, place: str) -> NoReturn:
    word = plain_label(first or "")
    percent = " Percentages are divided by 100." * (number(word) > 1)
    raise WrongValueError(
        place,
        int(rows[0]),
        f"{found_in(word and first, len(rows), 'probability')}, expected the probability of "
        "positive from 0 to 1, or negative or positive. Choose the column with "
        f"--probability-column.{percent}",
    )

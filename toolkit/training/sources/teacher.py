"""A teacher file: the probabilities that another model gives to reviews."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from toolkit.errors import InputError, UsageError
from toolkit.files.checksums import sha256_of
from toolkit.records.columns import LABEL_COLUMNS, TEXT_COLUMNS, Column
from toolkit.records.formats import beside
from toolkit.records.read_options import ReadOptions
from toolkit.records.table import ReviewTable, read_table
from toolkit.records.values import Rows, Targets

Names = list[str | None]

_TEXT_SHA256 = "text_sha256"
_DIGITS = 16  # of a hash that are compared: among a million texts, no two are alike by chance
_HASH = re.compile(rf"[0-9a-f]{{{_DIGITS},64}}")


@dataclass(frozen=True)
class Teacher:
    """The rows of a teacher file that have a probability."""

    path: Path
    probabilities: Targets  # (rows,) float32, of positive
    rows: Rows  # (rows,) positions in the file
    ids: Names | None  # (rows,), None if the file has none
    texts: Names | None  # their `fingerprint`s, likewise
    without_probability: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return sha256_of(self.path)

    def place(self, row: int) -> str:
        """The file and the row in it, as the user counts."""
        return f"{self.path}, row {self.rows[row] + 1}"


def load(path: Path, reading: ReadOptions) -> Teacher:
    """Read a teacher file, such as an output of `toolkit score`; `InputError` without values."""
    table = read_table(path, beside(path, reading), *_columns(reading))
    _check_has_keys(table, reading)
    rows = table.filled("probability")
    if not len(rows):
        raise InputError(
            f"{table.place('probability')}: has no probabilities. Choose the column with "
            "--probability-column."
        )
    ids = table.at("id", rows)
    return Teacher(
        path,
        table.probabilities(rows),
        rows,
        None if ids is None else named(ids),
        _texts(table, rows),
        table.rows - len(rows),
    )


def _columns(reading: ReadOptions) -> tuple[Column, ...]:
    columns = reading.columns
    probability = columns.of("probability")
    if columns.probability is None:
        probability = replace(probability, names=(*probability.names, LABEL_COLUMNS[0]))
    texts = columns.of("text")
    if not texts.joined_with:
        texts = replace(texts, names=tuple(dict.fromkeys([*texts.names, *TEXT_COLUMNS])))
    return (
        probability,
        replace(columns.of("id"), is_needed=False),
        replace(texts, is_needed=False),
        Column(_TEXT_SHA256, (_TEXT_SHA256,), is_needed=False),
    )


def _check_has_keys(table: ReviewTable, reading: ReadOptions) -> None:
    """Refuse a file that does not say which reviews its probabilities belong to."""
    if table.columns.keys() == {"probability"}:
        keys = [name for column in _columns(reading)[1:] for name in column.names]
        raise UsageError(
            f"{table.name}: no column {' or '.join(map(repr, keys))}, so its probabilities belong "
            "to no review. Choose one with --id-column or --text-column."
        )


def named(ids: pa.ChunkedArray) -> Names:
    """The ids as Python's strings; None for null and blank ones, which name nothing."""
    return [name if name and name.strip() else None for name in ids.to_pylist()]


def fingerprint(text: str) -> str:
    """First 16 hex digits of the SHA-256 of a text in UTF-8: names it in a file without texts."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _texts(table: ReviewTable, rows: Rows) -> Names | None:
    texts, hashes = table.at("text", rows), table.at(_TEXT_SHA256, rows)
    if texts is not None:
        return [text and fingerprint(text) for text in texts.to_pylist()]
    if hashes is None:
        return None
    return [
        _fingerprint_of(each, row, table)
        for each, row in zip(hashes.to_pylist(), rows, strict=True)
    ]


def _fingerprint_of(value: str | None, row: int, table: ReviewTable) -> str | None:
    """Cut a hash to what is compared; blank ones name nothing."""
    found = (value or "").strip().lower()
    if not found:
        return None
    if not _HASH.fullmatch(found):
        raise InputError(
            f"{table.place(_TEXT_SHA256)}, row {row + 1}: found {value!r:.80}. Give the hex "
            f"SHA-256 of the text in UTF-8, or at least its first {_DIGITS} digits."
        )
    return found[:_DIGITS]

"""Read a teacher file: probabilities of another model, matched to reviews by their texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from toolkit.errors import InputError, UsageError, counted
from toolkit.files import sha256_of
from toolkit.records.columns import LABEL_COLUMNS, TEXT_COLUMNS, Column
from toolkit.records.formats import beside
from toolkit.records.labels import Rows, Targets
from toolkit.records.options import ReadOptions
from toolkit.records.table import ReviewTable, read_table
from toolkit.training.reviews import Reviews, UnlabelledReviews

_TEXT_SHA256 = "text_sha256"
_DIGITS = 16  # compared digits of a hash: enough to tell a million texts apart
_HASH = re.compile(rf"[0-9a-f]{{{_DIGITS},64}}")


@dataclass(frozen=True)
class TeacherScores:
    """The rows of a teacher file that have a probability."""

    path: Path
    probabilities: Targets  # (rows,) float32, of positive
    rows: Rows  # (rows,) positions in the file
    texts: list[str | None]  # (rows,) the `fingerprint` of each text; None for an empty text
    without_probability: int = 0  # number of rows that were left out

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return sha256_of(self.path)

    def place(self, row: int) -> str:
        """Return the file and the number of a row, from 1, for a message."""
        return f"{self.path}, row {self.rows[row] + 1}"


def load_teacher(path: Path, reading: ReadOptions) -> TeacherScores:
    """Read a teacher file, such as an output of `toolkit score`.

    Raises `InputError` if the file has no probabilities, and `UsageError` if it has no texts.
    """
    table = read_table(path, beside(path, reading), *_columns(reading))
    rows = table.filled("probability")
    if not len(rows):
        raise InputError(
            f"{table.place('probability')}: has no probabilities. Choose the column with "
            "--probability-column."
        )
    texts = _texts(table, rows, reading)
    without = table.rows - len(rows)
    return TeacherScores(
        path=path,
        probabilities=table.probabilities(rows),
        rows=rows,
        texts=texts,
        without_probability=without,
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
        replace(texts, is_needed=False),
        Column(_TEXT_SHA256, (_TEXT_SHA256,), is_needed=False),
    )


def fingerprint(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a text in UTF-8.

    A teacher file may have them in the column `text_sha256` instead of the texts.
    """
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _texts(table: ReviewTable, rows: Rows, reading: ReadOptions) -> list[str | None]:
    texts = table.at("text", rows)
    hashes = table.at(_TEXT_SHA256, rows)
    if texts is not None:
        return [text and fingerprint(text) for text in texts.to_pylist()]
    if hashes is None:
        names = [name for column in _columns(reading)[1:] for name in column.names]
        raise UsageError(
            f"{table.name}: no column {' or '.join(map(repr, names))} to match its probabilities "
            "to reviews. Choose one with --text-column."
        )
    return [
        _fingerprint_of(each, row, table)
        for each, row in zip(hashes.to_pylist(), rows, strict=True)
    ]


def _fingerprint_of(value: str | None, row: int, table: ReviewTable) -> str | None:
    """Return the compared digits of a hash, or None if it is blank."""
    found = (value or "").strip().lower()
    if not found:
        return None
    if not _HASH.fullmatch(found):
        raise InputError(
            f"{table.place(_TEXT_SHA256)}, row {row + 1}: found {value!r:.80}. Give the hex "
            f"SHA-256 of the text in UTF-8, or at least its first {_DIGITS} digits."
        )
    return found[:_DIGITS]


@dataclass(frozen=True)
class Matches:
    """A teacher file, and how many of the reviews have a row in it."""

    teacher: TeacherScores
    labelled: int  # labelled reviews with a row
    unlabelled: int  # unlabelled reviews with a row
    unmatched: int  # rows without a review

    def line(self, labelled: int, unlabelled: int | None) -> str:
        """Return a line for the user, from the numbers of reviews; None: all have labels."""
        found = f"{self.labelled:,} of {labelled:,} labelled"
        if unlabelled is not None:
            found += f" and {self.unlabelled:,} of {unlabelled:,} unlabelled"
        parts = []
        if self.unmatched:
            parts.append(counted(self.unmatched, "row") + " without a review")
        if empty := self.teacher.without_probability:
            parts.append(counted(empty, "row") + " without probability")
        details = f" ({', '.join(parts)})" if parts else ""
        return f"{self.teacher.path.name}: probabilities for {found} reviews{details}"


def match(
    teachers: Sequence[TeacherScores], sources: Sequence[Reviews | UnlabelledReviews]
) -> tuple[list[Targets], list[Matches]]:
    """Find the teacher scores of reviews; the first source has the labelled reviews.

    Returns for each source the probabilities, (reviews,) float32, NaN without a teacher score.
    Raises `InputError` if a file belongs to other reviews, or contradicts itself or another file.
    """
    texts = [[fingerprint(text) for text in part.texts.to_pylist()] for part in sources]
    wanted = {name for part in texts for name in part}
    known: dict[str, tuple[TeacherScores, int]] = {}
    matches = []
    for teacher in teachers:
        used = [(row, name) for row, name in enumerate(teacher.texts) if name in wanted]
        names = {name for _, name in used}
        if not used:
            raise InputError(
                f"{teacher.path}: none of its {len(teacher):,} rows has the text of a review of "
                f"{' and '.join(part.name for part in sources)}. Give the probabilities of these "
                "reviews."
            )
        for row, name in used:
            first, at = known.setdefault(name, (teacher, row))
            if (new := teacher.probabilities[row]) != (old := first.probabilities[at]):
                raise InputError(
                    f"{teacher.place(row)}: found the probability {new} for a review that has "
                    f"{old} in {first.place(at)}. Give one probability, such as their mean."
                )
        labelled, *others = (sum(name in names for name in part) for part in texts)
        matches.append(
            Matches(
                teacher=teacher,
                labelled=labelled,
                unlabelled=sum(others),
                unmatched=len(teacher) - len(used),
            )
        )
    values = {name: teacher.probabilities[row] for name, (teacher, row) in known.items()}
    found = [np.array([values.get(name, np.nan) for name in part], np.float32) for part in texts]
    return found, matches

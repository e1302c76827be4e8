"""A teacher file: the probabilities that another model gives to reviews, and whose they are.

A row belongs to each review that has its text or, where the file has no texts, its id.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.errors import InputError, ToolkitError, UsageError, counted
from toolkit.files import sha256_of
from toolkit.records.columns import LABEL_COLUMNS, TEXT_COLUMNS, Column
from toolkit.records.formats import beside
from toolkit.records.labels import Rows, Targets
from toolkit.records.options import ReadOptions
from toolkit.records.table import ReviewTable, read_table
from toolkit.training.reviews import Reviews, UnlabelledReviews

Names = list[str | None]

_TEXT_SHA256 = "text_sha256"
_DIGITS = 16  # of a hash that are compared: among a million texts, no two are alike by chance
_HASH = re.compile(rf"[0-9a-f]{{{_DIGITS},64}}")
AnyReviews = Reviews | UnlabelledReviews


@dataclass(frozen=True)
class Teacher:
    """The rows of a teacher file that have a probability."""

    path: Path
    probabilities: Targets  # (rows,) float32, of positive
    rows: Rows  # (rows,) positions in the file
    ids: Names | None  # (rows,), None if the file has none
    texts: Names | None  # their `fingerprint`s, likewise
    without_probability: int = 0

    @property
    def compared(self) -> str:
        """What tells which review a row belongs to: `text` or `id`."""
        return "id" if self.texts is None else "text"

    def places(self) -> dict[str, list[int]]:
        """Give the rows that name a review, by its id or the fingerprint of its text."""
        found = defaultdict(list)
        for row, name in enumerate((self.ids if self.texts is None else self.texts) or ()):
            if name is not None:
                found[name].append(row)
        return found

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return sha256_of(self.path)

    def place(self, row: int) -> str:
        """The file and the row in it, as the user counts."""
        return f"{self.path}, row {self.rows[row] + 1}"


def load_teacher(path: Path, reading: ReadOptions) -> Teacher:
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


@dataclass(frozen=True)
class Matches:
    """How a teacher file was used."""

    teacher: Teacher
    labelled: int  # reviews with a row
    unlabelled: int  # the same
    unmatched: int  # rows without a review

    def line(self, labelled: int, unlabelled: int | None) -> str:
        """Say this, with how many reviews there are; None if all of them have labels."""
        found = f"{self.labelled:,} of {labelled:,} labelled"
        if unlabelled is not None:
            found += f" and {self.unlabelled:,} of {unlabelled:,} unlabelled"
        parts = [f"compared by {self.teacher.compared}"]
        if self.unmatched:
            parts.append(counted(self.unmatched, "row") + " without a review")
        if empty := self.teacher.without_probability:
            parts.append(counted(empty, "row") + " without probability")
        name = self.teacher.path.name
        return f"{name}: probabilities for {found} reviews ({', '.join(parts)})"


class _Learner:
    """The reviews of one source, and what was found for them so far."""

    def __init__(self, reviews: AnyReviews) -> None:
        self.name = reviews.name
        self.ids: Names | None = None if reviews.ids is None else named(reviews.ids)
        self.texts: Names = [fingerprint(text) for text in reviews.texts.to_pylist()]
        self.probabilities: Targets = np.full(len(reviews), np.nan, np.float32)
        self._origins: dict[int, str] = {}

    def learn(self, position: int, teacher: Teacher, row: int) -> None:
        """Note a probability; raises `InputError` if there is another one already."""
        known, new = self.probabilities[position], teacher.probabilities[row]
        if not np.isnan(known) and known != new:
            raise InputError(
                f"{teacher.place(row)}: gives {new} to a review of {self.name} that has {known} "
                f"by {self._origins[position]}. Give one probability for each, such as their mean."
            )
        self.probabilities[position] = new
        self._origins.setdefault(position, teacher.place(row))


def match(
    teachers: Sequence[Teacher], sources: Sequence[AnyReviews]
) -> tuple[list[Targets], list[Matches]]:
    """Find the probabilities of teachers for reviews, those with labels first.

    Gives for each source (reviews,) float32, NaN where no teacher has one. Raises `InputError` or
    `UsageError` if a file belongs to other reviews, or contradicts itself or another one.
    """
    learners = [_Learner(reviews) for reviews in sources]
    matches = [_match_one(teacher, learners) for teacher in teachers]
    return [part.probabilities for part in learners], matches


def _match_one(teacher: Teacher, learners: Sequence[_Learner]) -> Matches:
    rows_of = teacher.places()
    if teacher.texts is None:
        _check_ids(rows_of.keys(), teacher, learners)
    counts, used = [], set[str]()
    for part in learners:
        names = part.texts if teacher.texts is not None else part.ids or ()
        found = [(at, name) for at, name in enumerate(names) if name and name in rows_of]
        for position, name in found:
            for row in rows_of[name]:
                part.learn(position, teacher, row)
        counts.append(len(found))
        used |= {name for _, name in found}
    if not used:
        raise _unused(teacher, learners)
    unmatched = len(teacher) - sum(len(rows_of[name]) for name in used)
    return Matches(teacher, counts[0], sum(counts[1:]), unmatched)


def _check_ids(ids: Collection[str], teacher: Teacher, learners: Sequence[_Learner]) -> None:
    """Refuse an id that the teacher uses and that two different texts have."""
    owners: dict[str, tuple[str | None, str]] = {}
    for part in learners:
        for name, text in zip(part.ids or (), part.texts, strict=False):  # one may have no ids
            if name is None or name not in ids:
                continue
            other, source = owners.setdefault(name, (text, part.name))
            if other != text:
                raise InputError(
                    f"{teacher.path}: the id {name!r} belongs to two reviews, in {source} and in "
                    f"{part.name}. Give this file a column 'text' or 'text_sha256' beside its ids."
                )


def _unused(teacher: Teacher, learners: Sequence[_Learner]) -> ToolkitError:
    sources = " and ".join(part.name for part in learners)
    if teacher.texts is None and not any(part.ids for part in learners):
        return UsageError(
            f"{teacher.path}: identifies reviews by their ids, and {sources} has none. Name the "
            "column with --id-column, or give this file a column 'text' or 'text_sha256'."
        )
    return InputError(
        f"{teacher.path}: none of its {len(teacher):,} rows belongs to a review of {sources} "
        f"(compared by {teacher.compared}). Give the probabilities of these reviews."
    )

"""Which row of a teacher file belongs to which review.

A row belongs to each review with which it agrees in everything that both have, id and text: texts
distinguish reviews of two files with equal ids, and ids those with equal texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.records.values import Targets
from toolkit.training.sources.reviews import Reviews, UnlabelledReviews
from toolkit.training.sources.teacher import Names, Teacher, fingerprint, named

AnyReviews = Reviews | UnlabelledReviews


@dataclass(frozen=True)
class Matches:
    """How a teacher file was used."""

    teacher: Teacher
    labelled: int  # reviews with a row
    unlabelled: int  # the same
    compared: tuple[str, ...]  # what rows and reviews were compared by: `id`, `text`
    unmatched: int  # rows without a review


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


def _match_one(teacher: Teacher, learners: Sequence[_Learner]) -> Matches:
    compared = [_compared(teacher, part) for part in learners]
    if teacher.texts is None:
        _check_ids(teacher, [part for part in learners if part.ids is not None])
    is_used = np.zeros(len(teacher), np.bool_)
    counts = [
        _match_part(teacher, part, names, is_used)
        for part, names in zip(learners, compared, strict=True)
    ]
    by = tuple(name for name in ("id", "text") if any(name in names for names in compared))
    if not is_used.any():
        raise _unused(teacher, learners, by)
    return Matches(teacher, counts[0], sum(counts[1:]), by, int(np.count_nonzero(~is_used)))


def _compared(teacher: Teacher, part: _Learner) -> tuple[str, ...]:
    """Tell what both have."""
    both = {
        "id": teacher.ids is not None and part.ids is not None,
        "text": teacher.texts is not None,
    }
    return tuple(name for name, found in both.items() if found)


def _match_part(
    teacher: Teacher, part: _Learner, names: tuple[str, ...], is_used: npt.NDArray[np.bool_]
) -> int:
    """Let one source learn; how many of its reviews have a row."""
    positions = defaultdict(list)
    for position, key in _keys(part.ids, part.texts, names):
        positions[key].append(position)
    found: set[int] = set()
    for row, key in _keys(teacher.ids, teacher.texts, names):
        for position in positions.get(key, ()):
            part.learn(position, teacher, row)
            found.add(position)
            is_used[row] = True
    return len(found)


def _keys(
    ids: Names | None, texts: Names | None, names: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """The positions whose compared columns all have something, with what they have."""
    columns = [column for name, column in (("id", ids), ("text", texts)) if name in names]
    for position, key in enumerate(zip(*[column or () for column in columns], strict=True)):
        if None not in key:
            yield position, key


def _check_ids(teacher: Teacher, learners: Sequence[_Learner]) -> None:
    """Refuse an id that the teacher uses and that two different texts have."""
    wanted = set(teacher.ids or ())
    owners: dict[str, tuple[str | None, str]] = {}
    for part in learners:
        for name, text in zip(part.ids or (), part.texts, strict=True):
            if name is None or name not in wanted:
                continue
            other, source = owners.setdefault(name, (text, part.name))
            if other != text:
                raise InputError(
                    f"{teacher.path}: the id {name!r} belongs to two reviews, in {source} and in "
                    f"{part.name}. Give this file a column 'text' or 'text_sha256' beside its ids."
                )


def _unused(
    teacher: Teacher, learners: Sequence[_Learner], compared: tuple[str, ...]
) -> ToolkitError:
    sources = " and ".join(part.name for part in learners)
    if not compared:
        return UsageError(
            f"{teacher.path}: identifies reviews by their ids, and {sources} has none. Name the "
            "column with --id-column, or give this file a column 'text' or 'text_sha256'."
        )
    return InputError(
        f"{teacher.path}: none of its {len(teacher):,} rows belongs to a review of {sources} "
        f"(compared by {' and '.join(compared)}). Give the probabilities of these reviews."
    )

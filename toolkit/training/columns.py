"""The names of the columns in the files that a training reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_USUAL_ID = "id"
_TEXT_SHA256 = "text_sha256"
# The first is what `toolkit score` writes.
_USUAL_TEACHER = ("positive_probability", "probability", "label")


@dataclass(frozen=True)
class TeacherColumns:
    """Where a teacher file has its probabilities, and what says which reviews they belong to."""

    probability: str
    id: str | None
    text: str | None
    text_sha256: str | None


@dataclass(frozen=True)
class ColumnNames:
    """What `--text-column`, `--label-column` and the like say; None: not said."""

    text: str | None = None
    label: str | None = None
    group: str | None = None
    id: str | None = None
    teacher: str | None = None

    def among(self, found: Collection[str], path: Path) -> tuple[str, str, str | None]:
        """Choose the columns of a file.

        Parameters
        ----------
        found : Collection[str]
            The columns that the file has.
        path : Path
            The file, for the error.

        Returns
        -------
        tuple[str, str, str | None]
            Text, label and group column; the last is None unless it was asked for.

        Raises
        ------
        UsageError
            If a column is not there.
        """
        return (
            self.text_among(found, path),
            _choose(path, found, self.label, _usual_label(), "--label-column"),
            None if self.group is None else _choose(path, found, self.group, (), "--group-column"),
        )

    def text_among(self, found: Collection[str], path: Path) -> str:
        """Choose the column of the texts; raises `UsageError` if it is not there."""
        return _choose(path, found, self.text, _usual_text(), "--text-column")

    def id_among(self, found: Collection[str], path: Path) -> str | None:
        """Choose the column of the ids, which a file need not have unless it was asked for."""
        if self.id is None:
            return _USUAL_ID if _USUAL_ID in found else None
        return _choose(path, found, self.id, (), "--id-column")

    def teacher_among(self, found: Collection[str], path: Path) -> TeacherColumns:
        """Choose the columns of a teacher file.

        Parameters
        ----------
        found : Collection[str]
            The columns that the file has.
        path : Path
            The file, for the error.

        Returns
        -------
        TeacherColumns
            At least one of the three that name a review is not None.

        Raises
        ------
        UsageError
            If there are no probabilities, or nothing says which reviews they belong to.
        """
        probability = _choose(path, found, self.teacher, _USUAL_TEACHER, "--teacher-column")
        wanted_id = self.id or _USUAL_ID
        texts = _usual_text() if self.text is None else (self.text, *_usual_text())
        chosen = TeacherColumns(
            probability,
            wanted_id if wanted_id in found else None,
            next((name for name in texts if name in found), None),
            _TEXT_SHA256 if _TEXT_SHA256 in found else None,
        )
        if chosen.id is chosen.text is chosen.text_sha256 is None:
            # None of these is there, which makes the message.
            _choose(path, found, None, (wanted_id, *texts, _TEXT_SHA256), "--id-column")
        return chosen


def _usual_label() -> tuple[str, ...]:
    from toolkit.records.columns import LABEL_COLUMNS  # late, as below

    return LABEL_COLUMNS


def _usual_text() -> tuple[str, ...]:
    # Late: the formats import Arrow, and the command line needs none for its help.
    from toolkit.records.columns import TEXT_COLUMNS

    return TEXT_COLUMNS


def _choose(
    path: Path, found: Collection[str], asked: str | None, usual: tuple[str, ...], option: str
) -> str:
    from toolkit.records.columns import choose_column

    return choose_column(str(path), found, usual if asked is None else (asked,), option)

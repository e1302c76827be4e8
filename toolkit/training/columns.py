"""The names of the columns in a labelled file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError

# Tried in this order; beside a text column `review`, the IMDB file of many sites has `sentiment`.
_USUAL_LABEL = ("label", "sentiment")


@dataclass(frozen=True)
class ColumnNames:
    """What `--text-column`, `--label-column` and `--group-column` say; None: not said."""

    text: str | None = None
    label: str | None = None
    group: str | None = None

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
        # Late: the formats import Arrow, and the command line needs none for its help.
        from toolkit.formats.columns import TEXT_COLUMNS

        text = _choose(self.text, TEXT_COLUMNS, found, f"{path}", "--text-column")
        label = _choose(self.label, _USUAL_LABEL, found, f"{path}", "--label-column")
        if self.group is None:
            return text, label, None
        return text, label, _choose(self.group, (), found, f"{path}", "--group-column")


def _choose(
    asked: str | None, usual: tuple[str, ...], found: Collection[str], place: str, option: str
) -> str:
    wanted = usual if asked is None else (asked,)
    for name in wanted:
        if name in found:
            return name
    names = " or ".join(f"'{name}'" for name in wanted)
    raise UsageError(
        f"{place}: no column {names} (found: {', '.join(found) or 'none'}). "
        f"Choose one with {option}."
    )

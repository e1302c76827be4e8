"""The names of the columns in a labelled file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

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
        from toolkit.formats.columns import TEXT_COLUMNS, choose_column

        def choose(asked: str | None, usual: tuple[str, ...], option: str) -> str:
            return choose_column(str(path), found, usual if asked is None else (asked,), option)

        return (
            choose(self.text, TEXT_COLUMNS, "--text-column"),
            choose(self.label, _USUAL_LABEL, "--label-column"),
            None if self.group is None else choose(self.group, (), "--group-column"),
        )

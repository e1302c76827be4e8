"""The names of the columns in a labelled file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputError

# In this order; `review` and `sentiment` are the columns of the IMDB file that is on many sites.
_USUAL_TEXT = ("text", "review")
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
        InputError
            If a column is not there.
        """
        text = _choose(self.text, _USUAL_TEXT, found, f"{path}", "--text-column")
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
    raise InputError(
        f"{place}: no column {names} (found: {', '.join(found) or 'none'}). "
        f"Choose one with {option}."
    )

"""The columns of a file that matter: the text, the label, and the two that scoring adds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.text.strings import is_unicode

# Names tried for the column of the reviews, where none is given.
TEXT_COLUMNS = ("text", "review")

# And for that of the labels; beside a text column `review`, the IMDB file of many sites has
# `sentiment`.
LABEL_COLUMNS = ("label", "sentiment")

_NAMES_SHOWN = 20
_LETTERS_SHOWN = 60


@dataclass(frozen=True)
class Columns:
    """Names of the columns that matter.

    Raises
    ------
    UsageError
        If both added columns have one name, or a name cannot be written in UTF-8.
    """

    text: str | None = None  # None: the first of TEXT_COLUMNS that the file has
    sentiment: str = "predicted_sentiment"
    probability: str = "positive_probability"
    label: str | None = None  # of the true label, to measure the accuracy; None: not looked at

    def __post_init__(self) -> None:
        if self.sentiment == self.probability:
            raise UsageError(
                f"the added columns need two names, received {self.sentiment!r} for both. "
                "Name them with --sentiment-column and --probability-column."
            )

        for name in (*self.wanted, *self.added, self.label or ""):
            if not is_unicode(name):  # from the bytes of a command line
                raise UsageError(f"the column name {name!a} is no UTF-8")

    @property
    def added(self) -> tuple[str, str]:
        """Names of the added columns, in order."""
        return self.sentiment, self.probability

    @property
    def wanted(self) -> tuple[str, ...]:
        """Names of the text column to look for, best first."""
        return TEXT_COLUMNS if self.text is None else (self.text,)

    def has_text(self, names: Collection[str]) -> bool:
        """Whether the column of the reviews is among names."""
        return any(name in names for name in self.wanted)

    def choose_text(self, file: str, names: Collection[str]) -> str:
        """Choose the column of the reviews among the names in a file.

        Parameters
        ----------
        file : str
            Its name, for the message.
        names : Collection[str]
            Its columns.

        Returns
        -------
        str
            The name of the column.

        Raises
        ------
        UsageError
            If it is not among them.
        """
        return choose_column(file, names, self.wanted, "--text-column")

    def choose_label(self, file: str, names: Collection[str], text: str) -> str:
        """Choose the column of the labels, another than that of the text; as `choose_text`."""
        if self.label == text:
            raise UsageError(
                f"{file}: the column {text!r} has the texts, and cannot have the labels, too. "
                "Choose another with --label-column."
            )
        return choose_column(file, names, (self.label or "",), "--label-column")

    def check_free(self, file: str, names: Collection[str]) -> None:
        """Raise `UsageError` if the name of an added column is among those in a file."""
        for name in self.added:
            if name in names:
                raise UsageError(
                    f"{file}: has a column {name!r} already. Name the added columns "
                    "otherwise with --sentiment-column and --probability-column."
                )


def choose_column(file: str, names: Collection[str], wanted: Sequence[str], option: str) -> str:
    """Choose the first wanted column that is among the names in a file.

    Parameters
    ----------
    file : str
        Its name, for the message.
    names : Collection[str]
        Its columns.
    wanted : Sequence[str]
        Names to look for, best first.
    option : str
        What the user can name another column with, for the message.

    Returns
    -------
    str
        The name of the column.

    Raises
    ------
    UsageError
        If none is there.
    """
    for name in wanted:
        if name in names:
            return name
    tried = " or ".join(repr(name) for name in wanted)
    found = _listed(names) or "none"
    raise UsageError(f"{file}: no column {tried} (found: {found}). Choose one with {option}.")


def check_one_each(file: str, names: Sequence[str]) -> None:
    """Raise `UsageError` if two columns have one name, which only delimited files can hold."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"{file}: {names.count(twice)} columns are called {twice!r}, and an output of another "
            "format cannot hold that. Rename all but one, or keep the format of the input."
        )


def _listed(names: Collection[str]) -> str:
    shown = [
        name if name.isprintable() and name else repr(name)
        for name in (name[:_LETTERS_SHOWN] for name in list(names)[:_NAMES_SHOWN])
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f", and {more:,} more" if more else "")

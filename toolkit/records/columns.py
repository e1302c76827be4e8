"""Which columns of a file matter to the commands: their usual names, and how one is chosen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass

from toolkit.errors import UsageError

# Names that are tried where none is given, best first. Beside a text column `review`, the IMDB
# file of many sites has `sentiment`.
TEXT_COLUMNS = ("text", "review")
LABEL_COLUMNS = ("label", "sentiment")
ID_COLUMNS = ("id",)
STARS_COLUMNS = ("stars", "rating")
# What `toolkit score` adds.
SENTIMENT_COLUMN = "predicted_sentiment"
PROBABILITY_COLUMN = "positive_probability"
PROBABILITY_COLUMNS = (PROBABILITY_COLUMN, "probability")

_USUAL = {
    "text": TEXT_COLUMNS,
    "label": LABEL_COLUMNS,
    "group": (),
    "balance": (),
    "topic": (),
    "id": ID_COLUMNS,
    "stars": STARS_COLUMNS,
    "probability": PROBABILITY_COLUMNS,
}
_OPTIONAL = ("group", "balance", "topic", "id", "stars")  # unless they are named

_NAMES_SHOWN = 20
_LETTERS_SHOWN = 60

# Where a column is: its name, or the keys that lead to it within objects, the outer first.
Keys = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column to look for in a file."""

    role: str  # what it holds: text, label, group, balance, topic, id, stars, probability
    names: tuple[str, ...]  # to try, best first
    is_needed: bool = True

    @property
    def option(self) -> str:
        """What the user chooses it with."""
        return f"--{self.role}-column"

    def among(self, found: Collection[str]) -> Keys | None:
        """Choose the first of the names that a file has; None if there is none."""
        return next(((name,) for name in self.names if name in found), None)

    def missing(self, file: str, found: Collection[str]) -> UsageError:
        """Say that it is not among the columns of a file."""
        tried = " or ".join(repr(name) for name in self.names)
        return UsageError(
            f"{file}: no column {tried} (found: {_listed(found) or 'none'}). Choose one with "
            f"{self.option}."
        )


@dataclass(frozen=True)
class Columns:
    """Names of columns as the user gives them; None: by their usual names."""

    text: str | None = None
    _: KW_ONLY
    label: str | None = None  # of the true label
    group: str | None = None  # such as the film or the product
    balance: str | None = None  # such as the domain
    topic: str | None = None  # one of two, such as films and all else
    id: str | None = None
    stars: str | None = None
    sentiment: str | None = None  # that scoring adds
    probability: str | None = None  # that scoring adds, and that other models give

    def __post_init__(self) -> None:
        sentiment, probability = self.added
        if sentiment == probability:
            raise UsageError(
                f"the added columns need two names, received {sentiment!r} for both. "
                "Name them with --sentiment-column and --probability-column."
            )
        for role in (*_USUAL, "sentiment"):
            name: str = getattr(self, role) or ""
            if any("\ud800" <= letter <= "\udfff" for letter in name):  # from a command line
                raise UsageError(f"the column name {name!a} is not valid UTF-8")

    @property
    def added(self) -> tuple[str, str]:
        """Names of the columns that scoring adds, in order."""
        sentiment, probability = self.sentiment, self.probability  # which may be empty names
        return (
            SENTIMENT_COLUMN if sentiment is None else sentiment,
            PROBABILITY_COLUMN if probability is None else probability,
        )

    def scored(self) -> tuple[Column, ...]:
        """What scoring reads: the text, and the label only where it is named."""
        return (self.of("text"),) if self.label is None else (self.of("text"), self.of("label"))

    def of(self, role: str) -> Column:
        """The column with a role: the one that is named, or one with a usual name."""
        named: str | None = getattr(self, role)
        if named is not None:
            return Column(role, (named,))
        return Column(role, _USUAL[role], is_needed=role not in _OPTIONAL)


def _listed(names: Collection[str]) -> str:
    shown = [
        name if name.isprintable() and name else repr(name)
        for name in (name[:_LETTERS_SHOWN] for name in list(names)[:_NAMES_SHOWN])
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f", and {more:,} more" if more else "")

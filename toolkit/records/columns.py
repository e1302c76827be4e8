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
PREDICTED_STARS_COLUMN = "predicted_stars"
POSITIVE_SENTENCES_COLUMN = "positive_sentences"
NEGATIVE_SENTENCES_COLUMN = "negative_sentences"
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

# By what they hold, the columns that scoring can add: the usual name and the Arrow type.
_ADDED = {
    "sentiment": (SENTIMENT_COLUMN, "string"),
    "probability": (PROBABILITY_COLUMN, "float32"),
    "stars": (PREDICTED_STARS_COLUMN, "float32"),
    "positive_sentences": (POSITIVE_SENTENCES_COLUMN, "int32"),
    "negative_sentences": (NEGATIVE_SENTENCES_COLUMN, "int32"),
}

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
        return option_of(self.role)

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
class AddedColumn:
    """A column that scoring adds."""

    role: str  # what it holds: sentiment, probability, stars, positive or negative sentences
    name: str
    kind: str  # its Arrow type


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
    stars: str | None = None  # that reviewers gave, or that scoring adds
    sentiment: str | None = None  # that scoring adds
    probability: str | None = None  # that scoring adds, and that other models give
    positive_sentences: str | None = None  # that scoring adds
    negative_sentences: str | None = None  # that scoring adds
    adds: tuple[str, ...] = ("sentiment", "probability")  # what scoring adds, in order

    def __post_init__(self) -> None:
        unknown = [role for role in self.adds if role not in _ADDED]
        if unknown or "sentiment" not in self.adds:
            raise UsageError(
                f"adds: expected 'sentiment' and any of {', '.join(_ADDED)}, received {self.adds!r}"
            )
        names = [column.name for column in self.added]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise UsageError(
                f"two of the added columns are called {twice[0]!r}. Name them with "
                f"{self.options_of_added}."
            )
        for role in {**_USUAL, **_ADDED}:
            name: str = getattr(self, role) or ""
            if any("\ud800" <= letter <= "\udfff" for letter in name):  # from a command line
                raise UsageError(f"the column name {name!a} is not valid UTF-8")

    @property
    def added(self) -> tuple[AddedColumn, ...]:
        """The columns that scoring adds, in order."""
        return tuple(self._added(role) for role in self.adds)

    @property
    def options_of_added(self) -> str:
        """What the user names the added columns with."""
        *others, last = map(option_of, self.adds)
        return f"{', '.join(others)} and {last}"

    def _added(self, role: str) -> AddedColumn:
        usual, kind = _ADDED[role]
        named: str | None = getattr(self, role)  # which may be an empty name
        return AddedColumn(role, usual if named is None else named, kind)

    def scored(self) -> tuple[Column, ...]:
        """What scoring reads: the text, and the label only where it is named."""
        return (self.of("text"),) if self.label is None else (self.of("text"), self.of("label"))

    def of(self, role: str) -> Column:
        """The column with a role: the one that is named, or one with a usual name."""
        named: str | None = getattr(self, role)
        if named is not None:
            return Column(role, (named,))
        return Column(role, _USUAL[role], is_needed=role not in _OPTIONAL)


def option_of(role: str) -> str:
    """Give the option that names the column with a role."""
    return f"--{role.replace('_', '-')}-column"


def _listed(names: Collection[str]) -> str:
    shown = [
        name if name.isprintable() and name else repr(name)
        for name in (name[:_LETTERS_SHOWN] for name in list(names)[:_NAMES_SHOWN])
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f", and {more:,} more" if more else "")

"""Which columns of a file matter to the commands: their usual names, and how one is chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import Any, Literal, Self

from toolkit.errors import UsageError

# Names that are tried where none is given, best first. Beside a text column `review`, the IMDB
# file of many sites has `sentiment`.
TEXT_COLUMNS = ("text", "review")
# Where a file has neither of those, and just one of these: exports of shops, of app stores and of
# survey tools. All names are found however they are spelled, such as `reviewText` (`plain_name`).
_OTHER_TEXT_COLUMNS = (
    "review_text",
    "review_body",
    "review_content",
    "review_comment",
    "reviews.text",
    "content",
    "comment",
    "comments",
    "body",
    "sentence",
)
LABEL_COLUMNS = ("label", "sentiment")
STARS_COLUMNS = ("stars", "rating")
_OTHER_STARS_COLUMNS = ("star_rating", "review_rating", "reviews.rating", "overall_rating")
PROBABILITY_COLUMNS = ("positive_probability", "probability")  # the first is what scoring adds

_USUAL = {
    "text": TEXT_COLUMNS,
    "label": LABEL_COLUMNS,
    "group": (),
    "balance": (),
    "stars": STARS_COLUMNS,
    "probability": PROBABILITY_COLUMNS,
}
_OTHER_NAMES = {"text": _OTHER_TEXT_COLUMNS, "stars": _OTHER_STARS_COLUMNS}
_OPTIONAL = ("group", "balance", "stars")  # unless they are named


# The models that have a column or an option: models of sentiment, models of classes, or both.
ModelKind = Literal["sentiment", "classes", "both"]


def fits(models: ModelKind, *, has_classes: bool) -> bool:
    """Whether a kind of models includes models of classes, or models of sentiment."""
    return models in ("both", "classes" if has_classes else "sentiment")


@dataclass(frozen=True)
class Addition:
    """What there is to know of a column that scoring can add, but how it is computed.

    To add a column, add an entry to `ADDITIONS`, and its function to `toolkit.model.answers`.
    """

    usual: str  # its name, unless the user gives another; what begins it, if there are several
    kind: str  # its Arrow type, by which each format writes it
    option: str = ""  # of `toolkit score` that asks for it; none: always added
    needs: str = ""  # the field of `ScorerOptions` without which there are no values
    hint: str = ""  # what to do, where it is asked for without that
    place: int = 0  # in the order of the columns; those with equal ones come as they stand here
    are_several: bool = False  # one for each aspect, or for each class
    models: ModelKind = "sentiment"  # the kind of models that add it
    separator: str = ""  # between the parts of a value

    def has(self, role: str) -> bool:
        """Whether a column with a role is this one, or one of these."""
        if not self.are_several:
            return False
        return role.startswith(self.usual) and role != self.usual

    def fits(self, *, has_classes: bool) -> bool:
        """Whether models of classes add it, or models of sentiment."""
        return fits(self.models, has_classes=has_classes)


LABEL = "predicted_label"
LABEL_PROBABILITY = "label_probability"
TOP_LABELS = "top_labels"
REASONS = "reasons"
REASONS_JOINED_WITH = "; "
NAMES = "--names"  # which asks for a column by naming it
_BY_SENTENCE = "sentences are counted with --by-sentence, or Scorer(by_sentence=True)"
_ASPECTS_HINT = "aspects: name them, as in Scorer(aspects='hotels')"

# The columns that scoring can add, by their role: what they hold.
ADDITIONS = {
    "sentiment": Addition("predicted_sentiment", "string"),
    "probability": Addition(PROBABILITY_COLUMNS[0], "float32"),
    "stars": Addition("predicted_stars", "float32", "--stars", place=3),
    "positive_sentences": Addition(
        "positive_sentences",
        "int32",
        "--by-sentence",
        needs="by_sentence",
        hint=_BY_SENTENCE,
        place=4,
    ),
    "negative_sentences": Addition(
        "negative_sentences",
        "int32",
        "--by-sentence",
        needs="by_sentence",
        hint=_BY_SENTENCE,
        place=4,
    ),
    "model": Addition("model", "string", NAMES, place=5, models="both"),
    "answered_by": Addition(
        "answered_by",
        "string",
        "--answered-by",
        hint="answered_by: needs a second model, --second MODEL or Scorer(second=…, unsure=…)",
        place=6,
    ),
    REASONS: Addition(
        REASONS,
        "string",
        "--reasons",
        needs="reasons",
        hint="reasons are given with --reasons, or Scorer(reasons=3)",
        place=1,
        models="both",
        separator=REASONS_JOINED_WITH,
    ),
    "aspect": Addition(
        "aspect_",
        "string",
        "--aspects",
        needs="aspects",
        hint=_ASPECTS_HINT,
        place=2,
        are_several=True,
    ),
    "aspect_probability": Addition(
        f"{PROBABILITY_COLUMNS[0]}_",
        "float32",
        "--aspect-probability",
        needs="aspects",
        hint=_ASPECTS_HINT,
        place=2,
        are_several=True,
    ),
    LABEL: Addition(LABEL, "string", models="classes"),
    LABEL_PROBABILITY: Addition(LABEL_PROBABILITY, "float32", models="classes"),
    TOP_LABELS: Addition(TOP_LABELS, "string", "--top", models="classes", separator="; "),
    "class_probability": Addition(
        "probability_", "float32", "--probabilities", are_several=True, models="classes"
    ),
}
# The roles that a user may name, of models of sentiment; each is one column.
ADDED = tuple(
    role
    for role, each in ADDITIONS.items()
    if each.fits(has_classes=False) and not each.are_several
)

_OWN = ("sentiment", "probability", "stars")  # fields of `Columns`, as files have such columns
_ONLY_IF_ADDED = ("answered_by",)

_NAMES_SHOWN = 20
_LETTERS_SHOWN = 60

# Where a column is: its name, or the keys that lead to it within objects, the outer first.
Keys = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column to look for in a file."""

    role: str  # what it holds: text, label, group, balance, stars, probability
    names: tuple[str, ...]  # to try, best first
    is_needed: bool = True
    is_named: bool = False  # by the user
    other_names: tuple[str, ...] = ()  # also usual, none better than another
    joined_with: tuple[str, ...] = ()  # names of columns whose values are appended
    named_by: str = ""  # the option, if the role has another one
    is_prefix: bool = False  # of the names: all columns that begin with it, roles "ROLE NAME"

    @property
    def option(self) -> str:
        """What the user chooses it with."""
        return self.named_by or option_of("text" if is_text(self.role) else self.role)

    def parts(self) -> list[Column]:
        """The columns whose values are joined into one text: in most cases, only this column."""
        first = replace(self, joined_with=())
        others = enumerate(self.joined_with, 2)
        return [
            first,
            *(replace(first, role=f"{self.role} {n}", names=(name,)) for n, name in others),
        ]

    def among(self, found: Collection[str]) -> Keys | None:
        """Return the first of the names that a file has; None if it has no such column."""
        return next(((name,) for name in self.names if name in found), None)

    def alike(self, found: Collection[str]) -> list[str]:
        """Find columns whose names are spelled in another way, or other usual ones.

        One is the column that is meant, of several the user has to choose.
        """
        spelled = (_spelled_like(name, found) for name in self.names)
        best = next(filter(None, spelled), [])
        others = [name for usual in self.other_names for name in _spelled_like(usual, found)]
        return list(dict.fromkeys([*best, *others]))

    def missing(self, file: str, found: Collection[str]) -> UsageError:
        """Return the error for a file without this column."""
        tried = " or ".join(repr(name) for name in self.names)
        meant = _closest(self.names[0], found) if self.is_named else None
        hint = f", did you mean {meant!r}?" if meant else ""
        return UsageError(
            f"{file}: no column {tried}{hint} (found: {_listed(found) or 'none'}). Choose one with "
            f"{self.option}."
        )

    def unclear(self, file: str, alike: Iterable[str]) -> UsageError:
        """Return the error for a file in which several columns fit this name."""
        *others, last = map(repr, alike)
        meant = repr(self.names[0]) if self.is_named else f"the column with the {self.role}"
        return UsageError(
            f"{file}: {', '.join(others)} or {last} may be meant as {meant}. Choose one with "
            f"{self.option}, spelled as it is in the file."
        )


Wanted = Sequence[Column] | None  # the columns of a table; None is for scoring


@dataclass(frozen=True)
class AddedColumn:
    """A column that scoring adds."""

    role: str  # what it holds: a key of `ADDITIONS`, or a name of one of several
    name: str
    kind: str  # its Arrow type


@dataclass(frozen=True)
class Columns:
    """Names of columns as the user gives them; None: by their usual names.

    The values of several columns of texts are joined, as `ReviewFile.take_texts` does.
    """

    text: str | tuple[str, ...] | None = None
    _: KW_ONLY
    label: str | None = None  # of the true label
    group: str | None = None  # such as the film or the product
    balance: str | None = None  # such as the domain
    stars: str | None = None  # that reviewers gave, or that scoring adds
    sentiment: str | None = None  # that scoring adds
    probability: str | None = None  # that scoring adds, and that other models give
    names: tuple[tuple[str, str], ...] = ()  # of the other roles that scoring adds
    adds: tuple[str, ...] = ("sentiment", "probability")  # what scoring adds, in order

    def __post_init__(self) -> None:
        unknown = [role for role in self.adds if not is_added(role)]
        if unknown or not {"sentiment", LABEL} & {*self.adds}:
            raise UsageError(
                f"adds: expected 'sentiment' and any of {', '.join(ADDED)}, received {self.adds!r}"
            )
        names = [column.name for column in self.added]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise UsageError(
                f"two of the added columns are called {twice[0]!r}. Name them with "
                f"{self.option_of_added}."
            )
        for role in (*_USUAL, "sentiment", *dict(self.names)):
            for name in self._named(role):
                if any("\ud800" <= letter <= "\udfff" for letter in name):  # from a command line
                    raise UsageError(f"the column name {name!a} is not valid UTF-8")
        texts = self._named("text")
        again = [name for name in texts if texts.count(name) > 1]
        if again:
            raise UsageError(f"--text-column: the column {again[0]!r} is named twice")

    @property
    def added(self) -> tuple[AddedColumn, ...]:
        """The columns that scoring adds, in order."""
        return tuple(self._added(role) for role in self.adds)

    @property
    def option_of_added(self) -> str:
        """What the user names the added columns with."""
        return f"--names {','.join(f'{role}=NAME' for role in self.adds)}"

    def _added(self, role: str) -> AddedColumn:
        addition = addition_of(role)
        usual = role if addition.are_several else addition.usual
        # Which may be an empty name.
        named = dict(self.names).get(role, getattr(self, role, None))
        return AddedColumn(role, usual if named is None else named, addition.kind)

    def with_names(self, names: Mapping[str, str]) -> Self:
        """Return the same columns with names for some roles that scoring adds."""
        return replace(
            self,
            sentiment=names.get("sentiment", self.sentiment),
            probability=names.get("probability", self.probability),
            stars=names.get("stars", self.stars),
            names=tuple((role, name) for role, name in names.items() if role not in _OWN),
        )

    def settings(self) -> dict[str, Any]:
        """Return all names for the identity of a job, by the keys of older versions."""
        found = asdict(self)
        names = dict(found.pop("names"))
        adds = found.pop("adds")
        # Older versions did not know the others.
        one_each = {
            role: names.pop(role, None)
            for role in ADDED
            if role not in _OWN and (role not in _ONLY_IF_ADDED or role in adds)
        }
        return {**found, **one_each, "aspects": tuple(names.items()), "adds": adds}

    def scored(self) -> tuple[Column, ...]:
        """What scoring reads: the text, and the label only where it is named."""
        return (self.of("text"),) if self.label is None else (self.of("text"), self.of("label"))

    def of(self, role: str) -> Column:
        """The column with a role: the one that is named, or one with a usual name."""
        named = self._named(role)
        if named:
            return Column(role, named[:1], is_named=True, joined_with=named[1:])
        is_needed = role not in _OPTIONAL
        others = _OTHER_NAMES.get(role, ())
        return Column(role, _USUAL[role], is_needed=is_needed, other_names=others)

    def _named(self, role: str) -> tuple[str, ...]:
        """The names that are given; none: by the usual ones."""
        if role in dict(self.names):
            return (dict(self.names)[role],)
        named: str | tuple[str, ...] | None = getattr(self, role)
        return (named,) if isinstance(named, str) else named or ()


def aspect_role(name: str) -> str:
    """Return the role, and the usual name, of the column that scoring adds for an aspect."""
    return f"{ADDITIONS['aspect'].usual}{name}"


def aspect_probability_role(name: str) -> str:
    """Return the role, and the usual name, of the column of an aspect's probability."""
    return f"{ADDITIONS['aspect_probability'].usual}{name}"


def class_probability_role(label: str) -> str:
    """Return the role, and the usual name, of the column of the probability of a class."""
    return f"{ADDITIONS['class_probability'].usual}{label}"


def key_of(role: str) -> str | None:
    """Return the key in `ADDITIONS` of the column with a role; None if scoring adds no such one."""
    if role in ADDITIONS and not ADDITIONS[role].are_several:
        return role
    return next((key for key, each in ADDITIONS.items() if each.has(role)), None)


def in_order_of_place() -> list[tuple[str, Addition]]:
    """Return the columns that scoring can add with their keys, in the order of an output."""
    return sorted(ADDITIONS.items(), key=lambda entry: entry[1].place)


def is_asked(addition: Addition, given: Mapping[str, Any]) -> bool:
    """Whether a column is asked for; ``given``: options by the names of their fields."""
    name = addition.option.removeprefix("--").replace("-", "_")
    return not name or bool(given[name])


def addition_of(role: str) -> Addition:
    """Return the entry of the added column with a role; raise `KeyError` for an unknown role."""
    return ADDITIONS[key_of(role) or role]


def is_of_classes(role: str) -> bool:
    """Whether a column with a role is one that only models of classes add."""
    key = key_of(role)
    return key is not None and not ADDITIONS[key].fits(has_classes=False)


def is_added(role: str) -> bool:
    """Whether a column with a role may be added."""
    return key_of(role) is not None


def option_of(role: str) -> str:
    """Return the option that names the column with a role; the roles "by NAME" share one."""
    role, _, name = role.partition(" ")
    return "--by" if name else f"--{role.replace('_', '-')}-column"


def is_text(role: str) -> bool:
    """Whether a column with a role has texts, all of them or the second part, "text 2"."""
    return role.partition(" ")[0] == "text"


def plain_name(name: str) -> str:
    """Write a name as names are compared: in lower case, without spaces, `_` and `-`."""
    return "".join(letter for letter in name.casefold() if not (letter.isspace() or letter in "_-"))


def _spelled_like(name: str, found: Collection[str]) -> list[str]:
    """Return the columns with a name; without one, the columns that are spelled alike."""
    if name in found:
        return [name]
    plain = plain_name(name)
    return [other for other in found if plain and plain_name(other) == plain]


def _closest(name: str, found: Collection[str]) -> str | None:
    """Return the column that a misspelled name probably means; None if no name is close."""
    from difflib import get_close_matches  # takes a few ms

    by_plain = {plain_name(other): other for other in reversed(list(found))}
    close = get_close_matches(plain_name(name), by_plain, n=1, cutoff=0.7)
    return by_plain[close[0]] if close else None


def _listed(names: Collection[str]) -> str:
    shown = [
        name if name.isprintable() and name else repr(name)
        for name in (name[:_LETTERS_SHOWN] for name in list(names)[:_NAMES_SHOWN])
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f", and {more:,} more" if more else "")

"""How an option is defined, and the options that several commands share.

An option is defined once, as the annotation of a parameter or of a field of a dataclass. The help,
the command reference, the completion of shells and a test of wrong values follow from it. A command
takes the options of a dataclass by a parameter of that type (`toolkit.cli.commands`). Help
texts are Markdown, and short: what a user needs only now and then is `more`, for the reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from toolkit.errors import UsageError
from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED
from toolkit.records.columns import ADDED, PROBABILITY_COLUMNS, Columns
from toolkit.records.formats import FORMATS
from toolkit.records.options import LabelNames, ReadOptions

# Headings of `--help`.
COLUMNS = "Columns and labels"
READING = "Reading files"
WRITING = "Output"

Complete = Callable[[str], list[str]]  # what may follow what is typed so far

OUTPUT_FORMATS = [name for name, each in FORMATS.items() if each.can_write]
FILES = "CSV, TSV, JSON, Parquet or Excel; text also as .gz, .zst, .bz2, .xz, or in a .zip"
MODELS = (
    f"A shipped model ({', '.join(SHIPPED)}), a model file of `toolkit export`, or a run folder of "
    "`toolkit train`"
)


def option(
    value: str | None,
    what: str,
    default: str | bool = False,
    names: tuple[str, ...] = (),
    *,
    panel: str | None = None,
    more: str = "",
    values: Collection[str] | Complete = (),
    **settings: Any,
) -> Any:
    """Describe an option, for `Annotated`.

    ``value`` is the name of its value in the help, None for a flag. ``default`` describes the
    default in the help; True shows the default itself. ``names`` replace those that Typer makes.
    ``panel`` is its heading in the help; all options of a dataclass have that of its `panel`.
    ``more`` is for the reference. No other value than ``values`` is taken; shells complete them, or
    what a function in their place gives.
    """
    if isinstance(default, str):  # Typer would give it a line of its own
        what, default = f"{what} Default: {default}.", False
    made = typer.Option(
        *names,
        metavar=value or " ",  # else Typer shows the type of a flag
        help=what,
        rich_help_panel=panel,
        show_default=default,
        autocompletion=values if callable(values) else _completion(values),
        callback=None if callable(values) or not values else _check(values),
        **settings,
    )
    made.more = more
    return made


def argument(value: str, what: str, more: str = "") -> Any:
    """Describe an argument, for `Annotated`."""
    made = typer.Argument(metavar=value, help=what, show_default=False)
    made.more = more
    return made


def flag(name: str, what: str, *others: str, panel: str | None = None, more: str = "") -> Any:
    """Describe an option without a value, for `Annotated`."""
    return option(None, what, names=(name, *others), more=more, panel=panel)


def _completion(values: Collection[str]) -> Complete | None:
    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete if values else None  # which leaves it to the type


def _check(values: Collection[str]) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in values:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(values)}.")
        return value

    return check


def models(incomplete: str) -> list[str]:
    """Complete the name of a shipped model or of a file."""
    folder = Path(incomplete).parent
    files = [f"{path}{'/' * path.is_dir()}" for path in sorted(folder.glob("*"))]
    return [name for name in (*SHIPPED, *files) if name.startswith(incomplete)]


# Models.
Model = Annotated[
    Path | None,
    option(
        "MODEL",
        "Name, file or run folder.",
        DEFAULT_MODEL,
        ("--model", "-m"),
        more=f"{MODELS}.",
        values=models,
    ),
]
THRESHOLD = "Positive from here."
THRESHOLD_MORE = "It is the probability from which a review is positive, 0 to 1."
_OWN = "the model's"
Threshold = Annotated[float | None, option("P", THRESHOLD, _OWN, more=THRESHOLD_MORE)]

# Columns.
_TEXT_MORE = (
    "In JSON Lines and Parquet, a dot leads into objects: review.body. In files without a header, "
    "it is the number of the column, from 1. May be given several times: the texts are joined by "
    "line breaks. Without it, the column is text, else review, else one such as review_text, "
    "content, comment or body; names are found however they are spelled."
)
_LABEL_MORE = (
    "0 or 1, negative or positive (neg or pos), or the probability of positive from 0 to 1; also "
    "with neutral, from -1 to 1, or stars, 1 to 5 or 1 to 10. Neutral reviews are left out, such "
    "as those with 3 of 5 stars, or 5 and 6 of 10."
)
_POSITIVE_MORE = (
    "Where labels have names of their own. Other labels than those named with --positive and "
    "--negative are neutral; if only one of the two is given, they are its opposite. May be given "
    "several times."
)
_GROUP_MORE = (
    "Values that belong together, such as the film, the product or the domain. `train` keeps a "
    "group on one side of every split; `evaluate` and `diff` show figures of each group. Several "
    "files of `diff` are groups without it."
)


TextColumn = Annotated[
    list[str] | None,
    option("NAME", "With the texts.", "text or review", panel=COLUMNS, more=_TEXT_MORE),
]
GroupColumn = Annotated[
    str | None, option("NAME", "Column with groups of reviews.", more=_GROUP_MORE, panel=COLUMNS)
]
ProbabilityColumn = Annotated[
    str | None,
    option(
        "NAME",
        "Column of other models' probabilities.",
        ", else ".join(PROBABILITY_COLUMNS),
        more="Of positive, 0 to 1.",
        panel=COLUMNS,
    ),
]

# Output.
Force = Annotated[bool, flag("--force", "Replace existing files.", panel=WRITING)]
Json = Annotated[
    bool, flag("--json", "Print JSON.", more="On standard output, instead of text.", panel=WRITING)
]
Quiet = Annotated[bool, flag("--quiet", "Print nothing unless something fails.", "-q")]


@dataclass(frozen=True)
class LabelOptions:
    """What labels are, for commands that need them."""

    panel: ClassVar = COLUMNS

    label_column: Annotated[
        str | None,
        option("NAME", "Column with the labels.", "label or sentiment", more=_LABEL_MORE),
    ] = None
    positive: Annotated[
        list[str] | None, option("LABEL", "Label that means positive.", more=_POSITIVE_MORE)
    ] = None
    negative: Annotated[
        list[str] | None, option("LABEL", "Label that means negative.", more="As for --positive.")
    ] = None
    positive_from: Annotated[
        float | None,
        option(
            "N",
            "Number from which labels are positive.",
            more="Lower ones are negative, none is neutral.",
        ),
    ] = None

    @property
    def names(self) -> LabelNames:
        """What is said of the labels themselves."""
        return LabelNames(
            tuple(self.positive or ()), tuple(self.negative or ()), self.positive_from
        )


@dataclass(frozen=True)
class ReadingOptions:
    """How files are read, for all commands that read reviews."""

    panel: ClassVar = READING

    input_format: Annotated[
        str | None,
        option(
            "FORMAT",
            f"{', '.join(FORMATS)}.",
            names=("--format",),
            more="Format of the input, where it is not that of the file name.",
            values=FORMATS,
        ),
    ] = None
    delimiter: Annotated[str | None, option("CHAR", r"Between fields; \t is a tab.", "comma")] = (
        None
    )
    quote: Annotated[
        str,
        option(
            "CHAR|none",
            'Around fields. Default: ".',
            more="With none, each line is a record, and a quote is a character like others.",
        ),
    ] = '"'
    escape: Annotated[
        str | None,
        option(
            "CHAR",
            "Before a quote or a line end in a field.",
            more="It makes the next character one like others, such as the backslash in Spark and "
            "MySQL exports. After it, n is a line end and t a tab.",
        ),
    ] = None
    skip_lines: Annotated[
        int,
        option(
            "N",
            "Lines before the header.",
            min=0,
            more="Such as a title; they stay as they are. A first line such as sep=; is known "
            "without this.",
        ),
    ] = 0
    encoding: Annotated[
        str | None,
        option("NAME", "Such as latin-1 or utf-16.", "utf-8", more="Output is always UTF-8."),
    ] = None
    no_header: Annotated[bool, flag("--no-header", "The first line is a record.")] = False
    sheet: Annotated[str | None, option("NAME", "Of an Excel workbook, if it has several.")] = None

    def options(self, columns: Columns, labels: LabelNames | None = None) -> ReadOptions:
        r"""Put all that is said of reading together; a shell passes ``\t`` as two characters."""
        return ReadOptions(
            columns,
            format=self.input_format,
            delimiter="\t" if self.delimiter == r"\t" else self.delimiter,
            quote=None if self.quote == "none" else self.quote,
            escape=self.escape,
            skip_lines=self.skip_lines,
            encoding=self.encoding,
            sheet=self.sheet,
            labels=labels or LabelNames(),
            header=not self.no_header,
        )


@dataclass(frozen=True)
class SubsetOptions:
    """Which records of each file are taken."""

    panel: ClassVar = READING

    limit: Annotated[int | None, option("N", "Take the first N records of each file.", min=1)] = (
        None
    )
    sample: Annotated[
        int | None,
        option(
            "N",
            "Take N random records of each file.",
            min=1,
            more="In their order; always the same ones.",
        ),
    ] = None


def text_columns(named: list[str] | None) -> str | tuple[str, ...] | None:
    """Give what `Columns` takes: none, one, or several."""
    return named[0] if named and len(named) == 1 else tuple(named or ()) or None


def names_of_added(given: list[str] | None) -> dict[str, str]:
    """Read ``sentiment=label,probability=p``: the names of added columns by what they hold.

    A comma ends a name only if another key follows, so that names may have commas.
    """
    names: dict[str, str] = {}
    for entry in (each for text in given or () for each in re.split(r",(?=\w+=)", text)):
        key, equals, name = entry.partition("=")
        if not equals or key not in ADDED:
            raise UsageError(
                f"--names: expected KEY=NAME, with {', '.join(ADDED)} as keys, received {entry!r}"
            )
        if key in names:
            raise UsageError(f"--names: the column of {key!r} is named twice")
        names[key] = name
    return names

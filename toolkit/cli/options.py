"""How an option is defined, and the options that several commands share.

An option is defined once, as the annotation of a parameter or of a field of a dataclass. The help,
the command reference of the site, the completion of shells and a test of wrong values are derived
from it. A command takes the options of a dataclass by a parameter of that type
(`toolkit.cli.commands`). Help texts are Markdown: what the option does, then what to know about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from toolkit.errors import UsageError
from toolkit.model import ASPECT_LISTS, DEFAULT_MODEL, SHIPPED
from toolkit.records.columns import ADDED, PROBABILITY_COLUMNS, Columns, is_added
from toolkit.records.formats import FORMATS
from toolkit.records.options import NULL_WORDS, STDIN, LabelNames, ReadOptions
from toolkit.stores.paths import path_of

# Headings of `--help`.
COLUMNS = "Columns and labels"
READING = "Reading files"
WRITING = "Output"

if TYPE_CHECKING:
    from toolkit.model.aspects import Aspects as AspectWords

Complete = Callable[[str], list[str]]  # from what is typed so far to the possible values

OUTPUT_FORMATS = [name for name, each in FORMATS.items() if each.can_write]


def option(
    value: str | None,
    what: str,
    default: str | bool = False,
    names: tuple[str, ...] = (),
    *,
    panel: str | None = None,
    values: Collection[str] | Complete = (),
    **settings: Any,
) -> Any:
    """Describe an option, for `Annotated`.

    - ``value``: name of the value in the help; None for a flag
    - ``what``: the help text
    - ``default``: describes the default in the help; True shows the default value
    - ``names``: replace the names that Typer makes
    - ``panel``: heading in the help; the options of a dataclass have its attribute `panel`
    - ``values``: the only values that are accepted, and that shells complete; a function only
      completes
    """
    if isinstance(default, str):  # Typer would print it on a separate line
        what = f"{what} Default: {default}."
        default = False
    return typer.Option(
        *names,
        metavar=value or " ",  # with none, Typer would print the type of a flag
        help=what,
        rich_help_panel=panel,
        show_default=default,
        autocompletion=values if callable(values) else _completion(values),
        callback=None if callable(values) or not values else _check(values),
        **settings,
    )


def argument(value: str, what: str) -> Any:
    """Describe an argument, for `Annotated`."""
    return typer.Argument(metavar=value, help=what, show_default=False)


def flag(name: str, what: str, *others: str, panel: str | None = None) -> Any:
    """Describe an option without a value, for `Annotated`."""
    return option(None, what, names=(name, *others), panel=panel)


def _completion(values: Collection[str]) -> Complete | None:
    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete if values else None  # None: Typer completes by the type


def _check(values: Collection[str]) -> Callable[[str | None], str | None]:
    def check(value: str | None) -> str | None:
        if value is not None and value not in values:
            raise typer.BadParameter(f"{value!r} is not one of {', '.join(values)}.")
        return value

    return check


def models(incomplete: str) -> list[str]:
    """Complete the name of a shipped model or of a file."""
    folder = Path(incomplete).parent
    files = [f"{path}/" if path.is_dir() else str(path) for path in sorted(folder.glob("*"))]
    return [name for name in (*SHIPPED, *files) if name.startswith(incomplete)]


# Models.
Model = Annotated[
    Path | None,
    option(
        value="MODEL",
        what="Model to use: a name, a file, a run folder or a classifier folder.",
        default=DEFAULT_MODEL,
        names=("--model", "-m"),
        values=models,
    ),
]
THRESHOLD = "Probability from which a review is positive."
Threshold = Annotated[float | None, option("P", THRESHOLD, "the model's")]

# Columns.


TextColumn = Annotated[
    list[str] | None,
    option(
        "NAME",
        "Column with the review text. Repeat it to join several.",
        "text or review",
        panel=COLUMNS,
    ),
]
GroupColumn = Annotated[
    str | None,
    option(
        "NAME",
        "Column that groups the reviews, such as by film. Figures are reported by group, and "
        "training keeps a group on one side of a split.",
        panel=COLUMNS,
    ),
]
ProbabilityColumn = Annotated[
    str | None,
    option(
        "NAME",
        "Column with the probabilities of positive, 0 to 1, of another model.",
        ", else ".join(PROBABILITY_COLUMNS),
        panel=COLUMNS,
    ),
]

# Output.
Force = Annotated[bool, flag("--force", "Replace files that exist.", panel=WRITING)]
Json = Annotated[bool, flag("--json", "Print the result as JSON.", panel=WRITING)]
Quiet = Annotated[bool, flag("--quiet", "Print nothing unless something fails.", "-q")]


@dataclass(frozen=True)
class LabelOptions:
    """Options of labels, for commands that need labels."""

    panel: ClassVar = COLUMNS

    label_column: Annotated[
        str | None,
        option(
            "NAME",
            "Column with the labels: 0 and 1, negative and positive, probabilities, -1 to 1, or "
            "1 to 5 or 10 stars. Neutral ones, such as 3 of 5 stars, are left out.",
            "label or sentiment",
        ),
    ] = None
    positive: Annotated[
        list[str] | None,
        option(
            "LABEL",
            "Label that means positive, such as good. All others are negative, or neutral if "
            "--negative is given, too. Repeat it for more.",
        ),
    ] = None
    negative: Annotated[
        list[str] | None,
        option("LABEL", "Label that means negative, such as bad. It works as --positive does."),
    ] = None
    positive_from: Annotated[
        float | None,
        option("N", "Smallest positive label, such as 4; smaller numbers are negative."),
    ] = None
    skip_wrong_labels: Annotated[
        bool,
        flag(
            "--skip-wrong-labels",
            "Leave out and count rows whose label is missing or unknown, which is an error "
            "otherwise.",
        ),
    ] = False

    @property
    def names(self) -> LabelNames:
        """The meaning of labels, as the options define it."""
        return LabelNames(
            positive=tuple(self.positive or ()),
            negative=tuple(self.negative or ()),
            positive_from=self.positive_from,
            skip_wrong=self.skip_wrong_labels,
        )


@dataclass(frozen=True)
class ReadingOptions:
    """Options of reading files, for all commands that read reviews."""

    panel: ClassVar = READING

    input_format: Annotated[
        str | None,
        option(
            "FORMAT",
            f"Format of the input: {', '.join(FORMATS)}.",
            "the ending of its name",
            names=("--format",),
            values=FORMATS,
        ),
    ] = None
    delimiter: Annotated[
        str | None, option("CHAR", r"Character between fields; \t is a tab.", "comma")
    ] = None
    quote: Annotated[
        str | None,
        option(
            "CHAR|none", "Character around fields. With none, quotes are ordinary characters.", '"'
        ),
    ] = None
    escape: Annotated[
        str | None,
        option(
            "CHAR",
            "Character before a quote or line end in a field. After it, n is a line end and t a "
            "tab, as in exports of Spark and MySQL.",
        ),
    ] = None
    skip_lines: Annotated[
        int, option("N", "Number of lines to skip before the header; the output keeps them.", min=0)
    ] = 0
    encoding: Annotated[
        str | None,
        option(
            "NAME", "Encoding of the input, such as latin-1 or utf-16. Output is UTF-8.", "utf-8"
        ),
    ] = None
    null: Annotated[
        list[str] | None,
        option(
            "WORD",
            f"Treat fields with this word as missing, as those with {', '.join(NULL_WORDS)}. "
            "Repeat it for more.",
        ),
    ] = None
    no_null: Annotated[
        bool, flag("--no-null", "Treat words such as NULL or NaN as text, except those of --null.")
    ] = False
    no_header: Annotated[bool, flag("--no-header", "Read the first line as a record.")] = False
    sheet: Annotated[
        str | None, option("NAME", "Sheet to read, if an Excel workbook has several.")
    ] = None
    strip_ending: Annotated[
        list[str] | None,
        option(
            "WORDS",
            "Ignore these words at the end of a text, such as READ MORE; capitals must match. "
            "Repeat it for more.",
        ),
    ] = None

    def options(self, columns: Columns, labels: LabelNames | None = None) -> ReadOptions:
        """Return the options of reading, for some columns and labels."""
        null_words = () if self.no_null else NULL_WORDS
        return ReadOptions(
            columns,
            format=self.input_format,
            # A shell passes \t as two characters.
            delimiter="\t" if self.delimiter == r"\t" else self.delimiter,
            quote={None: '"', "none": None}.get(self.quote, self.quote),
            quote_is_sure=self.quote not in (None, "none"),
            escape=self.escape,
            skip_lines=self.skip_lines,
            encoding=self.encoding,
            sheet=self.sheet,
            strip_endings=tuple(self.strip_ending or ()),
            labels=labels or LabelNames(),
            null_words=(*null_words, *(self.null or ())),
            header=not self.no_header,
        )


@dataclass(frozen=True)
class SubsetOptions:
    """Options for a part of the records of each file."""

    panel: ClassVar = READING

    limit: Annotated[
        int | None, option("N", "Read only the first N records of each file.", min=1)
    ] = None
    sample: Annotated[
        int | None,
        option("N", "Read only N random records of each file, the same in every run.", min=1),
    ] = None


def text_columns(named: list[str] | None) -> str | tuple[str, ...] | None:
    """Return the columns as `Columns` takes them: None, one name, or a tuple of names."""
    if not named:
        return None
    return named[0] if len(named) == 1 else tuple(named)


Aspects = Annotated[
    str | None,
    option(
        "LIST|FILE",
        f"Add a column for each aspect of a list: {', '.join(ASPECT_LISTS)}, or a TOML file.",
    ),
]
Aspect = Annotated[
    list[str] | None, option("NAME=WORD,…", "Add one more aspect, such as spa=spa,sauna*.")
]

MinProbability = Annotated[
    float | None,
    option("SHARE", "Lowest probability at which a text gets a class.", min=0, max=1),
]
Other = Annotated[
    str | None, option("LABEL", "Label of texts in which no class reaches --min-probability.")
]


def aspects_of(lists: str | None, single: list[str] | None) -> AspectWords | None:
    """Read ``--aspects`` and ``--aspect``; raise `UsageError` if they are not lists of words."""
    if lists is None and not single:
        return None
    from toolkit.model.aspects import Aspects as Found  # late: it imports Arrow

    return Found.of_options(lists, single or ())


def names_of_added(given: list[str] | None) -> dict[str, str]:
    """Parse ``sentiment=label,probability=p``: return the names of added columns by their keys.

    A comma ends a name only if another key follows, so names may contain commas.
    """
    names: dict[str, str] = {}
    for entry in (each for text in given or () for each in re.split(r",(?=\w+=)", text)):
        key, equals, name = entry.partition("=")
        if not equals or not is_added(key):
            raise UsageError(
                f"--names: expected KEY=NAME, where KEY is {', '.join(ADDED)} or aspect_NAME, "
                f"received {entry!r}"
            )
        if key in names:
            raise UsageError(f"--names: {key!r} is renamed twice. Name it once.")
        names[key] = name
    return names


def check_rows_file(
    path: Path,
    inputs: Collection[Path],
    name: str = "--output",
    others: Collection[Path] = (),
    *,
    force: bool,
) -> None:
    """Raise `UsageError` if a file of rows could not be written at the end of the command."""
    from toolkit.files import check_is_no_input, check_output_file, resolved
    from toolkit.records.formats import output_format_of

    path = path_of(path)
    if path == STDIN:
        raise UsageError(f"{name}: cannot go to standard output; name a file.")
    if resolved(path) in map(resolved, others):
        raise UsageError(
            f"{path}: is the file of both {name} and --report. Choose two different files."
        )
    output_format_of(path, option=name)
    check_is_no_input(path, inputs, name)  # patterns among the inputs are not expanded
    check_output_file(path, force=force, option=name)

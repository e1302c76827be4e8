"""The options that several commands share: one name, one help text and one default for each.

They are for annotations: ``text_column: TextColumn = None``. Help texts are Markdown, and name
defaults and units.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED
from toolkit.records.columns import Columns
from toolkit.records.formats import FORMATS
from toolkit.records.read_options import ReadOptions

# Headings of `--help`.
COLUMNS = "Columns"
READING = "Reading files"
WRITING = "Output"
RUNNING = "How it runs"

FORMAT_NAMES = ", ".join(FORMATS)
FILES = "CSV, TSV, JSON Lines or Parquet, also compressed with .gz or .zst"
MODELS = (
    f"A shipped model ({', '.join(SHIPPED)}), a model file of `toolkit export`, or a run folder of "
    "`toolkit train`"
)


def _option(*names: str, help: str, panel: str | None = None, **settings: Any) -> Any:  # noqa: A002
    settings.setdefault("show_default", False)
    return typer.Option(*names, help=help, rich_help_panel=panel, **settings)


def _column(what: str, default: str | bool = False) -> Any:
    return _option(metavar="NAME", help=what, panel=COLUMNS, show_default=default)


# A model.

Model = Annotated[
    Path | None,
    _option(
        "--model",
        "-m",
        metavar="MODEL",
        help=f"{MODELS}.",
        show_default=DEFAULT_MODEL,
    ),
]
Threshold = Annotated[
    float | None,
    _option(
        metavar="P",
        help="Probability from which a review is positive, 0 to 1.",
        show_default="the model's own",
    ),
]

# Columns.

TextColumn = Annotated[
    str | None,
    _column(
        "Column with the texts. In JSON Lines and Parquet, a dot leads into objects: review.body. "
        "In files without a header, the number of the column, from 1.",
        "text, else review",
    ),
]
_LABELS = (
    "Column with the labels: 0 or 1, negative or positive, neg or pos, or the probability of "
    "positive from 0 to 1."
)
LabelColumn = Annotated[str | None, _column(_LABELS, "label, else sentiment")]
LabelColumnIfNamed = Annotated[
    str | None,
    _column(
        "Column with the labels: 0 or 1, negative or positive, neg or pos. The summary then shows "
        "the accuracy; the output is the same."
    ),
]
GroupColumn = Annotated[
    str | None,
    _column(
        "Column whose equal values belong together, such as the film or the product. `train` keeps "
        "a group on one side of every split; `evaluate` shows the largest and the weakest groups."
    ),
]
IdColumn = Annotated[
    str | None,
    _column("Column with the ids, by which reviews and teacher scores are matched.", "id, if any"),
]
StarsColumn = Annotated[
    str | None,
    _column(
        "Column with the star ratings, to show the accuracy by rating.", "stars or rating, if any"
    ),
]
SentimentColumn = Annotated[
    str | None, _column("Name of the added column with the label.", "predicted_sentiment")
]
ProbabilityColumn = Annotated[
    str | None, _column("Column with the probability of positive, 0 to 1.", "positive_probability")
]

# Reading files.

Format = Annotated[
    str | None,
    _option(
        "--format",
        metavar="FORMAT",
        help=f"Format of the input: {FORMAT_NAMES}.",
        panel=READING,
        show_default="by the file name",
    ),
]
Delimiter = Annotated[
    str | None,
    _option(
        metavar="CHAR",
        help=r"Character between two fields of a CSV file; \t is a tab.",
        panel=READING,
        show_default="comma",
    ),
]
Encoding = Annotated[
    str | None,
    _option(
        metavar="NAME",
        help="Encoding of the input, such as latin-1 or utf-16. Output is always UTF-8.",
        panel=READING,
        show_default="utf-8",
    ),
]
NoHeader = Annotated[
    bool,
    _option("--no-header", help="The CSV file has no header line.", panel=READING),
]

# Output.

Force = Annotated[bool, _option("--force", help="Replace existing files.", panel=WRITING)]
Json = Annotated[
    bool, _option("--json", help="Print JSON on standard output instead of text.", panel=WRITING)
]
Quiet = Annotated[
    bool, _option("--quiet", "-q", help="Print nothing unless something fails.", panel=RUNNING)
]


def reading(
    columns: Columns,
    format: str | None,  # noqa: A002
    delimiter: str | None,
    encoding: str | None,
    no_header: bool,
) -> ReadOptions:
    r"""Put the options of reading together; a shell passes ``\t`` as two characters."""
    return ReadOptions(
        columns,
        format=format,
        delimiter="\t" if delimiter == r"\t" else delimiter,
        encoding=encoding,
        header=not no_header,
    )

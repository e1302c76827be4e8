"""The options that several commands share: one name, one help text and one default for each.

They annotate the parameters of a command: ``text_column: TextColumn = None``. Help texts are
Markdown; they name units, and defaults that Typer cannot know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED
from toolkit.records.columns import (
    NEGATIVE_SENTENCES_COLUMN,
    POSITIVE_SENTENCES_COLUMN,
    PREDICTED_STARS_COLUMN,
    PROBABILITY_COLUMN,
    PROBABILITY_COLUMNS,
    SENTIMENT_COLUMN,
)
from toolkit.records.formats import FORMATS
from toolkit.records.read_options import LabelNames

# Headings of `--help`.
COLUMNS = "Columns"
READING = "Reading files"
WRITING = "Output"
RUNNING = "How it runs"
ADDED = "Names of added columns"

FORMAT_NAMES = ", ".join(FORMATS)
OUTPUT_FORMAT_NAMES = ", ".join(name for name, each in FORMATS.items() if each.can_write)
FILES = "CSV, TSV, JSON, Parquet or Excel; text also as .gz, .zst, .bz2, .xz, or in a .zip"
MODELS = (
    f"A shipped model ({', '.join(SHIPPED)}), a model file of `toolkit export`, or a run folder of "
    "`toolkit train`"
)


def option(
    value: str | None,
    what: str,
    panel: str | None = None,
    default: str | bool = False,
    names: tuple[str, ...] = (),
    **settings: Any,
) -> Any:
    """Describe an option, for `Annotated`.

    ``value`` is the name of its value in the help, None for a flag. ``default`` describes the
    default in the help; True shows the default itself. ``names`` replace those that Typer makes.
    """
    if isinstance(default, str):  # Typer would give it a line of its own
        what, default = f"{what} Default: {default}.", False
    return typer.Option(
        *names,
        metavar=value or " ",  # else Typer shows the type of a flag
        help=what,
        rich_help_panel=panel,
        show_default=default,
        **settings,
    )


def _column(what: str, default: str | bool = False) -> Any:
    return option("NAME", what, COLUMNS, default)


def _added(what: str, default: str) -> Any:
    return option("NAME", f"Column with the {what}.", ADDED, default)


# Models.
Model = Annotated[
    Path | None, option("MODEL", f"{MODELS}.", None, DEFAULT_MODEL, ("--model", "-m"))
]
THRESHOLD = "Probability from which a review is positive, 0 to 1."
Threshold = Annotated[float | None, option("P", THRESHOLD, None, "the model's own")]
NewThreshold = Annotated[float | None, option("P", THRESHOLD, None, "the run's own, or 0.5")]

# Parts of files.
LIMIT = "Take only the first N records of each file."
SAMPLE = "Take only N random records of each file, in their order; always the same ones."

# Columns.
_TEXT = (
    "Column with the texts. In JSON Lines and Parquet, a dot leads into objects: review.body. In "
    "files without a header, the number of the column, from 1. May be given several times: the "
    "texts are joined by line breaks."
)
_LABEL = (
    "Column with the labels: 0 or 1, negative or positive, neg or pos, or the probability of "
    "positive from 0 to 1."
)
_LABELS = (
    "Column with the labels: 0 or 1, negative or positive (neg or pos), or the probability of "
    "positive from 0 to 1; also with neutral, from -1 to 1, or stars, 1 to 5 or 1 to 10. Neutral "
    "reviews are left out, such as those with 3 of 5 stars, or 5 and 6 of 10."
)
_POSITIVE = (
    "Label that means positive, where labels have names of their own. May be given several times."
)
_NEGATIVE = (
    "Label that is negative. Other labels than those named with --positive and --negative are "
    "neutral; if only one of the two is given, they are its opposite. May be given several times."
)
_POSITIVE_FROM = "Number from which labels are positive; lower ones are negative, none is neutral."
_IF_NAMED = " The summary then shows the accuracy; the output is the same."
_GROUP = (
    "Column whose equal values belong together, such as the film, the product or the domain. "
    "`train` keeps a group on one side of every split; `evaluate` shows figures of each group."
)
_TOPIC = (
    "Column with one of two topics, such as films and all else, for the preset ngram-pool: its "
    "network has experts for long reviews of each topic, and for short ones. Each topic needs 50 "
    "positive and 50 negative reviews of 40 tokens or more."
)
_BALANCE = (
    "Column with the kind of product, such as hotels and phones, for presets over pairs of words. "
    "Each kind counts by the root of its number of reviews, and both labels count the same in it. "
    "Reviews without one are a kind, too."
)
_ID = "Column with the ids, by which reviews and teacher scores are matched."
_PROBABILITY = "Column of other models' probabilities of positive, 0 to 1."
_STARS = (
    "Column with the star ratings, of 5 or of 10, to show the accuracy by rating, and how well the "
    "stars of models are."
)
_STARS_TO_LEARN = (
    "Column with the star ratings, of 5 or of 10, from which the model learns to tell stars. "
    "Labels that are stars need no such column."
)
_MODEL_COLUMN = (
    "Add a column of this name with the model's name, version and hash, such as reviews 2026.11 "
    "sha256-0123456789abcdef. Rows without a score have it, too."
)

_USUAL_TEXT = "text, else review, else one such as review_text, content, comment or body"
TextColumn = Annotated[list[str] | None, _column(_TEXT, _USUAL_TEXT)]
LabelColumn = Annotated[str | None, _column(_LABELS, "label, else sentiment")]
Positive = Annotated[list[str] | None, option("LABEL", _POSITIVE, COLUMNS)]
Negative = Annotated[list[str] | None, option("LABEL", _NEGATIVE, COLUMNS)]
PositiveFrom = Annotated[float | None, option("N", _POSITIVE_FROM, COLUMNS)]
LabelColumnIfNamed = Annotated[str | None, _column(_LABEL + _IF_NAMED)]
GroupColumn = Annotated[str | None, _column(_GROUP)]
BalanceColumn = Annotated[str | None, _column(_BALANCE)]
TopicColumn = Annotated[str | None, _column(_TOPIC)]
IdColumn = Annotated[str | None, _column(_ID, "id, if any")]
StarsToLearn = Annotated[str | None, _column(_STARS_TO_LEARN, "stars or rating, if any")]
StarsColumn = Annotated[str | None, _column(_STARS, "stars or rating, if any")]
ProbabilityColumn = Annotated[
    str | None, _column(_PROBABILITY, ", else ".join(PROBABILITY_COLUMNS))
]
AddedSentiment = Annotated[str | None, _added("label", SENTIMENT_COLUMN)]
AddedStars = Annotated[str | None, _added("stars", PREDICTED_STARS_COLUMN)]
AddedPositiveSentences = Annotated[
    str | None, _added("number of positive sentences", POSITIVE_SENTENCES_COLUMN)
]
AddedNegativeSentences = Annotated[
    str | None, _added("number of negative sentences", NEGATIVE_SENTENCES_COLUMN)
]
AddedModel = Annotated[str | None, option("NAME", _MODEL_COLUMN, ADDED)]
AddedProbability = Annotated[str | None, _added("probability", PROBABILITY_COLUMN)]

# Output.
_JSON = "Print JSON on standard output instead of text."
_QUIET = "Print nothing unless something fails."

Force = Annotated[bool, option(None, "Replace existing files.", WRITING, names=("--force",))]
Json = Annotated[bool, option(None, _JSON, WRITING, names=("--json",))]
Quiet = Annotated[bool, option(None, _QUIET, RUNNING, names=("--quiet", "-q"))]


def text_columns(named: list[str] | None) -> str | tuple[str, ...] | None:
    """Give what `Columns` takes: none, one, or several."""
    return named[0] if named and len(named) == 1 else tuple(named or ()) or None


def label_names(
    positive: list[str] | None, negative: list[str] | None, positive_from: float | None
) -> LabelNames:
    """Put together what is said of the labels."""
    return LabelNames(tuple(positive or ()), tuple(negative or ()), positive_from)

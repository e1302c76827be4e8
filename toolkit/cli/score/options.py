"""The options of `toolkit score` that no other command has."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import options as o


class OnError(StrEnum):
    """What to do with a record that cannot be read."""

    reject = "reject"
    stop = "stop"


class LogFormat(StrEnum):
    """How messages on standard error are written."""

    text = "text"
    json = "json"


# Headings of `--help`, besides those of all commands.
LABELS = "Labels and stars"
REJECTS = "Rejects and limits"

_FILES = (
    f"Files of reviews ({o.FILES}), folders, patterns such as 'data/*.csv', or - for standard "
    "input. Here and elsewhere, s3://, gs:// and az:// name objects in a store."
)
_OUTPUT = (
    "File to write, - for standard output, or a folder for several files; a slash at the end makes "
    "a new folder. The ending of the file name decides the format."
)
_OUTPUT_FORMAT = f"Format of the output: {o.OUTPUT_FORMAT_NAMES}."
_RESUME = "Continue an interrupted run of the same command."
_DRY_RUN = "Show how the files would be read, and what would be written; write nothing."
_NEUTRAL = "Reviews in the model's neutral range of probabilities get the label 'neutral'."
_NEUTRAL_RANGE = (
    "Probabilities from LOW to below HIGH get the label 'neutral', such as 0.4:0.6. The threshold "
    "must be between them."
)
_STARS = "Add a column with stars from 1 to 5, the mean of what such reviews give."
_BY_SENTENCE = (
    "Score each sentence, too: reviews whose sentences disagree get the label 'mixed', and two "
    "columns have the numbers of clearly positive and negative sentences."
)
_ON_ERROR = "What to do with a record that cannot be read: reject it and continue, or stop."
_MAX_REJECTED = (
    "Most records of a file that may be rejected, such as 100 or 1%. A file with more fails and "
    "has no output."
)
_REJECTED = (
    "File for the records that cannot be read, - for standard output, or none to only count them."
)
_SKIP_EXISTING = "Leave out files whose output exists: score only what is new."
_REPORT = "File for the summary as JSON. It is written if the run fails, too."
_LOG_FORMAT = "Messages on standard error as text, or as one JSON object per line."
_WORKERS = "Number of threads that score."
_CHECKPOINT = "Time between two checkpoints for --resume."

Files = Annotated[list[str], typer.Argument(metavar="FILE", help=_FILES, show_default=False)]
# A Path would forget the slash at the end of a folder's name.
_BESIDE = "beside the input: reviews.scored.csv"
Output = Annotated[str | None, o.option("PATH", _OUTPUT, None, _BESIDE, ("--output", "-o"))]
Force = Annotated[bool, o.option(None, "Replace existing files.", names=("--force",))]
Resume = Annotated[bool, o.option(None, _RESUME, names=("--resume",))]
SkipExisting = Annotated[bool, o.option(None, _SKIP_EXISTING, names=("--skip-existing",))]
DryRun = Annotated[bool, o.option(None, _DRY_RUN, names=("--dry-run",))]

_OWN = "the model's own"
Threshold = Annotated[float | None, o.option("P", o.THRESHOLD, LABELS, _OWN)]
Neutral = Annotated[bool, o.option(None, _NEUTRAL, LABELS, names=("--neutral",))]
NeutralRange = Annotated[str | None, o.option("LOW:HIGH", _NEUTRAL_RANGE, LABELS)]
Stars = Annotated[bool, o.option(None, _STARS, LABELS, names=("--stars",))]
BySentence = Annotated[bool, o.option(None, _BY_SENTENCE, LABELS, names=("--by-sentence",))]

Error = Annotated[OnError, o.option("reject|stop", _ON_ERROR, REJECTS, True)]
MaxRejected = Annotated[str | None, o.option("N|P%", _MAX_REJECTED, REJECTS, "no limit")]
Rejected = Annotated[
    str | None, o.option("FILE|-|none", _REJECTED, REJECTS, "OUTPUT.rejected.jsonl")
]
Limit = Annotated[int | None, o.option("N", o.LIMIT, REJECTS, min=1)]
Sample = Annotated[int | None, o.option("N", o.SAMPLE, REJECTS, min=1)]

OutputFormat = Annotated[
    str | None, o.option("FORMAT", _OUTPUT_FORMAT, o.WRITING, "by the file name, else as the input")
]
Report = Annotated[Path | None, o.option("FILE", _REPORT, o.WRITING)]

Log = Annotated[LogFormat, o.option("text|json", _LOG_FORMAT, o.RUNNING, True)]
Workers = Annotated[int | None, o.option("N", _WORKERS, o.RUNNING, "one per usable core", min=1)]
CheckpointSeconds = Annotated[float, o.option("SECONDS", _CHECKPOINT, o.RUNNING, True, min=0)]

"""The options of `toolkit score`, by the headings of its help; the common ones come first.

The options of `toolkit score` that divide a job among processes and machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from toolkit.cli import options as o
from toolkit.cli.options import flag, option
from toolkit.errors import UsageError
from toolkit.records.columns import ADDED, Columns
from toolkit.stores.paths import path_of

if TYPE_CHECKING:
    from toolkit.model.labels import Range


LABELS = "Labels and columns"
REJECTS = "Records that cannot be read"
RUNNING = "How it runs"

_FILES = "Files, folders, patterns such as 'data/*.csv', or - for standard input."
_FILES_MORE = (
    f"Files of reviews are {o.FILES}. Here and elsewhere, s3://, gs:// and az:// name objects in a "
    "store."
)
_OUTPUT_MORE = (
    "- is standard output; a folder is for several files, and a slash at its end makes a new one. "
    "The ending of a file name decides the format. Beside reviews.csv is reviews.scored.csv."
)
_NEUTRAL_MORE = "Their probability is in the model's neutral range."
_NAMES_MORE = (
    f"KEY is what a column holds: {', '.join(ADDED)}. With model=NAME, a column with the model's "
    "name, version and hash is added, such as reviews 2026.11 sha256-0123456789abcdef; rows "
    "without a score have it, too. May be given several times."
)
_RANGE_MORE = "From LOW to below HIGH, such as 0.4:0.6; the threshold must be between them."
_MAX_MORE = "Such as 100 or 1% of a file, which has no output then."

Files = Annotated[list[str], o.argument("FILE", _FILES, _FILES_MORE)]


@dataclass(frozen=True)
class CommonOptions:
    """What most runs choose from."""

    panel: ClassVar = None

    output: Annotated[
        str | None,  # a Path would forget the slash at the end of a folder's name
        o.option(
            "PATH", "File or folder, or -.", "beside each", ("--output", "-o"), more=_OUTPUT_MORE
        ),
    ] = None
    model: o.Model = None
    text_column: o.TextColumn = None
    stars: Annotated[
        bool,
        o.flag(
            "--stars", "Add stars, 1 to 5.", more="They are the mean of what such reviews give."
        ),
    ] = False
    neutral: Annotated[
        bool, o.flag("--neutral", "Label unclear reviews neutral.", more=_NEUTRAL_MORE)
    ] = False
    by_sentence: Annotated[
        bool,
        o.flag(
            "--by-sentence",
            "Label reviews mixed whose sentences disagree.",
            more="Adds two columns: the numbers of clearly positive and negative sentences.",
        ),
    ] = False
    resume: Annotated[
        bool,
        o.flag("--resume", "Continue an interrupted run.", more="It is that of the same command."),
    ] = False
    force: Annotated[bool, o.flag("--force", "Replace existing files.")] = False
    dry_run: Annotated[
        bool,
        o.flag("--dry-run", "Show what would be read and written.", more="Nothing is written."),
    ] = False
    quiet: o.Quiet = False


@dataclass(frozen=True)
class ScoreOptions:
    """Labels and added columns."""

    panel: ClassVar = LABELS

    threshold: o.Threshold = None
    neutral_range: Annotated[
        str | None, o.option("LOW:HIGH", "Label these probabilities neutral.", more=_RANGE_MORE)
    ] = None
    label_column: Annotated[
        str | None,
        o.option(
            "NAME",
            "True labels, to show the accuracy.",
            more="0 or 1, negative or positive, neg or pos, or the probability of positive from 0 "
            "to 1. The output is the same.",
        ),
    ] = None
    names: Annotated[
        list[str] | None, o.option("KEY=NAME", "Names of added columns.", more=_NAMES_MORE)
    ] = None

    def columns(self, common: CommonOptions) -> Columns:
        """Say which columns are read and added; `UsageError` if one is named that is not."""
        names = o.names_of_added(self.names)
        adds = ["sentiment", "probability"]
        for name, roles, is_given in (
            ("--stars", ["stars"], common.stars),
            ("--by-sentence", ["positive_sentences", "negative_sentences"], common.by_sentence),
        ):
            adds += roles if is_given else []
            if not is_given and (named := [role for role in roles if role in names]):
                raise UsageError(
                    f"--names: {named[0]} is a column that {name} adds: give {name}, too."
                )
        if "model" in names:
            adds.append("model")
        texts = o.text_columns(common.text_column)
        return Columns(texts, label=self.label_column, adds=tuple(adds), **names)

    def neutral(self, common: CommonOptions) -> Range | Literal[True] | None:
        """Give the neutral range, as `Scorer` takes it."""
        if self.neutral_range is None:
            return True if common.neutral else None
        if common.neutral:
            raise UsageError("--neutral is the model's own range: leave out it or --neutral-range.")
        from toolkit.model.labels import parse_range

        return parse_range(self.neutral_range)


@dataclass(frozen=True)
class RejectOptions:
    """Records that cannot be read."""

    panel: ClassVar = REJECTS

    on_error: Annotated[Literal["reject", "stop"], o.option("reject|stop", "What to do.", True)] = (
        "reject"
    )
    max_rejected: Annotated[
        str | None, o.option("N|P%", "Fail if there are more.", more=_MAX_MORE)
    ] = None
    rejected: Annotated[
        str | None,
        o.option(
            "FILE|-|none",
            "Where they go.",
            "OUTPUT.rejected.jsonl",
            more="- is standard output; with none, they are only counted.",
        ),
    ] = None

    @property
    def path(self) -> Path | None:
        """The path for rejects, which has a name for nothing."""
        from toolkit.scoring.jobs import NOT_KEPT

        if self.rejected is None:
            return None
        return NOT_KEPT if self.rejected == "none" else path_of(self.rejected)


Report = Annotated[
    Path | None,
    o.option(
        "FILE",
        "Write the summary as JSON.",
        more="The file is written if the run fails, too.",
        panel=o.WRITING,
    ),
]
LogFormat = Annotated[
    Literal["text", "json"],
    o.option(
        "text|json",
        "Of messages.",
        True,
        more="On standard error; with json, each is an object on one line.",
        panel=o.WRITING,
    ),
]


@dataclass(frozen=True)
class OutputOptions:
    """What is written besides the rows, and how."""

    panel: ClassVar = o.WRITING

    output_format: Annotated[
        str | None,
        o.option(
            "FORMAT",
            f"{', '.join(o.OUTPUT_FORMATS)}.",
            more="Format of the output, where it is not that of its name, or else of the input.",
            values=o.OUTPUT_FORMATS,
        ),
    ] = None
    skip_existing: Annotated[
        bool, o.flag("--skip-existing", "Leave out files whose output is there.")
    ] = False
    report: Report = None
    log_format: LogFormat = "text"


@dataclass(frozen=True)
class RunningOptions:
    """How it runs."""

    panel: ClassVar = RUNNING

    workers: Annotated[int | None, o.option("N", "Threads.", "one per core", min=1)] = None
    checkpoint_seconds: Annotated[
        float, o.option("SECONDS", "Between checkpoints.", True, min=0)
    ] = 5.0


PANEL = "Several processes or machines"

_SHARD_MORE = (
    "From 0 to N-1. `toolkit finish` joins them to what one run would write. The exit code is 0 "
    "also where records are rejected; that of finish is 3 then."
)
_PARTS_MORE = "part-00000.csv and so on. Parquet files are cut between row groups only with this."
_ENGINE_MORE = "This process, or a Ray cluster (RAY_ADDRESS, else one on this machine)."


@dataclass(frozen=True)
class Sharding:
    """The values of these options. Each field is an option, in the order of the help."""

    panel: ClassVar = PANEL

    shard: Annotated[str | None, option("I/N", "Score only shard I of N.", more=_SHARD_MORE)] = None
    shards: Annotated[
        int | None, option("N", "Plan N shards.", min=1, more="With Ray, they are scored.")
    ] = None
    keep_parts: Annotated[
        bool, flag("--keep-parts", "Do not join the parts.", more=_PARTS_MORE)
    ] = False
    engine: Annotated[
        Literal["local", "ray"], option("local|ray", "Who scores.", True, more=_ENGINE_MORE)
    ] = "local"

    @property
    def is_wanted(self) -> bool:
        """Whether the job is divided at all."""
        return self != Sharding()

    def number_and_count(self) -> tuple[int | None, int | None]:
        """Read --shard and --shards; raises `UsageError` if they say nothing sensible.

        The number is None where no single shard is asked for, the count where it is to be chosen.
        """
        is_local = self.engine == "local"
        if self.shard is None:
            if is_local and self.shards is None:
                raise UsageError(
                    "--keep-parts is for shards: add --shard I/N, --shards N or --engine ray."
                )
            return None, self.shards
        if not is_local:
            raise UsageError("--shard is for one of many processes; --engine ray runs all shards.")
        number, slash, count = self.shard.partition("/")
        if not (slash and _is_whole(number) and _is_whole(count) and int(number) < int(count)):
            raise UsageError(
                f"--shard: expected I/N with I from 0 to N-1, such as 0/16, received {self.shard!r}"
            )
        if self.shards not in (None, int(count)):
            raise UsageError(f"--shard {self.shard} and --shards {self.shards} do not agree.")
        return int(number), int(count)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()

"""The options of `toolkit score`, by the headings of its help; the common ones come first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from toolkit.cli import options as o
from toolkit.errors import UsageError
from toolkit.records.columns import (
    ADDED,
    NAMES,
    Columns,
    addition_of,
    in_order_of_place,
    is_asked,
    is_of_classes,
)
from toolkit.stores.paths import path_of

if TYPE_CHECKING:
    from toolkit.model.aspects import Aspects
    from toolkit.model.class_answers import ClassAnswers
    from toolkit.model.ranges import Range
    from toolkit.model.scorer_options import ScorerOptions
    from toolkit.scoring.jobs import RejectsTo


_FILES = "Files, folders or patterns such as 'data/*.csv'; - reads standard input."

Files = Annotated[list[str], o.argument("FILE", _FILES)]


@dataclass(frozen=True)
class CommonOptions:
    """Options that most runs use."""

    panel: ClassVar = None

    output: Annotated[
        str | None,  # a Path would forget the slash at the end of a folder's name
        o.option(
            "PATH",
            "Output file or folder; - is standard output.",
            default="next to each input",
            names=("--output", "-o"),
        ),
    ] = None
    model: o.Model = None
    text_column: o.TextColumn = None
    stars: Annotated[bool, o.flag("--stars", "Add a column with predicted stars, 1 to 5.")] = False
    neutral: Annotated[bool, o.flag("--neutral", "Label unclear reviews as neutral.")] = False
    by_sentence: Annotated[
        bool, o.flag("--by-sentence", "Label reviews as mixed if their sentences disagree.")
    ] = False
    resume: Annotated[bool, o.flag("--resume", "Continue an interrupted run.")] = False
    force: Annotated[bool, o.flag("--force", "Replace files that exist.")] = False
    dry_run: Annotated[
        bool, o.flag("--dry-run", "Show what would be read and written, without scoring.")
    ] = False
    quiet: o.Quiet = False


@dataclass(frozen=True)
class ScoreOptions:
    """Labels and added columns."""

    panel: ClassVar = "Labels and columns"

    threshold: o.Threshold = None
    neutral_range: Annotated[
        str | None,
        o.option("LOW:HIGH", "Range of probabilities to label as neutral, such as 0.4:0.6."),
    ] = None
    prior: Annotated[
        str | None,
        o.option(
            "auto|SHARE",
            "Adjust the scores to the share of positive reviews in a file, such as 0.9. With auto, "
            "it is estimated from the scores of the first 2,000 records.",
        ),
    ] = None
    label_column: Annotated[
        str | None,
        o.option(
            "NAME", "Column with true labels, to report the accuracy; the output is the same."
        ),
    ] = None
    reasons: Annotated[
        int | None,
        o.option(
            "N",
            "Add a column with the N words that decided the label, the strongest first. The run "
            "takes 3 to 9 times as long.",
            min=1,
        ),
    ] = None
    aspects: o.Aspects = None
    aspect: o.Aspect = None
    aspect_probability: Annotated[
        bool, o.flag("--aspect-probability", "Add a column with the probability of each aspect.")
    ] = False
    probabilities: Annotated[
        bool, o.flag("--probabilities", "Add a column with the probability of each class.")
    ] = False
    top: Annotated[
        int | None,
        o.option(
            "N", "Add a column with the N most likely classes and their probabilities.", min=1
        ),
    ] = None
    min_probability: o.MinProbability = None
    other: o.Other = None
    second: Annotated[
        Path | None,
        o.option(
            "MODEL",
            "Second model, asked where the first is unsure. Thresholds are those of the first.",
            values=o.models,
        ),
    ] = None
    unsure: Annotated[
        str | None,
        o.option(
            "LOW:HIGH",
            "Range of probabilities in which the second model is asked, such as 0.2:0.8.",
            "what `toolkit evaluate --write-range` kept",
        ),
    ] = None
    second_mean: Annotated[
        bool, o.flag("--second-mean", "Take the mean of the logits of both models, not the second.")
    ] = False
    answered_by: Annotated[
        bool,
        o.flag(
            "--answered-by", "Add a column with the model that has answered: first, second or both."
        ),
    ] = False
    names: Annotated[
        list[str] | None,
        o.option(
            "KEY=NAME",
            f"Rename an added column: KEY is {', '.join(ADDED)} or aspect_NAME. model=NAME adds a "
            "column with name, version and hash of the model.",
        ),
    ] = None

    @property
    def names_classes(self) -> bool:
        """Whether a column is renamed that only models of classes add."""
        return any(map(is_of_classes, o.names_of_added(self.names)))

    @cached_property
    def chosen_aspects(self) -> Aspects | None:
        """Read the wanted aspects; raise `UsageError` if they are not lists of words."""
        return o.aspects_of(self.aspects, self.aspect)

    def scorer_options(self, common: CommonOptions) -> ScorerOptions:
        """Return what the scorer is asked for; raise `UsageError` for a wrong range or prior."""
        from toolkit.model.scorer_options import ScorerOptions

        return ScorerOptions(
            model=common.model,
            threshold=self.threshold,
            neutral=self.neutral(common),
            by_sentence=common.by_sentence,
            aspects=self.chosen_aspects,
            reasons=self.reasons or 0,
            prior=self.chosen_prior,
            min_probability=self.min_probability,
            other=self.other,
            top=self.top or 0,
            probabilities=self.probabilities,
            second=self.second,
            unsure=self.unsure_range,
            second_mean=self.second_mean,
        )

    def columns(self, common: CommonOptions) -> Columns:
        """Return the columns that a model of sentiment reads and adds; raise `UsageError`."""
        names = o.names_of_added(self.names)
        if self.aspect_probability and self.chosen_aspects is None:
            raise UsageError("--aspect-probability: needs --aspects or --aspect.")
        if of_classes := [role for role in names if is_of_classes(role)]:
            raise UsageError(
                f"--names: only models of classes have the column {of_classes[0]}. Leave it out, "
                "or choose another model."
            )
        adds = [*self._roles(common, names)]
        for role in names:
            self._check_is_added(role, adds)
        in_order = {role: names[role] for role in sorted(names, key=adds.index)}
        return self._columns(common, adds).with_names(in_order)

    def _roles(self, common: CommonOptions, names: Collection[str]) -> Iterator[str]:
        """Yield the roles of the columns that are added, in order."""
        given = {**vars(common), **vars(self), "aspects": self.chosen_aspects}
        wanted = [
            (key, addition)
            for key, addition in in_order_of_place()
            if addition.fits(has_classes=False)
            and (key in names if addition.option == NAMES else is_asked(addition, given))
        ]
        aspects = () if self.chosen_aspects is None else self.chosen_aspects.names
        several = [addition.usual for _, addition in wanted if addition.are_several]
        for key, addition in wanted:
            if not addition.are_several:
                yield key
            elif addition.usual == several[0]:  # all columns of an aspect are side by side
                yield from (f"{usual}{name}" for name in aspects for usual in several)

    def _check_is_added(self, role: str, adds: Collection[str]) -> None:
        """Raise `UsageError` if a column is named that is not added."""
        if role in adds:
            return
        addition = addition_of(role)
        if addition.are_several and self.chosen_aspects is not None:
            of_aspects = [each for each in adds if addition_of(each).are_several]
            raise UsageError(f"--names: {role}: no such aspect, expected {', '.join(of_aspects)}")
        option = "--aspects" if addition.are_several else addition.option
        raise UsageError(
            f"--names: the column {role} needs {option}. Add it, or leave the name out."
        )

    def columns_of_classes(self, common: CommonOptions, answers: ClassAnswers) -> Columns:
        """Return the columns that a model of classes reads and adds; raise `UsageError`."""
        names = o.names_of_added(self.names)
        adds = [*answers.adds, *(["model"] if "model" in names else [])]
        if unknown := [role for role in names if role not in adds]:
            raise UsageError(
                f"--names: {unknown[0]}: no such column, expected {', '.join(adds)[:300]}"
            )
        return self._columns(common, adds).with_names(names)

    def _columns(self, common: CommonOptions, adds: Sequence[str]) -> Columns:
        texts = o.text_columns(common.text_column)
        return Columns(texts, label=self.label_column, adds=tuple(adds))

    @property
    def chosen_prior(self) -> float | None:
        """The share of --prior, or None for auto; raise `UsageError` if it is not a share."""
        if self.prior is None:
            return None
        from toolkit.model.prior import parse_prior

        return parse_prior(self.prior)

    @property
    def unsure_range(self) -> Range | None:
        """The range of --unsure; raise `UsageError` if it is not a range."""
        if self.unsure is None:
            return None
        from toolkit.model.ranges import parse_range

        return parse_range(self.unsure, "--unsure", "0.3:0.7")

    def neutral(self, common: CommonOptions) -> Range | Literal[True] | None:
        """Return the neutral range, as `Scorer` takes it."""
        if self.neutral_range is None:
            return True if common.neutral else None
        if common.neutral:
            raise UsageError(
                "--neutral uses the model's own range, so it cannot be combined "
                "with --neutral-range. Leave one of the two out."
            )
        from toolkit.model.ranges import parse_range

        return parse_range(self.neutral_range)


@dataclass(frozen=True)
class RejectOptions:
    """Records that cannot be read, and texts that the model cannot."""

    panel: ClassVar = "Records that cannot be read"

    on_error: Annotated[
        Literal["reject", "stop"],
        o.option("reject|stop", "What to do with an unreadable record.", True),
    ] = "reject"
    max_rejected: Annotated[
        str | None,
        o.option(
            "N|P%",
            "Fail if more records of a file are rejected. Up to this, the exit code is 0, not 3.",
        ),
    ] = None
    max_unread: Annotated[
        str | None,
        o.option("N|P%", "Fail if the model knows few or no words in more texts than this."),
    ] = None
    rejected: Annotated[
        str | None,
        o.option(
            "FILE|-|none",
            "File for rejected records; with none, they are only counted.",
            "OUTPUT.rejected.jsonl",
        ),
    ] = None

    @property
    def target(self) -> Path | RejectsTo | None:
        """Where the rejects go; None if no place is named."""
        from toolkit.scoring.jobs import RejectsTo

        if self.rejected is None:
            return None
        return RejectsTo.NOWHERE if self.rejected == "none" else path_of(self.rejected)


Report = Annotated[
    Path | None,
    o.option("FILE", "Write the summary to a JSON file, also if the run fails.", panel=o.WRITING),
]
LogFormat = Annotated[
    Literal["text", "json"],
    o.option(
        "text|json",
        "Format of messages on standard error: text, or one JSON object per line.",
        True,
        panel=o.WRITING,
    ),
]


@dataclass(frozen=True)
class OutputOptions:
    """Options of the output."""

    panel: ClassVar = o.WRITING

    output_format: Annotated[
        str | None,
        o.option(
            "FORMAT",
            f"Format of the output: {', '.join(o.OUTPUT_FORMATS)}.",
            "the ending of its name, else the format of the input",
            values=o.OUTPUT_FORMATS,
        ),
    ] = None
    skip_existing: Annotated[
        bool,
        o.flag(
            "--skip-existing",
            "Skip files whose output is up to date. If input, model or options have changed since, "
            "that is an error.",
        ),
    ] = False
    page: Annotated[
        Path | None,
        o.option("FILE.html", "Write a summary as a web page, as `toolkit summarize --page` does."),
    ] = None
    report: Report = None
    log_format: LogFormat = "text"


@dataclass(frozen=True)
class RunningOptions:
    """Options of threads and checkpoints."""

    panel: ClassVar = "How it runs"

    workers: Annotated[int | None, o.option("N", "Number of threads.", "one per core", min=1)] = (
        None
    )
    checkpoint_seconds: Annotated[
        float, o.option("SECONDS", "Seconds between checkpoints.", True, min=0)
    ] = 5.0


@dataclass(frozen=True)
class Sharding:
    """Options of shards: a job divided among processes and machines."""

    panel: ClassVar = "Several processes or machines"

    shard: Annotated[
        str | None,
        o.option("I/N", "Score only shard I of N, from 0 to N-1; `toolkit finish` joins them."),
    ] = None
    shards: Annotated[int | None, o.option("N", "Divide the job into N shards.", min=1)] = None
    keep_parts: Annotated[
        bool,
        o.flag(
            "--keep-parts",
            "Keep the parts as a folder with part-00000.csv and so on; do not join them.",
        ),
    ] = False
    engine: Annotated[
        Literal["local", "ray"],
        o.option(
            "local|ray",
            "Where shards are scored: in this process or on a Ray cluster (RAY_ADDRESS).",
            True,
        ),
    ] = "local"

    @property
    def is_wanted(self) -> bool:
        """Whether the job is divided."""
        return self != Sharding()

    def number_and_count(self) -> tuple[int | None, int | None]:
        """Parse --shard and --shards; raise `UsageError` if they are not valid.

        The number is None if no single shard is wanted, the count if the toolkit chooses it.
        """
        is_local = self.engine == "local"
        if self.shard is None:
            if is_local and self.shards is None:
                raise UsageError(
                    "--keep-parts is for shards: add --shard I/N, --shards N or --engine ray."
                )
            return None, self.shards
        if not is_local:
            raise UsageError(
                "--shard scores one shard, but --engine ray scores all of them. "
                "Leave one of the two out."
            )
        found = re.fullmatch("([0-9]+)/([0-9]+)", self.shard)
        number, count = map(int, found.groups()) if found else (0, 0)
        if number >= count:
            raise UsageError(
                f"--shard: expected I/N with I from 0 to N-1, such as 0/16, received {self.shard!r}"
            )
        if self.shards not in (None, count):
            raise UsageError(
                f"--shard {self.shard} and --shards {self.shards} name different "
                "numbers of shards. Use the same number."
            )
        return number, count

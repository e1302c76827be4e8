"""What became of the records of a file, what is done of it, and what to warn of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import reduce
from math import nan, sqrt
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from toolkit.errors import InputError, UsageError
from toolkit.model.facts import FEWEST_FOR_UNSURE
from toolkit.model.prior import EVEN, LEVELS, NO_LEVELS, share_of
from toolkit.records.archives import compression_of, file_of
from toolkit.records.formats import format_of
from toolkit.records.labels import TOO_MANY, Meanings, meanings_of, name_of
from toolkit.records.options import STDIN, LabelNames
from toolkit.records.review_file import Offset
from toolkit.scoring.file_prior import FilePrior
from toolkit.scoring.identity import FileFacts, Prefix
from toolkit.scoring.jobs import Job
from toolkit.scoring.options import MaxRejected, MaxUnread

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer

# Of the texts. Of English reviews of any kind, less than half as many are so.
_MOST_UNREAD = 0.1
# Far less sure than where a model was calibrated: by factor and difference, beyond chance.
# "How sure the scores are" in exported/EXPERIMENTS.md has what this is based on.
_MORE_UNSURE, _POINTS_MORE_UNSURE = 1.5, 0.1
# Of the texts of a source of English reviews, 5% at most look like values, of their titles 49%; of
# addresses, URLs, booleans, ids, categories, and names of people and countries, all do.
_MOST_VALUES, _FEWEST_FOR_VALUES = 0.8, 20
_MOST_LABELS = 2000  # different ones; a line of a journal holds them, of 1 MiB at most
_FEW_TEXTS = 5  # that many may be chance, unless they are most of the texts


@dataclass(frozen=True)
class Progress:
    """How far the scoring of a file has come."""

    records: int
    bytes_done: int
    bytes_in_all: int | None  # None where it is not known
    resumed: int = 0  # of the records, those that an earlier run has done
    accuracy: float | None = None  # so far; None without labels


Tenths = Annotated[tuple[int, ...], lambda counts: len(counts) == 10]
_Levels = Annotated[tuple[int, ...], lambda counts: len(counts) == LEVELS]


# What is counted of a model of sentiment alone.
_OF_SENTIMENT = (
    *("positive", "neutral", "mixed", "unsure", "probability_tenths"),
    *("labelled_neutral", "labelled_mixed"),
)


@dataclass
class Summary:
    """Every record is counted once: scored, without text or a known word, or rejected."""

    scored: int = 0
    without_text: int = 0
    without_known_words: int = 0  # with a text of which the model knows no word
    rejected: int = 0
    positive: int = 0  # of the scored
    neutral: int = 0  # of the scored, where a range of probabilities is called so
    mixed: int = 0  # of the scored, where reviews are scored by sentence
    unsure: int = 0  # of the scored, with a probability from 0.25 to 0.75
    probability_tenths: Tenths = (0,) * 10  # of the scored, as `toolkit.model.labels.count_tenths`
    levels: _Levels = NO_LEVELS  # of the scored, as `toolkit.model.prior.count_levels`
    few_known_words: int = 0  # of the scored, as `toolkit.model.predict.KnownWords` tells
    first_unread: int = 0  # row of the output, from 1, without or with few known words; 0: none
    cut_to_length: int = 0  # of the scored, with more tokens than the model reads
    # By aspect, the reviews that are neutral, negative, positive and mixed about it.
    aspects: dict[str, dict[str, int]] = field(default_factory=dict)
    # Of the scored, by the label of a model of classes; others have no label that is likely enough.
    classes: dict[str, int] = field(default_factory=dict)
    cut_at_nul: int = 0  # of the texts, read up to their first NUL only
    seconds: float = 0.0
    # Where a column of labels is named: of each label, as it is written (`label_words`), how many
    # of the scored have which answer. What labels mean depends on all of them: `with_labels_read`.
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    labelled: int = 0  # of the scored, with a label that can be read
    labelled_neutral: int = 0  # of the labelled, called neutral: neither right nor wrong
    labelled_mixed: int = 0  # the same for mixed
    right: int = 0  # of the labelled
    unreadable_labels: int = 0  # of the scored, without a label or with another value
    neutral_labels: int = 0  # of the scored, with a neutral label, such as 3 of 5 stars: left out

    @property
    def records(self) -> int:
        """Records in the input."""
        return self.scored + self.without_text + self.without_known_words + self.rejected

    @property
    def unread(self) -> int:
        """Texts of which the model knows no word, or few."""
        return self.without_known_words + self.few_known_words

    @property
    def texts(self) -> int:
        """Records with a text that could be read."""
        return self.scored + self.without_known_words

    @property
    def accuracy(self) -> float | None:
        """Share of the right among the answered; None where there are none."""
        read = self.with_labels_read()
        return read.right / read.answered if read.answered else None

    @property
    def answered(self) -> int:
        """Labelled records that are called positive or negative."""
        return self.labelled - self.labelled_neutral - self.labelled_mixed

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds if self.seconds else 0.0

    def __add__(self, other: Summary) -> Summary:
        """Add the counts of another file or block, whose rows come after these."""
        apart = ("probability_tenths", "levels", "aspects", "labels", "classes")
        names = [entry.name for entry in fields(self) if entry.name not in apart]
        added = Summary(**{name: getattr(self, name) + getattr(other, name) for name in names})
        added.probability_tenths = tuple(
            map(add, self.probability_tenths, other.probability_tenths)
        )
        added.levels = tuple(map(add, self.levels, other.levels))
        added.classes = _sum(self.classes, other.classes)
        added.aspects = _added(self.aspects, other.aspects)
        added.labels = _added(self.labels, other.labels)
        if TOO_MANY in added.labels or len(added.labels) > _MOST_LABELS:
            added.labels = {TOO_MANY: reduce(_sum, added.labels.values())}
        rows = self.records - self.rejected
        added.first_unread = self.first_unread or (other.first_unread and rows + other.first_unread)
        return added

    def with_labels_read(self) -> Summary:
        """Count the labels that are right: of a whole file, read as train and evaluate do."""
        if not self.labels:
            return self
        meanings = self.label_meanings()
        answers: Counter[tuple[str, str]] = Counter()
        for word, counts in self.labels.items():
            meaning = name_of(meanings.targets.get(word, nan))
            answers.update({(meaning, answer): count for answer, count in counts.items()})
        sums: Counter[str] = Counter()
        for (meaning, _), count in answers.items():
            sums[meaning] += count

        def with_opinion(answer: str) -> int:
            return answers["positive", answer] + answers["negative", answer]

        return replace(
            self,
            labels={},
            labelled=sums["positive"] + sums["negative"],
            labelled_neutral=with_opinion("neutral"),
            labelled_mixed=with_opinion("mixed"),
            right=answers["positive", "positive"] + answers["negative", "negative"],
            unreadable_labels=sums[""],
            neutral_labels=sums["neutral"],
        )

    def label_meanings(self) -> Meanings:
        """Read the labels of a whole file; if they mean nothing together, none means anything."""
        if TOO_MANY in self.labels:
            return Meanings({}, "")
        counts = [sum(each.values()) for each in self.labels.values()]
        try:
            return meanings_of([*self.labels], "", LabelNames(skip_wrong=True), counts=counts)
        except InputError:
            return Meanings({}, "")

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, the sum first, and the accuracy.

        Those of aspects, and of neutral labels, are there if there are any. Of a model of classes,
        there are the counts of its labels instead of those of sentiment.
        """
        read = self.with_labels_read()
        if_any = ("aspects", "classes", "labels", "neutral_labels")
        left_out = ("levels", *(_OF_SENTIMENT if self.classes else ()))
        counts = {
            name: each
            for name, each in vars(read).items()
            if (each or name not in if_any) and name not in left_out
        }
        return {"records": self.records, **counts, "accuracy": read.accuracy}


def _added(
    first: Mapping[str, Mapping[str, int]], second: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """Add counts by name and label."""
    return {name: _sum(first.get(name, {}), second.get(name, {})) for name in {**first, **second}}


def _sum(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {label: first.get(label, 0) + second.get(label, 0) for label in {**first, **second}}


@dataclass(frozen=True)
class Frame:
    """What a file holds around its records, as it is stored; in bytes."""

    header: int
    trailer: int
    separator: str  # between the records of two files that are joined, as Latin-1


@dataclass(frozen=True)
class Checkpoint:
    """What is done of a job: up to some record, or all of it; it is written as JSON."""

    reached: Offset  # in the input, after the last block that is written
    summary: Summary
    # Of an output that grows: its files by name, and what was read of the input.
    files: dict[str, Prefix] = field(default_factory=dict)
    source: Prefix | None = None
    # Of one that is complete:
    complete: FileFacts | None = None  # of the file, or of the object that it was uploaded to
    content: Prefix | None = None  # of the file; None where it is not known, as of Parquet
    # When the input had changed last, which nobody can set back; then `source` is all of it. None
    # where only its size and time are known.
    source_changed_ns: int | None = None
    frame: Frame | None = None  # None where files cannot be joined
    job_id: str | None = None
    columns: dict[str, str] = field(default_factory=dict)  # role → name
    warnings: tuple[str, ...] = ()
    prior: FilePrior | None = None  # that was estimated
    done_run: str | None = None  # whose journals are being removed: the digest of its outputs

    @property
    def is_clean(self) -> bool:
        """Whether a run has only counts to report: no rejects, no warnings, and scored records."""
        return not (self.warnings or self.summary.rejected or why_none_is_scored(self.summary))


@dataclass(frozen=True)
class Source:
    """What an input is, before it is opened; None: not known, as for standard input."""

    format: str | None = None
    compression: str | None = None
    size: int | None = None  # in bytes
    modified: str | None = None  # UTC, as in ISO 8601

    @classmethod
    def of(cls, path: Path, read_as: str | None, facts: FileFacts | None = None) -> Self:
        """Look at a file, unless its facts are known; ``read_as`` is what --format names."""
        name = None
        with suppress(InputError, UsageError):  # of no known format: opening it says so
            name = format_of(path, read_as).name
        if path == STDIN:
            return cls(name)
        with suppress(ValueError):  # a name with a null byte
            facts = facts or FileFacts.at(file_of(path))
        if facts is None:
            return cls(name, compression_of(path))
        modified = datetime.fromtimestamp(facts.mtime_ns / 1e9, UTC).isoformat()
        return cls(name, compression_of(path), facts.size, modified)


@dataclass(frozen=True)
class ScoringModel:
    """What summaries, reports and plans tell of a model."""

    identity: dict[str, Any]  # as `Scorer.identity`
    neutral: tuple[float, float] | None  # the probabilities that are called neutral
    by_sentence: bool
    max_tokens: int  # that it reads of a review
    has_classes: bool = False  # of its own
    unsure: float | None = None  # the share on the reviews that it was calibrated on
    base: float = EVEN  # the share of positive reviews that the probabilities are for
    prior: float | None = None

    @classmethod
    def of(cls, scorer: Scorer) -> Self:
        """Describe a model that is loaded."""
        return cls(
            scorer.identity(),
            scorer.neutral,
            scorer.by_sentence,
            scorer.max_tokens,
            has_classes=scorer.answers is not None,
            unsure=scorer.facts.metrics.unsure,
            base=scorer.base,
            prior=scorer.prior,
        )

    def adjusted_share(self, summary: Summary) -> float | None:
        """Estimate the share of positive reviews from scores; None if it cannot be relied on."""
        if self.has_classes:
            return None
        found = share_of(summary.levels, self.base)
        return None if found is None or found.problem else round(found.adjusted, 4)


@dataclass
class FileResult:
    """What became of a file."""

    job: Job
    summary: Summary = field(default_factory=Summary)
    error: str | None = None  # why it could not be scored
    is_done: bool = False  # its output is complete
    is_skipped: bool = False  # its output was there
    is_answered: bool = False  # the summary is known, of this run or of the one that wrote it
    is_skipped_by_time: bool = False  # what that was made of is not known, but it is newer
    source: Source = field(default_factory=Source)
    # Role → name of the column; empty where the file was not opened.
    columns: Mapping[str, str] = field(default_factory=dict)
    job_id: str | None = None  # of the output that is written, once the input is open
    prior: FilePrior | None = None  # that was estimated
    warnings: list[str] = field(default_factory=list)  # what may be wrong with it
    label_meaning: str = ""  # which true labels were read as what; empty where it is as usual
    removed: list[str] = field(default_factory=list)  # what killed uploads had left
    done: Checkpoint | None = None  # what a later run, or whoever joins outputs, has to know

    def complete(self, done: Checkpoint) -> Self:
        """Take over what is done, which is all of the file."""
        self.done, self.is_done = done, True
        return self.answered_by(done)

    def answered_by(self, done: Checkpoint) -> Self:
        """Take over what a run has found that wrote the output, this one or an earlier one."""
        self.summary, self.is_answered = done.summary, True
        self.job_id, self.columns, self.warnings = done.job_id, done.columns, [*done.warnings]
        self.prior = done.prior
        self.read_labels()
        return self

    def read_labels(self) -> None:
        """Find what the labels of the whole file mean, and count which are right."""
        self.label_meaning = self.summary.label_meanings().meaning
        self.summary = self.summary.with_labels_read()


def total(results: Sequence[FileResult]) -> Summary:
    """Add up the files."""
    return sum((result.summary for result in results), Summary())


def why_none_is_scored(summary: Summary) -> str | None:
    """Say why no record is scored; None if one is, or without records."""
    if summary.scored or not summary.records:
        return None
    reasons = (
        (summary.without_text, "without text"),
        (summary.without_known_words, "without a word that the model knows"),
        (summary.rejected, "rejected"),
    )
    found = [f"{count:,} {what}" for count, what in reasons if count]
    records = "the only record" if summary.records == 1 else f"all {summary.records:,} records"
    if len(found) == 1:
        return f"{records} {'is' if summary.records == 1 else 'are'} {found[0].split(' ', 1)[1]}"
    return f"of {summary.records:,} records, {', '.join(found)}"


def counts_warning(summary: Summary, text_column: str | None, *, is_single: bool) -> str | None:
    """Say that no record of a file is scored, or many cannot be read well; None if all is well.

    That no record of a single file is scored is an error, and not said here.
    """
    if not is_single and (why := why_none_is_scored(summary)):
        return f"no record is scored: {why}."
    unread, texts = summary.unread, summary.texts
    is_chance = unread < _FEW_TEXTS and 2 * unread <= texts
    if unread <= _MOST_UNREAD * texts or is_chance:
        return None
    column = "" if text_column is None else f" of column {text_column!r}"
    return (
        f"the model knows none or few of the words in {unread / texts:.0%} of the texts{column}, "
        f"first in row {summary.first_unread:,}. Is this the right column (--text-column), and are "
        "the reviews in the language of the model, which is English for the shipped ones?"
    )


def values_warning(found: int, texts: int, text_column: str | None) -> str | None:
    """Say that most of the texts that were looked at look like values of another column.

    The numbers are not said, so that the shards of a file say the same.
    """
    if texts < _FEWEST_FOR_VALUES or found < _MOST_VALUES * texts:
        return None
    column = "" if text_column is None else f" of column {text_column!r}"
    return (
        f"most of the texts{column} look like names, addresses or other values, not like reviews: "
        "they are single words, or a few that begin with capital letters. Is this the right column "
        "(--text-column)?"
    )


def unsure_warning(summary: Summary, model: ScoringModel | None) -> str | None:
    """Say that the scores of a run are far less sure than where the model was calibrated."""
    if model is None or model.unsure is None or summary.scored < FEWEST_FOR_UNSURE:
        return None
    share = summary.unsure / summary.scored
    chance = 2 * sqrt(share * (1 - share) / summary.scored)
    if share - chance <= max(_MORE_UNSURE * model.unsure, model.unsure + _POINTS_MORE_UNSURE):
        return None
    return (
        f"{share:.0%} of the scores are between 0.25 and 0.75; on the reviews that the model was "
        f"calibrated on, {model.unsure:.0%}. These texts may differ from those reviews: expect "
        "more wrong answers, and probabilities that are further off. Measure with `toolkit "
        "evaluate` on some labelled rows, or adapt the model with `toolkit train --from`."
    )


def check_rejected(
    name: str,
    counts: Summary,
    maximum: MaxRejected | None,
    first: str | None = None,
    *,
    at_end: bool = True,
) -> None:
    """Raise `InputError` if more records of a file are rejected than allowed.

    ``first`` is the number and the reason of the first one, where that is known.
    """
    if maximum is None or not maximum.is_passed(counts.rejected, counts.records, at_end=at_end):
        return
    so_far = "" if at_end else "first "
    raise InputError(
        f"{name}: {counts.rejected:,} of the {so_far}{counts.records:,} records cannot be read, "
        f"more than --max-rejected {maximum} allows{f'; the first: {first}' if first else ''}. "
        "No file is written. Fix the input, say how to read it (--format, --delimiter, "
        "--encoding), or allow more."
    )


def check_unread(
    name: str, counts: Summary, maximum: MaxUnread | None, *, at_end: bool = True
) -> None:
    """Raise `InputError` if the model can read fewer texts of a file than it has to."""
    if maximum is None or not maximum.is_passed(counts.unread, counts.texts, at_end=at_end):
        return
    so_far = "" if at_end else "first "
    raise InputError(
        f"{name}: the model knows none or few of the words in {counts.unread:,} of the {so_far}"
        f"{counts.texts:,} texts, more than --max-unread {maximum} allows; the first is in row "
        f"{counts.first_unread:,}. No file is written. Choose another column with --text-column, "
        "another model, or allow more."
    )

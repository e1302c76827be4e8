"""The results of scoring: counts of records, checkpoints, and warnings about a file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import reduce
from math import isnan, nan, sqrt
from operator import add
from typing import TYPE_CHECKING, Annotated, Any, Self

from toolkit.classes import MIXED, NEGATIVE, NEUTRAL, POSITIVE, label_of_target
from toolkit.errors import InputError, UsageError
from toolkit.model.facts import FEWEST_FOR_UNSURE
from toolkit.model.prior import EVEN, LEVELS, NO_LEVELS, share_of
from toolkit.records.formats import format_of
from toolkit.records.inputs import FileFacts, Input
from toolkit.records.labels import (
    TOO_MANY,
    Meanings,
    WrongValueError,
    meanings_of,
    number,
)
from toolkit.records.options import LabelNames
from toolkit.records.output_file import Frame
from toolkit.records.review_file import Offset
from toolkit.scoring.file_prior import FilePrior
from toolkit.scoring.identity import Prefix
from toolkit.scoring.jobs import Job
from toolkit.scoring.options import MaxRejected, MaxUnread

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer

# A larger share of texts without known words causes a warning. English reviews of any kind have
# less than half of this share.
_MOST_UNREAD = 0.1
# Scores are far less sure than on the reviews of calibration if their share exceeds both the factor
# and the difference, beyond chance. Based on "How sure the scores are" in exported/EXPERIMENTS.md.
_MORE_UNSURE = 1.5
_POINTS_MORE_UNSURE = 0.1
# A larger share of texts that look like values causes a warning. It is at most 5% for English
# reviews, 49% for their titles, and 100% for addresses, URLs, booleans, ids, categories and names.
_MOST_VALUES = 0.8
_FEWEST_FOR_VALUES = 20
_MOST_LABELS = 2000  # different labels; they must fit into a line of the journal, 1 MiB
_FEW_WRONG = 0.05  # share of the given labels that mean nothing: up to it, they are only counted
_MOSTLY_WRONG = 0.5  # or more wrong labels: the others are not labels, either
_OF_STARS = re.compile("star|rating|score", re.IGNORECASE)  # names of columns
_FEW_TEXTS = 5  # fewer unread texts may be chance, unless most texts are unread


Tenths = Annotated[tuple[int, ...], lambda counts: len(counts) == 10]
_Levels = Annotated[tuple[int, ...], lambda counts: len(counts) == LEVELS]


# Counts that only a model of sentiment has.
_OF_SENTIMENT = (
    "positive",
    "neutral",
    "mixed",
    "unsure",
    "probability_tenths",
    "labelled_neutral",
    "labelled_mixed",
)


@dataclass
class RecordCounts:
    """Counts of records.

    Each is scored, without text, without a known word, in another language, or rejected.
    """

    scored: int = 0
    without_text: int = 0
    without_known_words: int = 0  # with a text, but without a word that the model knows
    other_language: int = 0  # likely to be in another language than the model's
    rejected: int = 0
    positive: int = 0  # scored as positive
    neutral: int = 0  # scored as neutral, if there is a neutral range
    mixed: int = 0  # scored as mixed, if reviews are scored by sentence
    unsure: int = 0  # scored with a probability from 0.25 to 0.75
    probability_tenths: Tenths = (0,) * 10  # of scored records, see `model.labels.count_tenths`
    levels: _Levels = NO_LEVELS  # of scored records, see `model.prior.count_levels`
    few_known_words: int = 0  # scored, but with few known words
    first_unread: int = 0  # first output row without or with few known words, from 1; 0: none
    cut_to_length: int = 0  # scored, but with more tokens than the model reads
    answered_by_second: int = 0  # scored, with the answer of a second model, or its half
    # Aspect → label → number of reviews.
    aspects: dict[str, dict[str, int]] = field(default_factory=dict)
    # For a model of classes: label → number of scored records. Unlikely labels are not counted.
    classes: dict[str, int] = field(default_factory=dict)
    cut_at_nul: int = 0  # texts that are read up to a NUL only
    seconds: float = 0.0
    # With a label column: label as written (`label_words`) → answer → number of scored records. The
    # meaning of a label depends on all labels of the file: `with_labels_read`.
    labels: dict[str, dict[str, int]] = field(default_factory=dict)
    labelled: int = 0  # scored, with a label that can be read
    labelled_neutral: int = 0  # labelled, but scored as neutral: neither right nor wrong
    labelled_mixed: int = 0  # labelled, but scored as mixed
    right: int = 0  # labelled, and the answer is the label
    unreadable_labels: int = 0  # scored, without a label or with an unknown one
    neutral_labels: int = 0  # scored, with a neutral label such as 3 of 5 stars: left out

    @property
    def records(self) -> int:
        """Records in the input."""
        return self.texts + self.without_text + self.rejected

    @property
    def unread(self) -> int:
        """Texts with no or few words that the model knows, or in another language."""
        return self.without_known_words + self.other_language + self.few_known_words

    @property
    def texts(self) -> int:
        """Records with a text."""
        return self.scored + self.without_known_words + self.other_language

    @property
    def accuracy(self) -> float | None:
        """Share of right answers, 0 to 1; None without labelled records."""
        read = self.with_labels_read()
        return read.right / read.answered if read.answered else None

    @property
    def answered(self) -> int:
        """Labelled records that are scored as positive or negative."""
        return self.labelled - self.labelled_neutral - self.labelled_mixed

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds if self.seconds else 0.0

    def __add__(self, other: RecordCounts) -> RecordCounts:
        """Add the counts of the next block or file."""
        apart = ("probability_tenths", "levels", "aspects", "labels", "classes")
        names = [entry.name for entry in fields(self) if entry.name not in apart]
        added = RecordCounts(**{name: getattr(self, name) + getattr(other, name) for name in names})
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

    def with_labels_read(self) -> RecordCounts:
        """Return the summary of a whole file with its labels read, as in training."""
        if not self.labels:
            return self
        meanings = self.label_meanings()
        answers: Counter[tuple[str, str]] = Counter()
        for word, counts in self.labels.items():
            meaning = label_of_target(meanings.targets.get(word, nan))
            answers.update({(meaning, answer): count for answer, count in counts.items()})
        sums: Counter[str] = Counter()
        for (meaning, _), count in answers.items():
            sums[meaning] += count

        def with_opinion(answer: str) -> int:
            return answers[POSITIVE, answer] + answers[NEGATIVE, answer]

        return replace(
            self,
            labels={},
            labelled=sums[POSITIVE] + sums[NEGATIVE],
            labelled_neutral=with_opinion(NEUTRAL),
            labelled_mixed=with_opinion(MIXED),
            right=answers[POSITIVE, POSITIVE] + answers[NEGATIVE, NEGATIVE],
            unreadable_labels=sums[""],
            neutral_labels=sums[NEUTRAL],
        )

    def label_meanings(self) -> Meanings:
        """Return what the labels of a whole file mean; nothing if they contradict each other."""
        none = Meanings({}, "")
        if TOO_MANY in self.labels:
            return none
        try:
            found = meanings_of(
                [*self.labels], "", LabelNames(skip_wrong=True), counts=self._label_counts()
            )
        except InputError:
            return none
        # Such as two numbers without a scale: an accuracy of the other rows would mean nothing.
        return none if self.share_of_wrong_labels(found) >= _MOSTLY_WRONG else found

    def _label_counts(self) -> list[int]:
        return [sum(each.values()) for each in self.labels.values()]

    def share_of_wrong_labels(self, meanings: Meanings) -> float:
        """Return the share of the given labels that mean nothing, 0 to 1."""
        counts = dict(zip(self.labels, self._label_counts(), strict=True))
        given = sum(counts[word] for word in meanings.targets)
        wrong = sum(counts[word] for word, each in meanings.targets.items() if isnan(each))
        return wrong / given if given else 0.0

    def labels_warning(self, column: str | None) -> str | None:
        """Return the warning that labels mean nothing, as `toolkit evaluate` says it, or None.

        For a whole file whose labels are not read yet. A few wrong labels are only counted.
        """
        why = self._why_labels_are_wrong() if self.labels else None
        if why is None:
            return self._one_star_warning(column)
        has_accuracy = bool(self.label_meanings().targets)
        rest = "The accuracy is that of the other rows" if has_accuracy else "There is no accuracy"
        return (
            f"column {column!r}: {why}. {rest}. toolkit evaluate reads other labels, with "
            "--positive, --positive-from or --skip-wrong-labels."
        )

    def _one_star_warning(self, column: str | None) -> str | None:
        """Return the warning that a column of stars has ones alone, which are read as positive."""
        found = {number(word) for word in self.label_meanings().targets}
        if found != {1.0} or not _OF_STARS.search(column or ""):
            return None
        return (
            f"column {column!r}: all labels are 1, which is read as positive. If they are stars, "
            "the accuracy is wrong: use toolkit evaluate --positive-from 4."
        )

    def _why_labels_are_wrong(self) -> str | None:
        """Return what `toolkit evaluate` says of the labels; None if at most a few are wrong."""
        if TOO_MANY in self.labels:
            return f"has more than {_MOST_LABELS:,} different labels"
        by_count = sorted(zip(self._label_counts(), self.labels, strict=True), reverse=True)
        counts = [count for count, _ in by_count]
        words = [word for _, word in by_count]
        try:
            found = meanings_of(words, "", LabelNames(skip_wrong=True), counts=counts)
            if self.share_of_wrong_labels(found) > _FEW_WRONG:
                meanings_of(words, "", LabelNames(), counts=counts)
        except WrongValueError as error:
            return error.problem.partition(". ")[0]
        except InputError as error:
            return str(error).removeprefix(": ").partition(". ")[0]
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return the counts for reports: the number of records first, the accuracy last.

        Counts of aspects, classes, neutral labels, texts in another language and answers of a
        second model are left out where they are 0. A model of classes has no counts of sentiment.
        """
        read = self.with_labels_read()
        if_any = (
            *("aspects", "answered_by_second", "classes", "labels", "neutral_labels"),
            "other_language",
        )
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
class Checkpoint:
    """The state of a job, complete or not; a line of the journal, as JSON."""

    reached: Offset  # in the input, after the last written block
    summary: RecordCounts
    # Of an incomplete output: its files by name, and the part of the input that was read.
    files: dict[str, Prefix] = field(default_factory=dict)
    source: Prefix | None = None
    # Of a complete output:
    complete: FileFacts | None = None  # of the file, or of the uploaded object
    content: Prefix | None = None  # of the file; None if unknown, as for Parquet without a record
    rejects: Prefix | None = None  # content of the file of rejects; None if there is none
    # Change times (ctime), which nobody can set back. The one of the input: then `source` is the
    # whole input, None if only size and modification time are known. The one of the output, in its
    # place: only in a record
    source_changed_ns: int | None = None
    output_changed_ns: int | None = None
    frame: Frame | None = None  # None if files of the format cannot be joined
    job_id: str | None = None
    columns: dict[str, str] = field(default_factory=dict)  # role → name
    warnings: tuple[str, ...] = ()
    prior: FilePrior | None = None  # estimated
    done_run: str | None = None  # digest of the outputs of a run whose journals are being removed

    @property
    def is_clean(self) -> bool:
        """Whether a run has only counts to report: no rejects, no warnings, and scored records."""
        return not (self.warnings or self.summary.rejected or why_none_is_scored(self.summary))


@dataclass(frozen=True)
class Source:
    """Facts of an input before it is opened; None: unknown, as for standard input."""

    format: str | None = None
    compression: str | None = None
    size: int | None = None  # in bytes
    modified: str | None = None  # UTC, as in ISO 8601

    @classmethod
    def of(cls, source: Input, read_as: str | None, facts: FileFacts | None) -> Self:
        """Describe an input by its facts, if known; ``read_as`` is the value of --format."""
        name = None
        with suppress(InputError, UsageError):  # unknown format: opening the file reports it
            name = format_of(source, read_as).name
        if source.is_stdin:
            return cls(name)
        if facts is None:
            return cls(name, source.compression)
        modified = datetime.fromtimestamp(facts.mtime_ns / 1e9, UTC).isoformat()
        return cls(format=name, compression=source.compression, size=facts.size, modified=modified)


@dataclass(frozen=True)
class ScoringModel:
    """Facts of a model for summaries, reports and plans."""

    identity: dict[str, Any]  # `Scorer.identity()`
    neutral: tuple[float, float] | None  # the neutral probabilities
    by_sentence: bool
    max_tokens: int  # read of each review
    has_classes: bool = False  # other classes than negative and positive
    unsure: float | None = None  # share of unsure scores on the reviews of calibration
    base: float = EVEN  # share of positive reviews that the model is calibrated for
    prior: float | None = None
    reads_start: bool = False  # of a long text, rather than its end

    @classmethod
    def of(cls, scorer: Scorer) -> Self:
        """Return the facts of a loaded model."""
        return cls(
            identity=scorer.identity(),
            neutral=scorer.neutral,
            by_sentence=scorer.by_sentence,
            max_tokens=scorer.max_tokens,
            has_classes=scorer.answers is not None,
            unsure=scorer.facts.unsure,
            base=scorer.base,
            prior=scorer.prior,
            reads_start=scorer.reads_start,
        )

    def adjusted_share(self, summary: RecordCounts) -> float | None:
        """Estimate the share of positive reviews from their scores; None if it is unreliable."""
        if self.has_classes:
            return None
        found = share_of(summary.levels, self.base)
        return None if found is None or found.problem else round(found.adjusted, 4)


@dataclass
class FileResult:
    """The result of scoring a file."""

    job: Job
    summary: RecordCounts = field(default_factory=RecordCounts)
    error: str | None = None  # why the file could not be scored
    is_done: bool = False  # the output is complete
    is_skipped: bool = False  # the output existed before
    is_answered: bool = False  # `summary` is known, from this run or the one that wrote the output
    is_skipped_by_time: bool = False  # skipped only because the output is newer than the input
    source: Source = field(default_factory=Source)
    # Role → name of the column; empty if the file was not opened.
    columns: Mapping[str, str] = field(default_factory=dict)
    job_id: str | None = None  # of the output, known once the input is open
    prior: FilePrior | None = None  # estimated
    warnings: list[str] = field(default_factory=list)
    label_meaning: str = ""  # how unusual labels were read; empty for the usual ones
    removed: list[str] = field(default_factory=list)  # removed leftovers of killed uploads
    done: Checkpoint | None = None  # for later runs, and for joining outputs

    def complete(self, done: Checkpoint) -> Self:
        """Take over the checkpoint of the complete output."""
        self.done = done
        self.is_done = True
        return self.answered_by(done)

    def answered_by(self, done: Checkpoint) -> Self:
        """Take over the results of the run that wrote the output, this one or an earlier one."""
        self.summary = done.summary
        self.is_answered = True
        self.job_id = done.job_id
        self.columns = done.columns
        self.warnings = [*done.warnings]
        self.prior = done.prior
        self.read_labels()
        return self

    def read_labels(self) -> None:
        """Read the labels of the whole file, and count right answers."""
        self.label_meaning = self.summary.label_meanings().meaning
        self.summary = self.summary.with_labels_read()


def total(results: Sequence[FileResult]) -> RecordCounts:
    """Add up the files."""
    return sum((result.summary for result in results), RecordCounts())


def why_none_is_scored(summary: RecordCounts) -> str | None:
    """Return why no record is scored; None if a record is scored, or the file is empty."""
    if summary.scored or not summary.records:
        return None
    reasons = (
        (summary.without_text, "without text"),
        (summary.without_known_words, "without a word that the model knows"),
        (summary.other_language, "probably in another language"),
        (summary.rejected, "rejected"),
    )
    found = [f"{count:,} {what}" for count, what in reasons if count]
    records = "the only record" if summary.records == 1 else f"all {summary.records:,} records"
    if len(found) == 1:
        return f"{records} {'is' if summary.records == 1 else 'are'} {found[0].split(' ', 1)[1]}"
    return f"of {summary.records:,} records, {', '.join(found)}"


def counts_warning(
    summary: RecordCounts, text_column: str | None, *, is_single: bool
) -> str | None:
    """Return the warning that no text is scored, or that many have few known words; or None.

    If the only file has no scored record, that is an error instead of a warning.
    """
    if not is_single and (why := why_none_is_scored(summary)):
        return f"no record is scored: {why}."
    unread = summary.unread
    texts = summary.texts
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
    """Return the warning that most texts look like values of another column, or None.

    The warning has no numbers, so it is the same for all shards of a file.
    """
    if texts < _FEWEST_FOR_VALUES or found < _MOST_VALUES * texts:
        return None
    column = "" if text_column is None else f" of column {text_column!r}"
    return (
        f"most of the texts{column} look like names, addresses or other values, not like reviews: "
        "they are single words, or a few that begin with capital letters. Is this the right column "
        "(--text-column)?"
    )


def unsure_warning(summary: RecordCounts, model: ScoringModel | None) -> str | None:
    """Return the warning that scores are far less sure than at the calibration, or None."""
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
    counts: RecordCounts,
    maximum: MaxRejected | None,
    first: str | None = None,
    *,
    at_end: bool = True,
) -> None:
    """Raise `InputError` if more records of a file are rejected than allowed.

    ``first``: number and reason of the first reject, if known.
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
    name: str, counts: RecordCounts, maximum: MaxUnread | None, *, at_end: bool = True
) -> None:
    """Raise `InputError` if more texts of a file have few known words than allowed."""
    if maximum is None or not maximum.is_passed(counts.unread, counts.texts, at_end=at_end):
        return
    so_far = "" if at_end else "first "
    raise InputError(
        f"{name}: the model knows none or few of the words in {counts.unread:,} of the {so_far}"
        f"{counts.texts:,} texts, more than --max-unread {maximum} allows; the first is in row "
        f"{counts.first_unread:,}. No file is written. Choose another column with --text-column, "
        "another model, or allow more."
    )

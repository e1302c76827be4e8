"""The data of a training: read all reviews, and choose the reviews of each fit."""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from toolkit.errors import TrainingError, counted
from toolkit.model.training_facts import Copies
from toolkit.records.class_labels import quoted_with_comma
from toolkit.records.columns import Columns
from toolkit.records.labels import POINTS, SIGNS, STARS, USUAL
from toolkit.text.strings import repeated_edge
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.options import TrainingObserver, TrainingOptions
from toolkit.training.presets import Preset
from toolkit.training.reviews import Reviews, UnlabelledReviews
from toolkit.training.sources import Part, concatenate, load, load_unlabelled
from toolkit.training.split import Split
from toolkit.training.teacher import Matches, load_teacher, match

if TYPE_CHECKING:
    from toolkit.training.epochs import SavedFit

_CLASSES_SHOWN = 40  # with their numbers of texts

# Pairs of kinds of labels in which one number has two meanings; each kind is from another file.
_CONTRADICTING = ({STARS, POINTS}, {SIGNS, USUAL})


@dataclass(frozen=True)
class FitData:
    """The reviews of one fit; `held_out` is to measure on, so its `teacher` must not be used."""

    fitted: Reviews
    held_out: Reviews | None = None
    unlabelled: UnlabelledReviews | None = None  # without texts that are held out or tested on

    @property
    def classes(self) -> int | None:
        """Number of a user's own classes; None: negative and positive."""
        names = self.fitted.classes
        return None if names is None else len(names)

    @property
    def unlabelled_count(self) -> int:
        """Number of reviews without labels."""
        return 0 if self.unlabelled is None else len(self.unlabelled)


@dataclass(frozen=True)
class TrainingSets:
    """All reviews that a training has read.

    `validation` are reviews that the user holds out; `test` are to measure on at the end.
    """

    reviews: Reviews
    test: Reviews | None = None
    unlabelled: UnlabelledReviews | None = None
    teachers: tuple[Matches, ...] = ()
    validation: Reviews | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes by their numbers; empty for positive and negative reviews."""
        return self.reviews.classes or ()

    @property
    def sha256(self) -> str:
        """Fingerprint of all reviews, with groups, domains, stars and teachers."""
        digest = hashlib.sha256()
        for reviews in (self.reviews, self.validation, self.test, self.unlabelled):
            for part in (reviews, getattr(reviews, "neutral", None)):
                digest.update(b"|" if part is None else f"{part.sha256}|".encode())
                for name, values in () if part is None else sorted(vars(part).items()):
                    if isinstance(values, np.ndarray):
                        digest.update(name.encode() + values.tobytes())
        return digest.hexdigest()

    def for_fit(self, split: Split | None = None) -> FitData:
        """Return the reviews of a fit, without unlabelled copies of held-out or test reviews."""
        fitted = self.reviews
        held_out = self.validation
        if split is not None:
            fitted = fitted.take(split.fitted)
            held_out = self.reviews.take(split.held_out)
        unlabelled = self.unlabelled
        if unlabelled is not None:
            unseen = [part.texts for part in (held_out, self.test) if part is not None]
            unlabelled = unlabelled.without(unseen)
        return FitData(fitted, held_out, unlabelled or None)  # None if no review is left

    def reported_for_fit(self, split: Split | None, observer: TrainingObserver) -> FitData:
        """Return the reviews of a fit, and report how many unlabelled reviews are left out."""
        data = self.for_fit(split)
        left_out = 0 if self.unlabelled is None else len(self.unlabelled) - data.unlabelled_count
        if left_out:
            observer.say(f"{left_out:,} unlabelled reviews left out: held out or tested on")
        return data


@dataclass(frozen=True)
class FitTask:
    """The input of a recipe that fits a network from scratch."""

    preset: Preset
    data: FitData
    options: TrainingOptions
    observer: TrainingObserver
    epochs: int | None = None  # best number of epochs of other fits; None: the options decide
    saved: SavedFit | None = None  # the file in which its epochs are saved
    keeps_best: bool = False  # whether a recipe of fixed length keeps the best epoch, not the last
    introduces: bool = False  # whether to report the network and the data first


def check_words(vocabulary: Vocabulary, fitted: Reviews) -> None:
    """Raise `TrainingError` if the reviews to fit on have no words."""
    if not len(vocabulary.words):
        raise TrainingError(
            f"{fitted.name}: no words in the {len(fitted)} reviews to fit on, only punctuation "
            "and white space. Give reviews with words, or choose the column with --text-column."
        )


def count_copies(fits: list[FitData], test: Reviews | None) -> Copies:
    """Count reviews with the same text as another review, over all fits that hold reviews out."""
    first = fits[0]
    parts = [part for part in (first.fitted, first.held_out) if part is not None]
    training = sum((_texts(part) for part in parts), Counter[bytes]())
    held_out = [
        _found(_texts(data.held_out), _texts(data.fitted))
        for data in fits
        if data.held_out is not None
    ]
    tested = None if test is None else _texts(test)
    return Copies(
        within_training=_repeated(training),
        held_out_in_fitted=sum(held_out) if held_out else None,
        test_in_training=None if tested is None else _found(tested, training),
        within_test=None if tested is None else _repeated(tested),
    )


def _texts(reviews: Reviews) -> Counter[bytes]:
    """Count each text, by its SHA-256."""
    return Counter(
        hashlib.sha256(text.as_buffer()).digest() for text in reviews.texts.cast(pa.large_string())
    )


def _repeated(texts: Counter[bytes]) -> int:
    return texts.total() - len(texts)


def _found(texts: Counter[bytes], others: Counter[bytes]) -> int:
    return sum(count for text, count in texts.items() if text in others)


def load_training_data(options: TrainingOptions, observer: TrainingObserver) -> TrainingSets:
    """Read all reviews of a training, with the probabilities of the teachers."""
    columns = options.reading.columns
    reviews = _read(data=options.data, columns=columns, options=options, observer=observer)
    validation = test = None
    if options.validation_data is not None:
        validation = _read(
            data=str(options.validation_data),
            columns=columns,
            options=options,
            observer=observer,
        )
        _check_labels_mean_the_same(reviews, validation)
    if options.test or options.test_data is not None:
        its_own = replace(columns, group=None, balance=None, stars=None)
        test = _read(
            data=str(options.test_data or options.data),
            columns=its_own,
            options=options,
            observer=observer,
            part="test",
        )
        _check_labels_mean_the_same(reviews, test)
    others = [load_unlabelled(path, options.reading) for path in options.unlabelled]
    for part in others:
        report(observer, part)
    matches: list[Matches] = []
    if options.teachers:
        teachers = [load_teacher(path, options.reading) for path in options.teachers]
        (known, *of_others), matches = match(teachers, [reviews, *others])
        reviews = replace(reviews, teacher=known)
        others = [
            replace(part, teacher=opinion) for part, opinion in zip(others, of_others, strict=True)
        ]
    elif others and options.start is None:
        observer.hint(
            "unlabelled reviews only add words and pairs of words. To learn from them, too, name "
            "probabilities of another model with --teacher"
        )
    together = concatenate(others) if others else None
    for each in matches:
        observer.say(each.line(len(reviews), None if together is None else len(together)))
    return TrainingSets(
        reviews=reviews,
        test=test,
        unlabelled=together,
        teachers=tuple(matches),
        validation=validation,
    )


def _read(
    data: str,
    columns: Columns,
    options: TrainingOptions,
    observer: TrainingObserver,
    part: Part = "train",
) -> Reviews:
    """Read labelled reviews, and report their numbers."""
    reviews = load(data, replace(options.reading, columns=columns), part).check()
    report(observer, reviews)
    _warn_of_edges(observer, reviews)
    if options.class_weight is None or reviews.domains is not None:
        return reviews
    # Labels are balanced within domains. Without domains, all reviews are one domain.
    return replace(reviews, domains=np.zeros(len(reviews), np.int64))


def _warn_of_edges(observer: TrainingObserver, reviews: Reviews) -> None:
    """Warn if many reviews begin or end with the same words, such as a button of a web page."""
    for at_end, verb in ((True, "end"), (False, "begin")):
        words, count = repeated_edge(reviews.texts, at_end=at_end)
        if words:
            cut = f"--strip-ending {shlex.quote(words)}"
            remedy = cut if at_end else "another text column, or remove them"
            observer.warning(
                f"{reviews.name}: {count:,} different reviews of {len(reviews):,} {verb} with "
                f"{words!r}. If reviewers did not write this, use {remedy}."
            )


def report(
    observer: TrainingObserver,
    reviews: Reviews | UnlabelledReviews,
    *,
    shows_classes: bool = False,
) -> None:
    """Report the numbers of reviews, and what their labels and stars mean.

    With `shows_classes`, the numbers of texts per class are reported, too.
    """
    kind = "unlabelled reviews"
    parts: list[str] = []
    lines: list[str] = []
    if isinstance(reviews, Reviews):
        kind = "reviews" if reviews.classes is None else "texts"
        counts = reviews.class_counts if shows_classes else {}
        parts = _label_counts(reviews, counts)
        meanings = {
            "classes": _most_frequent(counts),
            "labels": reviews.label_meaning,
            "stars": reviews.stars_meaning,
        }
        lines = [f"  {name}: {meaning}" for name, meaning in meanings.items() if meaning]
    if reviews.without_text:
        parts.append(counted(reviews.without_text, "row") + " without text left out")
    details = f" ({', '.join(parts)})" if parts else ""
    observer.say(f"{reviews.name}: {len(reviews):,} {kind}{details}")
    for line in lines:
        observer.say(line)


def _label_counts(reviews: Reviews, class_counts: Mapping[str, int]) -> list[str]:
    """Return how many reviews have which labels, and how many rows have none."""
    what = "label" if reviews.classes is None else "class"
    parts = [f"{len(class_counts):,} classes"] if class_counts else []
    if reviews.classes is None:
        parts.append(f"{reviews.positives:,} positive")
        parts.append(f"{len(reviews) - reviews.positives:,} negative")
        if reviews.soft_count:
            parts.append(counted(reviews.soft_count, "soft label"))
    if reviews.without_label:
        parts.append(counted(reviews.without_label, "row") + f" without a {what} left out")
    return parts


def _most_frequent(counts: Mapping[str, int]) -> str:
    """List classes with their numbers of texts, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda each: -each[1])
    shown = ", ".join(
        f"{quoted_with_comma(name)} {count:,}" for name, count in ordered[:_CLASSES_SHOWN]
    )
    more = len(ordered) - _CLASSES_SHOWN
    return f"{shown}, and {more:,} more" if more > 0 else shown


def _check_labels_mean_the_same(reviews: Reviews, other: Reviews) -> None:
    if {reviews.label_kind, other.label_kind} in _CONTRADICTING:
        first, second = (part.label_kind or "0 and 1" for part in (reviews, other))
        raise TrainingError(
            f"{other.name}: its labels look like {second}, and the labels of {reviews.name} look "
            f"like {first}. Say which labels are positive with --positive-from, or with --positive "
            "and --negative."
        )

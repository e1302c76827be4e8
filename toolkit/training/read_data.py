"""Reading all that the options of a training name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit.errors import TrainingError
from toolkit.records.labels import POINTS, SIGNS, STARS, USUAL
from toolkit.training import sources as unlabelled
from toolkit.training import teacher
from toolkit.training.data import Reporter, TrainingData
from toolkit.training.options import TrainingOptions
from toolkit.training.reviews import Reviews
from toolkit.training.sources import load
from toolkit.training.teacher import Matches, match


def read_data(options: TrainingOptions, reporter: Reporter) -> TrainingData:
    """Read everything, with the opinions of the teachers in the reviews."""
    reviews = load(options.data, options.reading).check()
    reporter.loaded(reviews)
    reviews = _weighted(reviews, options)
    validation = None
    if options.validation_data is not None:
        columns = replace(options.reading.columns, topic=None, id=None)
        reading = replace(options.reading, columns=columns)
        validation = load(str(options.validation_data), reading).check()
        reporter.loaded(validation)
        validation = _weighted(validation, options)
    test = _read_test(options, reporter)
    for other in (validation, test):
        if other is not None:
            _check_labels_mean_the_same(reviews, other)
    others = [unlabelled.load_unlabelled(path, options.reading) for path in options.unlabelled]
    for part in others:
        reporter.loaded(part)
    matches: list[Matches] = []
    if options.teachers:
        teachers = [teacher.load(path, options.reading) for path in options.teachers]
        (known, *of_others), matches = match(teachers, [reviews, *others])
        reviews = replace(reviews, teacher=known)
        others = [
            replace(part, teacher=opinion) for part, opinion in zip(others, of_others, strict=True)
        ]
    elif others:
        reporter.hint(
            "without a teacher, reviews without labels only say which words and pairs of words "
            "there are; with one, the network learns from them, too: --teacher"
        )
    together = unlabelled.concatenate(others) if others else None
    for one in matches:
        count = None if together is None else len(together)
        reporter.matched_teacher(one, len(reviews), count)
    return TrainingData(reviews, test, together, tuple(matches), validation)


def _weighted(reviews: Reviews, options: TrainingOptions) -> Reviews:
    """For both labels to weigh the same, all reviews are one domain, unless they have domains."""
    if options.class_weight is None or reviews.domains is not None:
        return reviews
    return replace(reviews, domains=np.zeros(len(reviews), np.int64))


def _read_test(options: TrainingOptions, reporter: Reporter) -> Reviews | None:
    columns = replace(
        options.reading.columns, group=None, balance=None, topic=None, id=None, stars=None
    )
    reading = replace(options.reading, columns=columns)
    if options.test_data is None and not options.test:
        return None
    test = load(str(options.test_data or options.data), reading, "test")
    reporter.loaded(test.check())
    return test


# Kinds of labels, each read from its own file, of which one number means two things.
_CONTRADICTING = ({STARS, POINTS}, {SIGNS, USUAL})


def _check_labels_mean_the_same(reviews: Reviews, other: Reviews) -> None:
    if {reviews.label_kind, other.label_kind} in _CONTRADICTING:
        first, second = (part.label_kind or "0 and 1" for part in (reviews, other))
        raise TrainingError(
            f"{other.name}: its labels look like {second}, those of {reviews.name} like {first}. "
            "Say which labels are positive with --positive-from, or with --positive and --negative."
        )

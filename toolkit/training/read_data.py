"""Reading all that the options of a training name."""

from __future__ import annotations

from dataclasses import replace

from toolkit.training.data import TrainingData
from toolkit.training.options import TrainingOptions
from toolkit.training.reporter import Reporter
from toolkit.training.sources import load, teacher, unlabelled
from toolkit.training.sources.reviews import Reviews
from toolkit.training.sources.teacher_matching import Matches, match


def read_data(options: TrainingOptions, reporter: Reporter) -> TrainingData:
    """Read everything, with the opinions of the teachers in the reviews.

    Raises `ToolkitError` if something cannot be read, or is too little to train on.
    """
    reviews = load(options.data, options.reading).check()
    _report(reviews, reporter)
    test = _read_test(options, reporter)
    others = [unlabelled.load(path, options.reading) for path in options.unlabelled]
    for part in others:
        reporter.loaded_unlabelled(part.name, len(part), part.without_text)
    matches: list[Matches] = []
    if options.teachers:
        teachers = [teacher.load(path, options.reading) for path in options.teachers]
        (known, *of_others), matches = match(teachers, [reviews, *others])
        reviews = replace(reviews, teacher=known)
        others = [
            replace(part, teacher=opinion) for part, opinion in zip(others, of_others, strict=True)
        ]
    together = unlabelled.concatenate(others) if others else None
    for one in matches:
        reporter.matched_teacher(
            one.teacher.path.name,
            labelled=(one.labelled, len(reviews)),
            unlabelled=None if together is None else (one.unlabelled, len(together)),
            compared=one.compared,
            unmatched=one.unmatched,
            without_probability=one.teacher.without_probability,
        )
    return TrainingData(reviews, test, together, tuple(matches))


def _read_test(options: TrainingOptions, reporter: Reporter) -> Reviews | None:
    columns = replace(options.reading.columns, group=None, id=None)
    reading = replace(options.reading, columns=columns)
    if options.test_data is not None:
        test = load(str(options.test_data), reading, "test")
    elif options.test:
        test = load(options.data, reading, "test")
    else:
        return None
    _report(test.check(), reporter)
    return test


def _report(reviews: Reviews, reporter: Reporter) -> None:
    reporter.loaded(
        reviews.name,
        len(reviews),
        positives=reviews.positives,
        soft_labels=reviews.soft_count,
        without_text=reviews.without_text,
    )

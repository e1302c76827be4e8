"""What a training has read, and what of it one fit is given."""

from __future__ import annotations

from dataclasses import dataclass, replace

from toolkit.training.options import TrainingOptions
from toolkit.training.reporter import Reporter
from toolkit.training.sources import load
from toolkit.training.sources import teacher as teacher_file
from toolkit.training.sources import unlabelled as unlabelled_source
from toolkit.training.sources.reviews import Reviews
from toolkit.training.sources.taught import Matches, match
from toolkit.training.sources.unlabelled import UnlabelledReviews
from toolkit.training.split import Split


@dataclass(frozen=True)
class Material:
    """What one fit is given.

    Attributes
    ----------
    fitted : Reviews
        To fit on: with the labels in `targets` and, where there is a teacher, in `teacher`.
    held_out : Reviews | None
        To say when to stop and to judge by the labels; None when nothing is held out. Its
        `teacher` must not be used.
    unlabelled : UnlabelledReviews | None
        To learn from, too; None unless some were given that are neither held out nor tested on.
    """

    fitted: Reviews
    held_out: Reviews | None = None
    unlabelled: UnlabelledReviews | None = None

    @property
    def unlabelled_count(self) -> int:
        """How many reviews without labels there are."""
        return 0 if self.unlabelled is None else len(self.unlabelled)


@dataclass(frozen=True)
class Inputs:
    """All that a training has read.

    Attributes
    ----------
    reviews : Reviews
        The labelled ones to train on.
    test : Reviews | None
        Those to measure on at the end, if that was asked for.
    unlabelled : UnlabelledReviews | None
        Those without labels, of all sources.
    teachers : tuple[Matches, ...]
        How each teacher file was used.
    """

    reviews: Reviews
    test: Reviews | None = None
    unlabelled: UnlabelledReviews | None = None
    teachers: tuple[Matches, ...] = ()

    def material(self, split: Split | None = None) -> Material:
        """Choose what one fit is given.

        Unlabelled reviews whose text is held out or tested on are left out: the network would be
        judged on texts that it knows.

        Parameters
        ----------
        split : Split | None
            Which reviews are held out; None to fit on all of them.

        Returns
        -------
        Material
            For the fit.
        """
        fitted, held_out = self.reviews, None
        if split is not None:
            fitted, held_out = fitted.take(split.fitted), self.reviews.take(split.held_out)
        unlabelled = self.unlabelled
        if unlabelled is not None:
            unseen = [part.texts for part in (held_out, self.test) if part is not None]
            unlabelled = unlabelled.without(unseen)
        return Material(fitted, held_out, unlabelled or None)  # none is left: none at all


def read_inputs(options: TrainingOptions, reporter: Reporter) -> Inputs:
    """Read all that the options name.

    Parameters
    ----------
    options : TrainingOptions
        Say what to read.
    reporter : Reporter
        Hears what was read.

    Returns
    -------
    Inputs
        With the probabilities of the teachers in the reviews.

    Raises
    ------
    ToolkitError
        If something cannot be read, or is too little to train on.
    """
    reviews = load(options.data, options.reading).check()
    reporter.loaded(reviews)
    test = _read_test(options, reporter)
    unlabelled = [unlabelled_source.load(path, options.reading) for path in options.unlabelled]
    for part in unlabelled:
        reporter.loaded_unlabelled(part)
    matches: list[Matches] = []
    if options.teachers:
        teachers = [teacher_file.load(path, options.reading) for path in options.teachers]
        (known, *others), matches = match(teachers, [reviews, *unlabelled])
        reviews = replace(reviews, teacher=known)
        unlabelled = [
            replace(part, teacher=other) for part, other in zip(unlabelled, others, strict=True)
        ]
    inputs = Inputs(
        reviews,
        test,
        unlabelled_source.concatenate(unlabelled) if unlabelled else None,
        tuple(matches),
    )
    for one in matches:
        reporter.taught(one, inputs)
    return inputs


def _read_test(options: TrainingOptions, reporter: Reporter) -> Reviews | None:
    columns = replace(options.reading.columns, group=None, id=None)
    reading = replace(options.reading, columns=columns)
    if options.test_data is not None:
        test = load(str(options.test_data), reading, "test")
    elif options.test:
        test = load(options.data, reading, "test")
    else:
        return None
    reporter.loaded(test.check())
    return test

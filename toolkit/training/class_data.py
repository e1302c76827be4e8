"""Read, check, count and split texts with classes of a user's own.

They are `Reviews` whose labels are positions in `Reviews.classes`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from toolkit.errors import InputError, TrainingError
from toolkit.model.typed_json import is_line
from toolkit.records.class_labels import (
    FEWEST_CLASSES,
    NO_CLASS,
    are_given,
    as_rows,
    check_classes,
    classes_of,
    numbers_of,
)
from toolkit.records.labelled import LabelledTexts, read_labelled
from toolkit.records.labels import FEWEST_ROWS
from toolkit.records.options import ReadOptions
from toolkit.stores.paths import path_of
from toolkit.training.data import TrainingSets, report
from toolkit.training.options import SplitKind, TrainingObserver, TrainingOptions
from toolkit.training.reviews import FEWEST_REVIEWS, Reviews, group_codes
from toolkit.training.split import Split, split_kind

_DRAWS = 100  # of groups


def load_classes(options: TrainingOptions, observer: TrainingObserver) -> TrainingSets:
    """Read the files of a training, and report the labels with their numbers of texts.

    Raises `InputError` if a label is missing, rare, or cannot be shown in a line, and
    `TrainingError` for too few texts.
    """
    fewest = FEWEST_ROWS if options.min_count is None else options.min_count
    reading = options.reading
    read = read_labelled(path_of(options.data), reading, "group")
    table = read.table
    leaves_out = reading.labels.skip_wrong
    _check_given(read)
    found = classes_of(read.words, fewest)
    check_classes(found, table.place("label"), fewest, leaves_out=leaves_out)
    for name in found.names:
        if not is_line(name):
            raise InputError(
                f"{table.place('label')}: the label {name!r:.60} cannot be shown in one line. "
                "Write it without control characters."
            )
    reviews = _reviews(read, found.numbers, found.names)
    if len(reviews) < FEWEST_REVIEWS:
        raise TrainingError(
            f"{reviews.name}: {len(reviews)} texts with a label, expected at least "
            f"{FEWEST_REVIEWS}. Give more labelled texts."
        )
    report(observer, reviews, shows_classes=True)
    if len(found.names) == FEWEST_CLASSES and not options.classes and options.min_count is None:
        first, second = (f"{name!r:.60}" for name in found.names)
        observer.hint(
            f"{first} and {second} are learned as classes of your own. If they are opinions, say "
            f"which is which, for example: --positive {first} --negative {second}"
        )
    others: dict[str, Reviews] = {}
    for role, path in (("validation", options.validation_data), ("test", options.test_data)):
        if path is not None:
            others[role] = _others(str(path), reading, found.names)
            report(observer, others[role])
    return TrainingSets(
        reviews=reviews, validation=others.get("validation"), test=others.get("test")
    )


def _check_given(read: LabelledTexts) -> None:
    """Raise `InputError` if a text has no label, unless such rows are left out."""
    missing = np.flatnonzero(~are_given(read.words))
    leaves_out = read.reading.labels.skip_wrong
    if len(missing) and (not leaves_out or len(missing) == len(read.rows)):
        rows = f" ({len(missing):,} such rows)" if len(missing) > 1 else ""
        word = " ".join((read.words[int(missing[0])].as_py() or "").split())
        found = f"{word!r:.60}, which stands for a missing label" if word else "no label"
        raise InputError(
            f"{read.table.place('label')}, row {read.rows[missing[0]] + 1:,}: found "
            f"{found}{rows}, expected one in each row with a text. Choose the column with "
            "--label-column, or leave such rows out with --skip-wrong-labels."
        )


def _others(data: str, reading: ReadOptions, names: tuple[str, ...]) -> Reviews:
    """Read texts to measure on; other labels than `names` are an error, or are left out."""
    read = read_labelled(path_of(data), reading, "group")
    _check_given(read)
    words = read.words
    numbers = numbers_of(words, names)
    wrong = np.flatnonzero(numbers == NO_CLASS)
    if len(wrong) == len(words) or (len(wrong) and not reading.labels.skip_wrong):
        row = int(wrong[0]) if len(wrong) else 0
        found = repr(words[row].as_py())[:60] if len(words) else "no text"
        raise InputError(
            f"{read.table.place('label')}: found the label {found} ({len(wrong):,} such rows), "
            "which is not a class of the training data. Leave such rows out with "
            "--skip-wrong-labels."
        )
    return _reviews(read, numbers, names)


def _reviews(
    read: LabelledTexts, numbers: npt.NDArray[np.int64], names: tuple[str, ...]
) -> Reviews:
    has_class = as_rows(numbers)
    rows = read.rows[has_class]
    groups = read.table.at("group", rows)
    return Reviews(
        name=path_of(read.table.name).name,
        texts=read.texts(rows),
        labels=numbers[has_class].astype(np.int16),
        groups=None if groups is None else group_codes(groups),
        without_text=read.without_text,
        without_label=len(read.rows) - len(rows),
        classes=names,
    )


def class_split(
    reviews: Reviews, share: float, seed: int, wanted: SplitKind | None = None
) -> Split:
    """Hold out a share of the texts, 0 to 1, with about the same share of each class.

    Groups are never split. Raises `TrainingError` unless every class has texts to fit on.
    """
    kind = split_kind(reviews, wanted)
    try:
        found = _draw(reviews=reviews, share=share, seed=seed, kind=kind)
    except ValueError:  # scikit-learn's, where a side would be empty or miss a class
        raise TrainingError(
            f"{reviews.name}: {len(reviews):,} texts of {_classes(reviews)} classes cannot be "
            f"split so that a share of {share:g} is held out and each class is on both sides. Give "
            "more texts, or another share with --validation."
        ) from None
    missing = np.setdiff1d(reviews.labels, reviews.labels[found.fitted])
    if len(missing) or not len(found.held_out):
        assert reviews.classes is not None
        what = f"all texts of {reviews.classes[missing[0]]!r:.60}" if len(missing) else "nothing"
        raise TrainingError(
            f"{reviews.name}: the split holds out {what}. Add texts or groups, or change the "
            "split with --split, --validation or --group-column."
        )
    return found


def _draw(reviews: Reviews, share: float, seed: int, kind: SplitKind) -> Split:
    everything = np.arange(len(reviews))
    if kind is SplitKind.LAST:
        first = int(len(reviews) * (1 - share))
        return Split(everything[:first], everything[first:])
    if kind is SplitKind.RANDOM:
        from sklearn.model_selection import train_test_split

        fitted, held_out = train_test_split(
            everything, test_size=share, stratify=reviews.labels, random_state=seed
        )
        return Split(np.sort(fitted), np.sort(held_out))
    from sklearn.model_selection import GroupShuffleSplit

    size = _classes(reviews)
    totals = np.bincount(reviews.labels, minlength=size)

    def miss(split: Split) -> tuple[int, float]:
        """Return the number of classes on one side only, and the mean error of the shares."""
        held_out = np.bincount(reviews.labels[split.held_out], minlength=size)
        one_sided = np.count_nonzero(held_out == totals) * size + np.count_nonzero(held_out == 0)
        return int(one_sided), float(np.abs(held_out / totals - share).mean())

    draws = GroupShuffleSplit(_DRAWS, test_size=share, random_state=seed)
    drawn = draws.split(everything, groups=reviews.groups)
    return min((Split(np.sort(fitted), np.sort(out)) for fitted, out in drawn), key=miss)


def _classes(reviews: Reviews) -> int:
    return len(reviews.classes or ())

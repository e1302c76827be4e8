"""What makes scores look better than they are is counted, recorded and said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.training.conftest import make_rows
from tests.training.listening import Listener
from toolkit.model.facts import Copies
from toolkit.training.data import TrainingData, count_copies
from toolkit.training.options import TrainingOptions
from toolkit.training.reviews import Reviews
from toolkit.training.split import Split
from toolkit.training.train import train

WriteCsv = Callable[..., Path]


def reviews_of(*texts: str) -> Reviews:
    return Reviews("r", pa.chunked_array([list(texts)]), np.zeros(len(texts), np.int8))


def split_at(*held_out: int, count: int) -> Split:
    rows = np.arange(count)
    return Split(rows[~np.isin(rows, held_out)], np.array(held_out))


def test_copies_are_counted_between_and_within_the_parts() -> None:
    training, test = reviews_of("a", "b", "a", "c", "a", "d"), reviews_of("a", "c", "x", "x", "x")
    read = TrainingData(training, test)
    once = read.for_fit(split_at(0, 1, 5, count=6))
    assert count_copies([once], test) == Copies(2, 1, 2, 2)
    folds = [read.for_fit(split_at(*rows, count=6)) for rows in ((0, 2), (1, 3), (4, 5))]
    assert count_copies(folds, test) == Copies(2, 3, 2, 2)
    assert count_copies([read.for_fit()], None) == Copies(2)


def test_texts_that_differ_by_a_letter_are_no_copies() -> None:
    read = TrainingData(reviews_of("a film", "A film", "a film ", "a  film"))
    assert count_copies([read.for_fit(split_at(0, count=4))], None) == Copies(0, 0)


def test_copies_are_said_and_recorded(write_csv: WriteCsv, options: TrainingOptions) -> None:
    rows = make_rows(60)
    data = write_csv(*rows, *rows[:30], name="twice.csv")
    listener = Listener()
    result = train(replace(options, data=str(data), test_data=data, epochs=1), listener)
    copies = result.run.load_metrics().copies
    assert copies is not None
    assert (copies.within_training, copies.test_in_training, copies.within_test) == (30, 90, 30)
    assert copies.held_out_in_fitted
    first, second = listener.warnings[:2]
    assert first.startswith(f"{copies.held_out_in_fitted} held-out reviews have the same text as")
    assert second.startswith("90 of 90 test reviews have the same text as reviews to train on")


def test_a_network_that_is_no_better_than_a_constant(
    write_csv: WriteCsv, options: TrainingOptions
) -> None:
    """Three hundred positive and four negative reviews: an accuracy of 98 % says nothing."""
    positive = [row for row in make_rows(600) if row[1] == "1"]
    negative = [row for row in make_rows(8) if row[1] == "0"]
    data = write_csv(*positive, *negative, name="skewed.csv")
    listener = Listener()
    result = train(replace(options, data=str(data), epochs=1, batch_size=32), listener)
    validation = result.run.load_metrics().validation
    assert validation is not None
    assert validation.accuracy == validation.majority_accuracy == pytest.approx(60 / 61)
    assert validation.balanced_accuracy == 0.5
    (warning,) = listener.warnings
    assert warning.startswith(
        "the network is not clearly better than always answering positive on the held-out reviews: "
        "its accuracy is 98.36%, that of the constant answer 98.36%"
    )

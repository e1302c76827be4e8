"""How labels of all kinds and ratings are read, and what users are told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.classes import NEUTRAL_TARGET
from toolkit.errors import InputError, UsageError
from toolkit.records import LabelNames
from toolkit.records.labels import (
    ReadLabels,
    StarRatings,
    TopicsError,
    are_given,
    labels_of,
    opinions_of,
    read_ratings,
)


def read(words: list[str | None], names: LabelNames | None = None) -> ReadLabels:
    column = pa.chunked_array([pa.array(words, pa.large_string())])
    rows = np.arange(len(words), dtype=np.int64)
    return labels_of(column, rows, "x.csv: column 'y'", names or LabelNames())


@pytest.mark.parametrize(
    ("words", "targets", "meaning"),
    [
        (["0", "1", "neg", "Positive", "0.25"], [0, 1, 0, 1, 0.25], ""),
        (["true", "False"], [1, 0], "true or false: false → negative (1); true → positive (1)"),
        (
            ["5", "1", "3", "2", "4", "4"],
            [1, 0, NEUTRAL_TARGET, 0, 1, 1],
            "stars, of 5: 1, 2 → negative (2); 3 → neutral, left out (1); 4, 5 → positive (3)",
        ),
        (
            ["2.5", "3.5", "3.0", "1 star", "5 Stars"],
            [0, 1, NEUTRAL_TARGET, 0, 1],
            "stars, of 5: 1 star, 2.5 → negative (2); 3.0 → neutral, left out (1); "
            "3.5, 5 stars → positive (2)",
        ),
        (
            ["10", "7", "6", "5", "4", "1"],
            [1, 1, NEUTRAL_TARGET, NEUTRAL_TARGET, 0, 0],
            "stars, of 10: 1, 4 → negative (2); 5, 6 → neutral, left out (2); 7, 10 → positive (2)",
        ),
        (
            ["positive", "Neutral", "neg"],
            [1, NEUTRAL_TARGET, 0],
            "three classes: neg → negative (1); neutral → neutral, left out (1); "
            "positive → positive (1)",
        ),
        (
            ["-1", "0", "1"],
            [0, NEUTRAL_TARGET, 1],
            "three classes, -1 to 1: -1 → negative (1); 0 → neutral, left out (1); "
            "1 → positive (1)",
        ),
    ],
)
def test_columns_of_all_kinds(words: list[str | None], targets: list[float], meaning: str) -> None:
    found = read(words)
    assert found.targets.dtype == np.float32
    assert found.targets.tolist() == targets
    assert found.meaning == meaning


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        (LabelNames(positive=("Good", "great")), [1, 1, 0, 0]),
        (LabelNames(negative=("bad",)), [1, 1, 1, 0]),
        (LabelNames(positive=("good",), negative=("bad",)), [1, NEUTRAL_TARGET, NEUTRAL_TARGET, 0]),
    ],
)
def test_labels_that_the_user_names(names: LabelNames, targets: list[float]) -> None:
    found = read(["good", "great", "meh", "BAD "], names)
    assert found.targets.tolist() == targets
    assert found.meaning.startswith("as named: bad")


def test_numbers_from_which_labels_are_positive() -> None:
    found = read(["0", "3", "4", "90"], LabelNames(positive_from=4))
    assert found.targets.tolist() == [0, 0, 1, 1]
    assert found.meaning == "positive from 4: 0, 3 → negative (2); 4, 90 → positive (2)"


GOOD, FROM = LabelNames(positive=("good",)), LabelNames(positive_from=6)


@pytest.mark.parametrize(
    ("words", "names", "message"),
    [
        (["1", "2"], None, r"may be two classes or low stars.*--positive 2"),
        (["5", "4", "3", "0"], None, r"row 4: found the label '0', expected 1 to 5 stars"),
        (["5", "N/A", "4", "3"], None, "row 2: found no label, expected 1 to 5 stars"),
        (["5", "nan", "4", "1"], None, "row 2: found no label, .*, use --skip-wrong-labels"),
        (["pos", "neutral", "neg", "postive"], None, "row 4: found the label 'postive'"),
        (["true", "false", "flase"], None, "row 3: found the label 'flase'"),
        (["-1", "0", "1", "l"], None, "row 4: found the label 'l'"),
        (["sport", "art", "food", "news", "law"], None, "'sport' .*A model of topics is trained"),
        (["95", "5"], None, r"row 1: found the label '95' \(1 more .*\).* --positive-from"),
        (["good", "1"], None, r"found the label 'good', .*--positive and --negative"),
        (["0 stars", "1 star"], None, "found the label '0 stars'"),
        (["star5", "1"], None, "found the label 'star5'"),
        (["1", None], None, "row 2: found no label, expected 0 or 1"),
        (["1", ""], LabelNames(positive=("1",)), "row 2: found no label"),
        (["7", "x"], FROM, "row 2: found the label 'x', expected a number"),
        (["bad", "god"], GOOD, r"no label is 'good' \(found: bad, god\)\. .* --positive\."),
        (["1", "5"], FROM, r"no label is 6 or more \(found: 1, 5\)\."),
    ],
)
def test_labels_that_mean_nothing(
    words: list[str | None], names: LabelNames | None, message: str
) -> None:
    with pytest.raises(InputError, match=rf"^x\.csv: column 'y'.*{message}"):
        read(words, names)


MISSING = [
    "NA",
    "n/a",
    "NaN",
    " null ",
    "None",
    "<NA>",
    "#N/A",
    r"\N",
    "NaT",
    "#REF!",
    " ",
    "",
    None,
]
BOTH = LabelNames(positive=("1",), negative=("0",))


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("names", [LabelNames(), BOTH, LabelNames(positive_from=1)])
def test_a_missing_label_is_never_a_class(missing: str | None, names: LabelNames) -> None:
    words = ["1", missing, "0"]
    with pytest.raises(InputError, match=r"row 2: found no label, .* --skip-wrong-labels"):
        read(words, names)
    skipped = read(words, replace(names, skip_wrong=True))
    assert skipped.targets.tolist() == pytest.approx([1, np.nan, 0], nan_ok=True)
    assert are_given(pa.chunked_array([words]), names).tolist() == [True, False, True]


def test_a_word_for_missing_that_the_user_names_is_a_label() -> None:
    names = LabelNames(positive=("1",), negative=("None",))
    assert read(["1", "none", "NONE"], names).targets.tolist() == [1, 0, 0]
    with pytest.raises(InputError, match="row 2: found no label"):
        read(["1", "NA", "none"], names)


def test_wrong_labels_are_left_out_on_request() -> None:
    column = pa.chunked_array([["pos", "postive", "neutral", "neg", "NA"]])
    rows = np.arange(10, 15)
    found = opinions_of(column, rows, "x.csv", LabelNames(skip_wrong=True))
    assert (found.rows.tolist(), found.neutral.tolist()) == ([10, 13], [12])
    assert found.targets.tolist() == [1, 0]
    for words, message in (
        (["sport", "art"], r"row 11: found the label 'sport'.*\. None of the labels is known\."),
        (["neutral", "neu"], "all labels are neutral"),
        (["neutral", "art"], "all labels that mean something are neutral"),
    ):
        with pytest.raises(InputError, match=message) as error:
            opinions_of(pa.chunked_array([words]), rows[:2], "x", LabelNames(skip_wrong=True))
        assert "--skip-wrong-labels" not in str(error.value)


@pytest.mark.parametrize(
    ("words", "are_topics"),
    [
        (["sport", "art", "food"], True),
        (["pos", "sport", "art", "food", "law", "tax"], True),
        (["positive", "negative", "postive"], False),
        (["yes", "no"] * 5, False),
        (["spam", "ham"] * 5, True),
        (["spam", "ham"] * 4, False),
        (["billing", "good"] * 5, False),
        (["billing", "app", "login", "positive"] * 5, True),
        (["billing", "app", *["positive"] * 20] * 5, False),
        (["positive", "negatve", "neutrl"] * 5, False),
    ],
)
def test_topics_are_said_to_be_no_labels(words: list[str | None], are_topics: bool) -> None:
    with pytest.raises(InputError, match="found the label") as error:
        read(words)
    assert ("model of topics" in str(error.value)) is are_topics
    assert isinstance(error.value, TopicsError) is are_topics


def test_names_that_contradict() -> None:
    with pytest.raises(UsageError, match="'good' is named twice"):
        LabelNames(positive=("good",), negative=("Good ",))
    with pytest.raises(UsageError, match="--positive-from is for labels that are numbers"):
        LabelNames(positive=("good",), positive_from=1)
    with pytest.raises(UsageError, match="at least one letter or digit"):
        LabelNames(negative=(" ",))
    with pytest.raises(UsageError, match="--positive-from: expected a number, received nan"):
        LabelNames(positive_from=float("nan"))


def test_numbers_are_compared_as_numbers() -> None:
    assert read(["1.0", "0.0"], LabelNames(positive=("1",))).targets.tolist() == [1, 0]
    assert read(["5 stars", "2 stars"], LabelNames(positive=("5",))).targets.tolist() == [1, 0]


def test_soft_labels_among_three_classes() -> None:
    found = read(["0.1", "0.8", "neutral"])
    assert found.meaning == (
        "three classes: 0.1 → negative (1); neutral → neutral, left out (1); 0.8 → positive (1)"
    )


@given(st.lists(st.sampled_from("12345"), min_size=1).filter(lambda words: max(words) > "2"))
def test_stars_in_any_order_mean_the_same(words: list[str]) -> None:
    expected = {"1": 0.0, "2": 0.0, "3": NEUTRAL_TARGET, "4": 1.0, "5": 1.0}
    assert read([*words]).targets.tolist() == [expected[word] for word in words]


_WORDS = st.text(max_size=4) | st.sampled_from(["1 star", "0 stars", "-1", "nan", "5", "neutral"])


@given(st.lists(_WORDS, min_size=1))
def test_any_labels_are_read_or_refused(words: list[str]) -> None:
    try:
        found = read([*words])
    except InputError:
        return
    assert all(value == NEUTRAL_TARGET or 0 <= value <= 1 for value in found.targets.tolist())


def ratings(*words: str | None, scale: int | None = None) -> StarRatings | None:
    return read_ratings(pa.chunked_array([pa.array(words, pa.large_string())]), "c", scale)


@pytest.mark.parametrize(
    ("words", "stars", "scale"),
    [
        (("1", "5", "4.5", None), [1, 5, 4.5, np.nan], 5),
        (("1 star", "5 Stars", "x", "4"), [1, 5, np.nan, 4], 5),
        (("0.5", "4"), [1, 4], 5),
        (("1", "10", "7", "0"), [1, 5, 3.5, np.nan], 10),
        (("5",) * 30 + ("10",), [5] * 30 + [np.nan], 5),  # one mistake makes no scale of ten
        (("5",) * 30 + ("10", "9"), [2.5] * 30 + [5, 4.5], 10),
    ],
)
def test_ratings_become_one_to_five_stars(
    words: tuple[str | None, ...], stars: list[float], scale: int
) -> None:
    found = ratings(*words)
    assert found is not None
    assert found.scale == scale
    assert found.stars.dtype == np.float32
    assert found.stars.tolist() == pytest.approx(stars, nan_ok=True)
    count = np.count_nonzero(~np.isnan(stars))
    assert found.meaning == f"column 'c', of {scale} ({count} reviews)"


@pytest.mark.parametrize(
    "words", [("PG-13", "R", "5"), ("0", "1", "1"), ("1", "2"), ("150", "80"), (None, ""), ("-1",)]
)
def test_other_columns_have_no_stars(words: tuple[str | None, ...]) -> None:
    assert ratings(*words) is None


def test_a_scale_that_is_known_is_kept() -> None:
    found = ratings("3", "4", "5", scale=10)
    assert found is not None
    assert found.stars.tolist() == [1.5, 2, 2.5]


def test_rows_are_counted_by_their_label() -> None:
    words = ["refund", "Billing", "billing", None, "NA", "refund", "refund "]
    with pytest.raises(
        InputError,
        match=r"row 1: found the label 'refund' \(3 such rows; 4 more with another unknown label "
        r"or none\), expected",
    ):
        read(words)
    with pytest.raises(InputError, match=r"row 4: found no label \(2 such rows\), expected"):
        read(["1", "0", "1", None, "NA"])


def test_numbers_beyond_any_scale_may_be_classes() -> None:
    with pytest.raises(InputError, match="are learned with toolkit train --classes"):
        read([str(number) for number in range(1, 13)])

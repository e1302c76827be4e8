"""Labels of one's own: which there are, spelled how, and which are too rare."""

from __future__ import annotations

import pyarrow as pa
import pytest

from toolkit.errors import InputError
from toolkit.records.class_labels import (
    NO_CLASS,
    check_classes,
    classes_of,
    listed_labels,
    numbers_of,
)


def words(*labels: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(labels, pa.large_string())])


def test_spellings_are_one_class_and_the_most_frequent_names_it() -> None:
    found = classes_of(words("Billing", "billing ", "Billing", "app", "APP", "App", "App"), 2)
    assert found.names == ("App", "Billing")
    assert found.counts == {"App": 4, "Billing": 3}
    assert found.numbers.tolist() == [1, 1, 1, 0, 0, 0, 0]


def test_numbers_are_ordered_by_size_and_written_in_one_way() -> None:
    found = classes_of(words("10", "2.0", "2", "10.0", "1", "1"), 2)
    assert found.names == ("1", "2", "10")


def test_codes_and_sections_keep_their_digits() -> None:
    found = classes_of(words("007", "7", "1.10", "1.1", "1.0", "1", "1e3", "1000", "-2.0", "-2"), 1)
    assert found.names == ("-2", "1", "1.1", "1.10", "007", "7", "1000", "1e3")


def test_missing_labels_are_no_class_but_the_word_none_is_one() -> None:
    found = classes_of(words("none", "none", None, "", "NULL", "nan", "a", "a"), 2)
    assert found.names == ("a", "none")
    assert found.numbers.tolist() == [1, 1, *[NO_CLASS] * 4, 0, 0]


def test_rare_labels_are_refused_by_name_with_what_they_may_mean() -> None:
    found = classes_of(words(*["billing"] * 5, *["app"] * 5, "biling"), 5)
    with pytest.raises(InputError, match=r"fewer than 5 rows: 'biling' \(1, like 'billing'\)"):
        check_classes(found, "f.csv: column 'topic'", 5, leaves_out=False)
    check_classes(found, "f.csv: column 'topic'", 5, leaves_out=True)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 9, "found only 'a'"),
        ([], "found none"),
        ([f"l{n}" for n in range(1001) for _ in range(2)], "1,001 different labels"),
    ],
)
def test_there_are_two_to_a_thousand(labels: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_classes(classes_of(words(*labels), 2), "f.csv", 2, leaves_out=True)


def test_other_files_are_read_by_the_same_rule() -> None:
    found = numbers_of(words(" BILLING", "app", "other", None), ("app", "Billing"))
    assert found.tolist() == [1, 0, NO_CLASS, NO_CLASS]


def test_a_label_with_a_comma_is_quoted_in_a_list() -> None:
    assert listed_labels(["app", "a, b", 'the "c"', "d"], 3) == "app, 'a, b', the \"c\" and 1 more"
    assert listed_labels(["app"], 3) == "app"

"""Columns as people name them: other spellings, usual names, several columns of texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records.passing import pass_through
from tests.records.python_formats import PYTHON, every_ending
from toolkit.errors import UsageError
from toolkit.records import Columns, ReadOptions, open_reviews
from toolkit.records.table import read_table

SPELLINGS = ["Review Text", "reviewText", "review_text", "REVIEW-TEXT", "review text", "ReviewText"]


def chosen(folder: Path, names: list[str], columns: Columns | None = None) -> dict[str, str]:
    """Which columns scoring reads of a file with some columns."""
    path = folder / "r.csv"
    path.write_bytes(PYTHON[".csv"][0]([dict.fromkeys(names, "a")], "\n"))
    with open_reviews(path, ReadOptions(columns or Columns())) as reviews:
        return reviews.chosen


@every_ending
@pytest.mark.parametrize("named", SPELLINGS)
def test_a_column_is_found_however_it_is_spelled(ending: str, named: str) -> None:
    for spelling in SPELLINGS:
        data = PYTHON[ending][0]([{"id": "1", spelling: "fine"}], "\n")
        assert pass_through(data, ending, Columns(named)).texts == ["fine"]
        assert pass_through(data, ending).texts == ["fine"]


@given(
    st.text(st.sampled_from("abÄß1.,"), min_size=1),
    st.lists(st.sampled_from(["", "_", " ", "-", "\u00a0"])),
    st.lists(st.booleans()),
)
def test_case_and_separators_do_not_matter(
    name: str, separators: list[str], capitals: list[bool]
) -> None:
    capitals += [False] * len(name)
    separators += [""] * len(name)
    letters = zip(name, capitals, separators, strict=False)
    spelling = "".join((a.upper() if is_capital else a) + mark for a, is_capital, mark in letters)
    data = PYTHON[".csv"][0]([{"other": "1", spelling: "fine"}], "\n")
    assert pass_through(data, ".csv", Columns(name)).texts == ["fine"]


@every_ending
def test_the_exact_name_wins(ending: str) -> None:
    rows = [{spelling: str(number) for number, spelling in enumerate(SPELLINGS)}]
    data = PYTHON[ending][0](rows, "\n")
    for number, spelling in enumerate(SPELLINGS):
        assert pass_through(data, ending, Columns(spelling)).texts == [str(number)]


@every_ending
def test_two_that_are_spelled_alike_are_listed(ending: str) -> None:
    data = PYTHON[ending][0]([{"Review Text": "a", "reviewText": "b", "id": "1"}], "\n")
    with pytest.raises(
        UsageError,
        match=r"'Review Text' or 'reviewText' may be meant as 'review_text'\. Choose one with "
        r"--text-column, spelled",
    ):
        pass_through(data, ending, Columns("review_text"))
    with pytest.raises(UsageError, match=r"'Review Text' or 'reviewText' may be meant as the col"):
        pass_through(data, ending)


@every_ending
@pytest.mark.parametrize("named", ["Stars", "RATING", "Star Rating", "review_rating"])
def test_stars_are_found_however_they_are_spelled(tmp_path: Path, ending: str, named: str) -> None:
    path = tmp_path / f"r{ending}"
    path.write_bytes(PYTHON[ending][0]([{"text": "fine", named: "4", "status": "x"}], "\n"))
    usual = Columns()
    table = read_table(path, ReadOptions(), usual.of("text"), usual.of("stars"))
    assert table["stars"].to_pylist() == ["4"]


@every_ending
def test_stars_that_are_spelled_alike_twice_are_left_out(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r{ending}"
    path.write_bytes(PYTHON[ending][0]([{"text": "a", "Rating": "4", "RATING": "5"}], "\n"))
    usual = Columns()
    table = read_table(path, ReadOptions(), usual.of("text"), usual.of("stars"))
    assert table.at("stars") is None


# The columns of well-known data sets, and the one with the reviews.
PUBLIC = [
    (["reviewerID", "asin", "reviewerName", "reviewText", "overall", "summary"], "reviewText"),
    (["customer_id", "star_rating", "review_headline", "review_body"], "review_body"),
    (["Id", "ProfileName", "Score", "Time", "Summary", "Text"], "Text"),
    (["rating", "title", "text", "images", "asin", "user_id"], "text"),
    (["review_id", "user_id", "business_id", "stars", "useful", "text", "date"], "text"),
    (["reviewId", "userName", "content", "score", "replyContent", "at"], "content"),
    (["date", "title", "review", "rating", "userName", "isEdited"], "review"),
    (["app_id", "app_name", "review_text", "review_score", "review_votes"], "review_text"),
    (["Clothing ID", "Age", "Title", "Review Text", "Rating"], "Review Text"),
    (["Restaurant", "Reviewer", "Review", "Rating", "Metadata"], "Review"),
    (["Review", "Rating"], "Review"),
    (["name", "reviews.date", "reviews.rating", "reviews.text", "reviews.title"], "reviews.text"),
    (["review", "sentiment"], "review"),
    (["listing_id", "id", "date", "reviewer_id", "reviewer_name", "comments"], "comments"),
    (["rotten_tomatoes_link", "critic_name", "review_type", "review_content"], "review_content"),
    (["sentence", "label"], "sentence"),
]


@pytest.mark.parametrize(("names", "expected"), PUBLIC)
def test_usual_names(tmp_path: Path, names: list[str], expected: str) -> None:
    assert chosen(tmp_path, names) == {"text": expected}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["review", "text"], "text"),
        (["Review", "text"], "text"),
        (["Text", "review"], "review"),
        (["review", "reviewText", "content"], "review"),
        (["body", "text", "TEXT"], "text"),
    ],
)
def test_what_was_found_by_its_name_still_is(
    tmp_path: Path, names: list[str], expected: str
) -> None:
    assert chosen(tmp_path, names) == {"text": expected}


def test_an_exact_name_in_a_later_record_wins() -> None:
    data = b'{"body": "a", "Text": "b"}\n{"text": "c"}\n'
    assert pass_through(data, ".jsonl").texts == [None, "c"]


@pytest.mark.parametrize(
    "names", [["content", "body"], ["Review", "Review Text"], ["comment", "text_id", "comments"]]
)
def test_no_guess_between_two_usual_names(tmp_path: Path, names: list[str]) -> None:
    first, last = names[0], names[-1]
    with pytest.raises(UsageError, match=f"'{first}' or '{last}' may be meant as the column with"):
        chosen(tmp_path, names)
    assert chosen(tmp_path, names, Columns(last)) == {"text": last}


@pytest.mark.parametrize("names", [["Positive_Review", "Negative_Review"], ["replyContent"]])
def test_half_a_review_is_not_taken(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(UsageError, match=r"no column 'text' or 'review' \(found: "):
        chosen(tmp_path, names)


def table(folder: Path, header: str, columns: Columns) -> dict[str, str]:
    """Which columns a table has of text, label, group and stars."""
    path = folder / "r.csv"
    path.write_text(f"{header}\n{header}\n", encoding="utf-8")
    roles = ("text", "label", "group", "stars")
    return read_table(path, ReadOptions(columns), *map(columns.of, roles)).chosen


def test_labels_groups_and_stars(tmp_path: Path) -> None:
    header = "Text,Sentiment,Review ID,Star-Rating"
    columns = Columns(group="review_id", stars="star_rating")
    found = {"text": "Text", "label": "Sentiment", "group": "Review ID", "stars": "Star-Rating"}
    assert table(tmp_path, header, columns) == found


def test_what_nobody_asked_for_is_found_if_it_is_clear(tmp_path: Path) -> None:
    found = {"text": "text", "label": "label"}
    assert table(tmp_path, "text,label,ID,Rating", Columns()) == {**found, "stars": "Rating"}
    assert table(tmp_path, "text,label,Id,ID,Stars,STARS", Columns()) == found
    assert table(tmp_path, "text,label,Label,stars", Columns()) == {**found, "stars": "stars"}


@every_ending
def test_did_you_mean(ending: str) -> None:
    data = PYTHON[ending][0]([{"id": "1", "review_text": "fine", "Rating": "5"}], "\n")
    for named, meant in (("reviw_text", "review_text"), ("REVIEWTEXTS", "review_text")):
        with pytest.raises(
            UsageError,
            match=rf"no column '{named}', did you mean '{meant}'\? \(found: id, review_text, Rati",
        ):
            pass_through(data, ending, Columns(named))
    with pytest.raises(UsageError, match=r"no column 'plot' \(found: "):
        pass_through(data, ending, Columns("plot"))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(label="lable"), r"no column 'lable', did you mean 'Label'\?.*--label-column"),
        (
            Columns(group="revew_id"),
            r"no column 'revew_id', did you mean 'Review ID'\?.*--group-col",
        ),
        (Columns(stars="sters"), r"no column 'sters', did you mean 'stars'\?.*--stars-column"),
    ],
)
def test_did_you_mean_of_other_columns(tmp_path: Path, columns: Columns, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        table(tmp_path, "text,Label,Review ID,stars", columns)


# Several columns of texts.

fields = st.sampled_from(["", " ", "a", "so so", "é\u2028b", "two\nlines"])


@every_ending
@given(st.lists(st.tuples(fields, fields, fields), min_size=1))
def test_texts_of_several_columns_are_joined(
    ending: str, values: list[tuple[str, str, str]]
) -> None:
    rows = [dict(zip(("Title", "plus", "minus"), row, strict=True)) for row in values]
    passed = pass_through(PYTHON[ending][0](rows, "\n"), ending, Columns(("minus", "title")))
    expected = [[minus, title] for title, _, minus in values]
    joined = ["\n".join(part for part in parts if part.strip()) or None for parts in expected]
    assert passed.texts == joined
    assert [row["Title"] for row in PYTHON[ending][1](passed.output)] == [row[0] for row in values]


def test_nulls_and_objects_are_joined() -> None:
    lines = [
        b'{"title": "a", "review": {"body": "b"}}',
        b'{"title": null, "review": {"body": "c"}}',
        b'{"title": "d"}',
        b'{"review": null}',
        b'{"title": 5, "review": {"body": "e"}}',
        b'{"title": "f", "review": {"body": []}}',
    ]
    passed = pass_through(b"\n".join(lines), ".jsonl", Columns(("title", "review.body")))
    assert passed.texts == ["a\nb", "c", "d", None]
    assert [reject.reason for reject in passed.rejects] == [
        "expected a string as 'title', found a number",
        "expected a string as 'review.body', found an array",
    ]


@every_ending
def test_each_of_several_columns_has_to_be_there(ending: str) -> None:
    data = PYTHON[ending][0]([{"title": "a", "body": "b"}], "\n")
    with pytest.raises(UsageError, match=r"no column 'bdy', did you mean 'body'\?.*--text-column"):
        pass_through(data, ending, Columns(("title", "bdy")))
    with pytest.raises(UsageError, match=r"--text-column names the column 'title' twice"):
        pass_through(data, ending, Columns(("title", "Title")))


def test_no_column_is_named_twice() -> None:
    with pytest.raises(UsageError, match=r"--text-column: the column 'a' is named twice"):
        Columns(("a", "b", "a"))


def test_a_joined_column_has_no_labels(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the column 'b' is the text column, so it cannot also"):
        chosen(tmp_path, ["a", "b"], Columns(("a", "b"), label="b"))


def test_a_table_has_joined_texts(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text('title,body,label\ng "ood,"say ""so""",1\n,,0\n', encoding="utf-8")
    columns = Columns(("title", "body"))
    found = read_table(path, ReadOptions(columns), columns.of("text"), columns.of("label"))
    assert found.chosen == {"text": "title + body", "label": "label"}
    assert found["text"].to_pylist() == ['g "ood\nsay "so"', None]


def test_columns_that_are_not_needed_are_joined_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("title,label\na,1\n", encoding="utf-8")
    columns = Columns(("title", "body"))
    texts = replace(columns.of("text"), is_needed=False)
    assert read_table(path, ReadOptions(columns), texts, columns.of("label")).chosen == {
        "label": "label"
    }

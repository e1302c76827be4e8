"""Every command reads the same file in the same way: the same rows, or the same refusal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.data import shared_data
from tests.records.python_formats import PYTHON, every_file, every_text_format
from tests.records.test_laws import bodies
from toolkit.classes import NEUTRAL_TARGET
from toolkit.errors import ToolkitError
from toolkit.evaluation import labelled_reviews as evaluated
from toolkit.evaluation.labelled_reviews import LabelledReviews
from toolkit.records import Columns, LabelNames, ReadOptions, open_reviews
from toolkit.records.labels import labels_of
from toolkit.records.options import NULL_WORDS
from toolkit.records.table import read_texts
from toolkit.training import Reviews
from toolkit.training import sources as labelled_file
from toolkit.training import sources as unlabelled_file

READING = ReadOptions(Columns("text", label="label"))
HEADERS = {".csv": b"text,label\n", ".tsv": b"text\tlabel\n"}

Row = tuple[str | None, int | None]

texts = st.text(st.sampled_from('aé😀",\r\n\t\\/{}:&=%\u2028\u0085\x00'), max_size=12) | st.just(
    " "
)
labels = st.sampled_from(
    ["0", "1", "1.00", "+1", "0.7", ".25", "1e-3", "neg", " Positive ", "POS", "", " ", "3", "nan"]
)


@dataclass(frozen=True)
class Rows:
    """What a command reads."""

    rows: list[Row]


@dataclass(frozen=True)
class Refusal:
    """That it refuses the file."""


Answer = Rows | Refusal


def answer(read: Callable[[], list[Row]]) -> Answer:
    try:
        return Rows(read())
    except ToolkitError:
        return Refusal()


def scored(path: Path, reading: ReadOptions) -> list[tuple[str | None, str | None]]:
    """The text and the label as written, of `toolkit score --on-error stop`."""
    rows: list[tuple[str | None, str | None]] = []
    with open_reviews(path, reading) as file:
        for block in file.blocks():
            parsed = file.parse(block)
            if parsed.rejects:
                file.fail(parsed.rejects[0].number, parsed.rejects[0].reason)
            columns = (parsed.texts, parsed.fields["label"])
            rows += zip(*(column.to_pylist() for column in columns), strict=True)
    return rows


def plain(text: str | None) -> str | None:
    """Without quotes: those of CSV may be doubled in what scoring reads, as separators."""
    return text and text.replace('"', "")


def expected_answers(path: Path, reading: ReadOptions) -> dict[str, Answer]:
    """What the other commands have to read, by what scoring reads."""
    try:
        found = scored(path, reading)
    except ToolkitError:
        return dict.fromkeys(("train", "evaluate", "explain", "unlabelled"), Refusal())
    with_text = [row for row in found if row[0] and not row[0].isspace()]
    with_label = [row for row in with_text if row[1] and row[1].strip() not in ("", "nan")]
    texts = Rows([(plain(text), None) for text, _ in with_text])
    return {
        "train": _labelled(with_text) if with_text else Rows([]),
        "evaluate": _labelled(with_label) if with_label else Refusal(),
        "explain": Rows([(plain(text), None) for text, _ in found]),
        "unlabelled": texts if with_text else Refusal(),
    }


def _labelled(rows: list[tuple[str | None, str | None]]) -> Answer:
    """The rows with an opinion, if all labels can be read."""
    words = pa.chunked_array([pa.array([word for _, word in rows], pa.large_string())])
    try:
        targets = labels_of(words, np.arange(len(rows)), "", LabelNames()).targets.tolist()
    except ToolkitError:
        return Refusal()
    kept: list[Row] = [
        (plain(text), int(target >= 0.5))
        for (text, _), target in zip(rows, targets, strict=True)
        if target != NEUTRAL_TARGET
    ]
    return Rows(kept) if kept else Refusal()


def check(path: Path, reading: ReadOptions = READING) -> Answer:
    """Compare all readers of a file; give what `explain` reads."""

    def labelled(read: LabelledReviews | Reviews) -> list[Row]:
        return list(zip(map(plain, read.texts.to_pylist()), read.labels.tolist(), strict=True))

    def unlabelled(texts: Iterable[str | None]) -> list[Row]:
        return [(plain(text), None) for text in texts]

    found = {
        "train": answer(lambda: labelled(labelled_file.load_labelled(path, reading))),
        "evaluate": answer(lambda: labelled(evaluated.load(path, reading).opinions())),
        "explain": answer(lambda: unlabelled(read_texts(path, reading))),
        "unlabelled": answer(
            lambda: unlabelled(unlabelled_file.load_unlabelled(path, reading).texts.to_pylist())
        ),
    }
    assert found == expected_answers(path, reading)
    return found["explain"]


def check_bytes(data: bytes, ending: str) -> Answer:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"r{ending}"
        path.write_bytes(data)
        return check(path)


@every_file
@settings(max_examples=20)
@given(st.lists(st.tuples(texts, labels), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_good_files(ending: str, rows: list[tuple[str, str]], line_end: str) -> None:
    # Between tabs, lines of a quoted text that have the right number of fields are rejected.
    assume(
        ".tsv" not in ending or not any("\t" in text and {"\r", "\n"} & {*text} for text, _ in rows)
    )
    written = [{"text": text, "label": label} for text, label in rows]
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"r{ending}"
        path.write_bytes(PYTHON[ending][0](written, line_end))
        assert check(path) == Rows([(plain(text), None) for text, _ in rows])
        assert list(read_texts(path, READING)) == [text for text, _ in rows]


@every_text_format
@settings(max_examples=60)
@given(bodies)
@example(b"a,1\rb,1\n")
@example(b'"a,1\nb,0\n')
@example(b'{"text": "\\ud83d", "label": 1}\n{"text": "b", "label": [1]}\n')
@example(b'{"text": " ", "label": {}}\n{"text": "b", "label": null}\n')
def test_any_bytes(ending: str, body: bytes) -> None:
    lines = b'{"text": "a film", "label": 1}\n' if "json" in ending else b"text=a&label=1\n"
    check_bytes(HEADERS.get(ending, lines) + body, ending)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(['"a"', '"\\ud83d"', '"\\u00e9"', "null", "5", '""', '" "', "[]"]),
            st.sampled_from(["1", "0", "1.0", "0.7", "-0", "1e0", '"neg"', "true", "null", "[1]"]),
        ),
        min_size=1,
    )
)
@example([('"a"', "null")])  # no row has a label
def test_values_of_json(rows: list[tuple[str, str]]) -> None:
    lines = [f'{{"text": {text}, "label": {label}, "id": {label}}}\n' for text, label in rows]
    check_bytes("".join(lines).encode(), ".jsonl")


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.float32(), pa.float64(), pa.string(), pa.large_binary(), pa.string_view()],
    ids=str,
)
def test_types_of_parquet(kind: pa.DataType, tmp_path: Path) -> None:
    labels = pa.array(["1", "0", None, "1"]).cast(kind)
    table = pa.table({"text": pa.array(["a", "b", "c", " "], pa.string_view()), "label": labels})
    path = tmp_path / "r.parquet"
    pq.write_table(table.slice(0, 2), path)
    check(path)
    assert labelled_file.load_labelled(path, READING).labels.tolist() == [1, 0]
    pq.write_table(table, path)
    check(path)
    assert evaluated.load(path, READING).opinions().labels.tolist() == [1, 0]


def test_what_other_files_may_be_like(tmp_path: Path) -> None:
    """Encodings, delimiters, files without a header, and columns within objects."""
    rows = [("fine; good é", "1"), ("dull", "0")]
    path = tmp_path / "r.txt"
    path.write_text("".join(f'"{text}";{label}\n' for text, label in rows), "latin-1")
    how = {"format": "csv", "delimiter": ";", "encoding": "latin-1", "header": False}
    reading = ReadOptions(Columns("1", label="2"), **how)  # type: ignore[arg-type]
    assert check(path, reading) == Rows([(text, None) for text, _ in rows])
    lines = [json.dumps({"review": {"body": t, "good": int(g)}}) + "\n" for t, g in rows]
    (tmp_path / "r.jsonl").write_text("".join(lines))
    nested = [{"body": text, "good": int(label)} for text, label in rows]
    pq.write_table(pa.table({"review": nested}), tmp_path / "r.parquet")
    reading = ReadOptions(Columns("review.body", label="review.good"))
    for name in ("r.jsonl", "r.parquet"):
        assert check(tmp_path / name, reading) == Rows([(text, None) for text, _ in rows])
        assert labelled_file.load_labelled(tmp_path / name, reading).labels.tolist() == [1, 0]


def test_hard_csv_files() -> None:
    """Each file of the collection, the first column as the text and the last as the label."""
    for path in sorted(shared_data("torture/csv-spectrum").rglob("*.csv")):
        header = path.read_bytes().splitlines()[0].decode().replace('"', "").split(",")
        check(path, ReadOptions(Columns(header[0], label=header[-1])))
        check(path, ReadOptions(Columns(header[-1], label=header[0])))


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_hard_json_values(step: int) -> None:
    """Files of the collection; and their value as a review, as its label, and beside them."""
    first = b'{"text": "a", "label": 1}\n'
    for path in sorted(shared_data("torture/JSONTestSuite").rglob("*.json"))[::step]:
        data = path.read_bytes()
        check_bytes(first + data, ".jsonl")
        value = data.replace(b"\n", b" ").replace(b"\r", b" ")
        for line in (
            b'{"text": ' + value + b', "label": 0}\n',
            b'{"text": "b", "label": ' + value + b"}\n",
            b'{"text": "b", "label": 1, "id": ' + value + b"}\n",
        ):
            check_bytes(first + line, ".jsonl")


OTHER_WORDS = ["none", "Null", "-", "é", "NA NA"]
blanks = st.text(st.sampled_from(" \t\u00a0\u3000"), max_size=3)


@every_file
@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(blanks, st.sampled_from([*NULL_WORDS, *OTHER_WORDS]), blanks),
        min_size=1,
        max_size=20,
    ),
    st.sets(st.sampled_from(["-", "é", 'a"b', "NULL"])),
    st.booleans(),
)
def test_words_for_a_missing_value(
    ending: str, parts: list[tuple[str, str, str]], named: set[str], usual: bool
) -> None:
    """In all formats, with the native core and without: exact spellings, blanks around them."""
    words = {*(NULL_WORDS * usual), *named}
    rows = [{"text": "".join(part), "label": "1"} for part in [*parts, ("", 'a"b', "")]]
    reading = replace(READING, null_words=tuple(words))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"r{ending}"
        path.write_bytes(PYTHON[ending][0](rows, "\n"))
        for choice in ("0", "1"):
            with mock.patch.dict(os.environ, TOOLKIT_NATIVE=choice):
                found = check(path, reading)
                assert [text for text, _ in scored(path, reading)].count(None) == sum(
                    row["text"].strip() in words for row in rows
                )
        assert isinstance(found, Rows)
        assert [text for text, _ in found.rows] == [
            None if row["text"].strip() in words else plain(row["text"]) for row in rows
        ]


def test_naughty_strings() -> None:
    strings = json.loads(shared_data("torture/naughty_strings.json").read_bytes())
    rows = [{"text": text, "label": "1"} for text in strings]
    for ending in (".csv", ".tsv", ".jsonl", ".parquet", ".query"):
        found = check_bytes(PYTHON[ending][0](rows, "\n"), ending)
        is_missing = {text for text in strings if text.strip() in NULL_WORDS}
        assert {"NULL", "NaN"} < is_missing
        texts = [None if text in is_missing else plain(text) for text in strings]
        assert found == Rows([(text, None) for text in texts])


def test_stars_of_labelled_rows_are_the_same_for_all(tmp_path: Path) -> None:
    """Also where most rows have no label: the others do not count."""
    path = tmp_path / "s.csv"
    rows = [f"a fine film {n},{n % 5 + 1}.0\n" for n in range(20)]
    path.write_text("text,Stars\n" + "".join(rows) + "not rated,\n" * 50, encoding="utf-8")
    skipping = LabelNames(skip_wrong=True)
    reading = ReadOptions(Columns(label="Stars"), labels=skipping)
    learned = labelled_file.load_labelled(path, reading)
    measured = evaluated.load(path, reading)
    assert learned.neutral is not None
    assert measured.stars is not None
    assert learned.stars is not None
    assert (len(learned), len(learned.neutral), len(measured.rows)) == (16, 4, 20)
    assert learned.without_label == measured.data.without_label == 50
    assert learned.stars.tolist() == measured.stars[measured.is_opinion].tolist()
    assert learned.stars_meaning == "column 'Stars', of 5 (20 reviews)"
    assert learned.label_meaning == measured.data.label_meaning

"""Two models compared on parts of files."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tests.evaluation.conftest import WriteRows
from tests.evaluation.differences import compared
from tests.models import many_texts
from toolkit.errors import InputError
from toolkit.records.columns import Columns
from toolkit.scoring.selection import Part


@pytest.fixture
def texts() -> list[str]:
    return many_texts(600)


@pytest.fixture
def file(write_rows: WriteRows, texts: list[str]) -> Path:
    rows = [(text, number % 2, number) for number, text in enumerate(texts)]
    return write_rows("r.csv", ("text", "label", "number"), rows)


@pytest.mark.parametrize("part", [Part(limit=300), Part(sample=30)])
def test_rows_of_a_part_have_the_numbers_of_the_file(
    file: Path, texts: list[str], part: Part
) -> None:
    """Of many blocks, some have a record that cannot be read, and some no row of the sample."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    for at in (500, 200, 3, 1):
        lines.insert(at, "a,broken,record,of,six,fields\n")
    file.write_text("".join(lines), encoding="utf-8")
    output = file.with_name("changed.csv")
    data = compared(file, output=output, part=part, show=30)
    wanted = part.limit or part.sample
    assert data.records == wanted == data.changes.counts.rows + data.rejected
    read = [*texts]
    for number in (0, 3, 201, 502):  # of the broken ones
        read.insert(number, "")
    with output.open(encoding="utf-8", newline="") as written:
        rows = [*csv.DictReader(written)]
    assert len(rows) == data.changes.counts.changed > 3
    assert [row["text"] for row in rows] == [read[int(row["row"]) - 1] for row in rows]
    for row in data.changes.most_changed:
        assert row.text == read[(row.row or 0) - 1]
    if part.limit is not None:
        assert max(int(row["row"]) for row in rows) <= part.limit
        assert data.rejected == 3
    most = Part(limit=9999) if part.limit else Part(sample=9999)
    every = compared(file, part=most)
    assert every.changes.counts.rows == len(texts)


def test_a_label_of_a_sample_that_means_nothing_has_its_row(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join([lines[0], *(line.replace(",0,", ",x,") for line in lines[1:])])
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"row (\d+): found the label 'x'") as found:
        compared(file, columns=Columns(label="label"), part=Part(sample=5))
    at = re.search(r"row (\d+)", str(found.value))
    assert at is not None
    assert ",x," in text.splitlines()[int(at[1])]

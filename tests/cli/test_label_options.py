"""Labels that are stars or names, in `toolkit evaluate` and `toolkit train`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.models import CONV1D
from toolkit.errors import TrainingError
from toolkit.records.columns import Columns
from toolkit.records.options import LabelNames, ReadOptions
from toolkit.training.data import TrainingObserver, load_training_data
from toolkit.training.options import TrainingOptions

GOOD, BAD = "superb, a delight, the best", "dull, awful, the worst"
STARS = [(GOOD, 5), (BAD, 1), (GOOD, 4), (BAD, 2), ("it is a film", 3)]


def file_of(path: Path, rows: Sequence[tuple[str, object]]) -> Path:
    lines = [f'"{text} {at}",{label}\n' for at, (text, label) in enumerate(rows)]
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    return path


def test_stars_are_labels(command: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    data = file_of(tmp_path / "stars.csv", STARS * 3)
    page, numbers = tmp_path / "report.html", tmp_path / "report.json"
    ran = command("evaluate", CONV1D, data, "--report", page, "--report", numbers)
    assert (ran.exit_code, ran.err) == (0, "")
    meaning = "stars, of 5: 1, 2 → negative (6); 3 → neutral, left out (3); 4, 5 → positive (6)"
    assert "12 reviews (6 positive, 6 negative, 3 neutral left out)" in ran.out
    assert f"labels: {meaning}\n" in ran.out
    assert f"<p>Labels: {meaning}.</p>" in page.read_text(encoding="utf-8")
    found = json.loads(numbers.read_text(encoding="utf-8"))["data"]
    assert (found["neutral"], found["label_meaning"]) == (3, meaning)


def test_labels_with_names_of_their_own(command: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    rows = [(GOOD, "[great]"), (BAD, "poor"), ("it is a film", "[bold]so-so")]
    data = file_of(tmp_path / "names.csv", rows * 4)
    refused = command("evaluate", CONV1D, data)
    assert refused.exit_code == 1
    assert "name labels with --positive and --negative" in refused.err
    ran = command("evaluate", CONV1D, data, "--positive", "[Great]", "--negative", "poor")
    assert (ran.exit_code, ran.err) == (0, "")
    assert re.search(
        r"^labels: as named: poor → negative \(4\); \[bold\]so-so → neu", ran.out, re.M
    )


def read(tmp_path: Path, data: Path, other: Path, names: LabelNames | None = None) -> str:
    reading = ReadOptions(columns=Columns(), labels=names or LabelNames())
    options = TrainingOptions(
        data=str(data), test_data=other, output=tmp_path / "run", reading=reading
    )
    return load_training_data(options, TrainingObserver()).reviews.label_meaning


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            [1, 10, 3, 8],
            [1, 5, 2, 4],
            "labels look like stars, of 5, those of a.csv like stars, of 1",
        ),
        ([-1, 0, 1, 1, -1], [0, 1, 0, 1], "look like 0 and 1, those of a.csv like three classes"),
    ],
)
def test_one_number_does_not_mean_two_things(
    first: list[int], second: list[int], message: str, tmp_path: Path
) -> None:
    data, other = (
        file_of(tmp_path / name, [(f"{GOOD} {name}", label) for label in labels * 5])
        for name, labels in (("a.csv", first), ("b.csv", second))
    )
    with pytest.raises(TrainingError, match=message):
        read(tmp_path, data, other)
    if first[0] > 0:
        found = read(tmp_path, data, other, LabelNames(positive_from=4))
        assert found == "positive from 4: 1, 3 → negative (10); 8, 10 → positive (10)"


def test_stars_beside_classes_are_no_contradiction(tmp_path: Path) -> None:
    data = file_of(tmp_path / "a.csv", STARS * 4)
    other = file_of(tmp_path / "b.csv", [(GOOD, 1), (BAD, 0)] * 6)
    assert read(tmp_path, data, other).startswith("stars, of 5")

"""The benchmarks of speed: what is run, and what is written about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from examples.benchmarks import __main__ as command
from examples.benchmarks import inputs, programs, speed_page, step_times
from examples.benchmarks.measure import Command, Contender, interleave
from examples.benchmarks.programs import ARROW, COPY, FASTTEXT, NATIVE, TOOLKIT
from examples.benchmarks.trial import Trial
from tests.models import EXPORTED, many_texts
from toolkit.model.shipped import SHIPPED
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.records.table import read_table

pytestmark = pytest.mark.slow

Row = dict[str, Any]


def row(name: str, seconds: float, cores: int = 2, reviews: int = 1000, **more: object) -> Row:
    found = {"name": name, "cores": cores, "reviews": reviews, "seconds": seconds}
    speed = round(reviews / seconds)
    return {**found, "reviews_per_second": speed, "peak_mebibytes": 1150, **more}


def of_model(seconds: float, cores: int = 2, kind: str = "CSV", core: str = NATIVE) -> Row:
    found = row(TOOLKIT, seconds, cores, model="small", core=core, accuracy=0.9)
    return {**found, "format": kind}


COPIES = [row(COPY, 2.0, format="CSV"), row(COPY, 4.0, format="Parquet")]
OURS = [
    of_model(3.0, cores=1),
    of_model(2.5),
    of_model(5.0, core=ARROW),
    of_model(8.0, kind="JSON Lines"),
    of_model(8.0, kind="Parquet"),
]
FASTTEXTS = [row(FASTTEXT, 15.0, 1, accuracy=0.8), row(FASTTEXT, 10.0, accuracy=0.8)]
MACHINE = {"date": "2026-01-02", "cores": 2, "processor": "X", "python": "3.13", "core": "Arrow"}


def part(rows: list[Row]) -> Row:
    return {"machine": MACHINE, "rows": rows}


def cells(written: str) -> list[list[str]]:
    lines = [line for line in written.splitlines() if line.startswith("| ")]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(each) for each in found}) == 1
    return found[2:]


def test_files_are_compared_with_their_copy_and_with_fasttext_on_as_many_cores() -> None:
    written = speed_page.of_files(part([*COPIES, *OURS, *FASTTEXTS]))
    found = cells(written)
    assert found[0] == ["`small`", "CSV", "1", NATIVE, "3.00", "333", "1.50", "5.00", "1,150"]
    assert [float(each[6]) for each in found] == [1.5, 1.25, 2.5, 4, 2, 1, 1, 7.5, 5]
    assert [float(each[7]) for each in found] == [5, 4, 2, 1.25, 1.25, 5, 2.5, 1, 1]
    assert found[-1][-1] == "2 x 1,150"
    assert "Right labels in %: `small` 90.0, fastText 80.0." in written


def test_the_tool_is_run_on_each_core(tmp_path: Path) -> None:
    source = tmp_path / "reviews.csv"
    source.write_text("text\n" + "".join(f"{text}\n" for text in many_texts(20)))
    found = [programs.toolkit("conv1d", source, 20, 1, core=c) for c in (ARROW, NATIVE)]
    for each in found:
        each.is_compared = False
    rows = [each for each in interleave(found) if "skipped" not in each]
    assert rows[0]["core"] == ARROW
    for result in rows:
        assert len(result["runs"]) == 1
        assert result["peak_mebibytes"] > 20
    assert [path.name for path in tmp_path.iterdir()] == ["reviews.csv"]


def test_contenders_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import os, sys; open(sys.argv[1], 'a').write(os.environ['WHO'])"
    for warm_up, expected in ((True, "abababa"), (False, "ababa")):
        log.write_text("")
        found = [
            Contender(
                name, [Command([sys.executable, "-c", code, str(log)], variables={"WHO": name})], n
            )
            for name, n in (("a", 3), ("b", 2))
        ]
        rows = interleave(found, warm_up=warm_up)
        assert log.read_text() == expected
        assert [len(each["runs"]) for each in rows] == [3, 2]


@pytest.mark.parametrize("suffix", programs.SUFFIXES.values())
def test_inputs_have_any_number_of_reviews(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({name: [f"{name} {i}" for i in range(3)] for name in inputs.COLUMNS})
    monkeypatch.setattr(inputs, "reviews", lambda _: table)
    for number in (2, 3, 8):
        path = tmp_path / f"{number}{suffix}"
        inputs.make_input(path, number)
        texts = read_table(path, ReadOptions(), Columns().of("text"))["text"].to_pylist()
        assert texts == [f"text {i % 3}" for i in range(number)]


@pytest.mark.parametrize("name", SHIPPED)
def test_each_step_of_a_model_is_timed(name: str) -> None:
    texts = pa.chunked_array([many_texts(150)])
    for step in step_times.STEPS.values():
        assert 0 < step(EXPORTED / f"{name}.onnx", texts) < 1e6


def test_a_trial_is_smaller_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Trial] = []
    monkeypatch.setitem(command.SPEED, "files", given.append)
    monkeypatch.setattr(command, "bind", lambda: None)
    call = ["benchmarks", "files", "--rows", "2000", "--runs", "2"]
    monkeypatch.setattr(sys, "argv", call)
    with pytest.raises(SystemExit):
        command.main()
    assert "--rows and --runs need --into" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*call, "--into", str(tmp_path / "new")])
    command.main()
    (trial,) = given
    assert (trial.reviews, trial.runs(5), trial.runs(1), trial.part_of(25_000)) == (2000, 2, 1, 500)
    assert {path.parent for path in (trial.results, trial.page, trial.picture)} == {
        tmp_path / "new"
    }

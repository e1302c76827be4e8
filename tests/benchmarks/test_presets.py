"""The benchmark of the shipped models: what is timed, and its table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.benchmarks import preset_times, presets
from tests.benchmarks.measure import Command, Contender
from tests.models import EXPORTED, many_texts
from toolkit.model.shipped import SHIPPED

SIZES = {"small": 1_500_000, "large": 8_000_000}


def row(name: str, cores: int, speed: int, **more: object) -> dict[str, Any]:
    found = {"name": name, "cores": cores, "reviews_per_second": speed, "peak_mebibytes": 150}
    return presets.described({**found, **more}, SIZES)


OURS = [
    row("small, network", 1, 300_000),
    row("small, text", 1, 60_000),
    row("small, file", 2, 90_000),
    row("large, network", 1, 40_000),
    row("large, text", 1, 15_000),
    row("large, file", 2, 30_000),
]
FASTTEXT = [
    row("fastText, prepared text", 1, 30_000),
    row("fastText, prepared text", 2, 60_000),
    row("fastText, CSV end to end", 1, 20_000),
]


def cells(printed: str) -> list[list[str]]:
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_has_a_row_for_each_model(capsys: pytest.CaptureFixture[str]) -> None:
    presets.print_table([*FASTTEXT, *OURS])
    header, *rows = cells(capsys.readouterr().out)
    assert {len(each) for each in rows} == {len(header)}
    assert rows == [
        ["`small`", "300,000", "60,000", "2.00", "90,000", "1.50", "1.50", "150"],
        ["`large`", "40,000", "15,000", "0.50", "30,000", "0.50", "8.00", "150"],
        ["fastText, prepared text, 1 core", "", "30,000", "1.00", "", "", "", "150"],
        ["fastText, prepared text, 2 cores", "", "", "", "60,000", "1.00", "", "150"],
        ["fastText, CSV end to end, 1 core", "", "20,000", "0.67", "", "", "", "150"],
    ]


def test_without_fasttext_there_is_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    missing = {"name": "fastText", "cores": 2, "skipped": "needs the program"}
    presets.print_table([missing, *OURS])
    printed = capsys.readouterr().out
    assert cells(printed)[1][3:6] == ["", "90,000", ""]
    assert "left out: fastText: needs the program" in printed


def test_a_process_tells_its_time(tmp_path: Path) -> None:
    command = Command([sys.executable, "-c", "print(123.5)"], tmp_path / "seconds")
    contender = presets.Inside("x", [command], 1, 247)
    contender.run()
    assert contender.seconds == [123.5]
    assert contender.result()["reviews_per_second"] == 2
    assert contender.mebibytes > 1


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_is_timed_in_three_ways(name: str, tmp_path: Path) -> None:
    model = EXPORTED / f"{name}.onnx"
    found = list(presets.contenders(model, tmp_path / "reviews.csv"))
    rows = [presets.described(c.result(), {name: 9}) for c in map(timed, found)]
    assert [each["kind"] for each in rows] == ["network", "text", "file"]
    assert {(each["model"], each["bytes"]) for each in rows} == {(name, 9)}
    assert [each["cores"] for each in rows] == [1, 1, presets.WORKERS]


def timed(contender: Contender) -> Contender:
    contender.seconds.append(1.0)
    return contender


@pytest.mark.parametrize("name", SHIPPED)
def test_the_network_is_given_every_review(name: str) -> None:
    texts = pa.chunked_array([many_texts(150)])
    batches = preset_times.batches_of(EXPORTED / f"{name}.onnx", texts)
    assert sum(map(len, batches)) == 150
    for kind in preset_times.KINDS.values():
        assert 0 < kind(EXPORTED / f"{name}.onnx", texts) < 60

"""Large records and long files need bounded memory, whatever is wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import COMMAND

MIB = 1 << 20


# A process starts with the peak memory of the one that starts it; this one is small.
LAUNCHER = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def measured(folder: Path, *arguments: str) -> tuple[int, int, str]:
    """Run the command; give its exit code, its largest memory in bytes and its messages."""
    arguments_of_launcher = [sys.executable, "-c", LAUNCHER, *COMMAND, "score", *arguments]
    ran = subprocess.run(
        arguments_of_launcher, cwd=folder, capture_output=True, text=True, check=True
    )
    code, memory = ran.stdout.split()
    return int(code), int(memory) * 1024, ran.stderr


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    return report


def rejects_of(folder: Path) -> list[dict[str, Any]]:
    with (folder / "b.csv.rejected.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def score(folder: Path, name: str, parts: Iterable[str]) -> tuple[int, int]:
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        file.writelines(parts)
    output = "b" + name[1:]
    # The limits are for what records take, beside the 135 MiB of a process with this network.
    options = ["-o", output, "--report", "r.json", "--model", "conv1d"]
    code, memory, messages = measured(folder, name, *options)
    assert code in (0, 3), messages
    return code, memory


@pytest.mark.parametrize(("is_quoted", "rows"), [(False, 1_000_000), (True, 200_000)])
def test_a_quote_that_is_never_closed(is_quoted: bool, rows: int, tmp_path: Path) -> None:
    row = (
        '"a film, the worst of all, %d","%d"\n' if is_quoted else "a film the worst of all %d,%d\n"
    )
    parts = (row % (n, n * 7919) for n in range(rows))
    bad = '"a film,3\n'
    code, memory = score(tmp_path, "a.csv", ["text,id\n", next(parts), next(parts), bad, *parts])
    assert code == 3
    assert memory < 500 * MIB
    report = report_of(tmp_path)
    assert (report["records"], report["scored"], report["rejected"]) == (rows + 1, rows, 1)
    (reject,) = rejects_of(tmp_path)
    assert (reject["line"], reject["raw"]) == (4, bad[:-1])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_review_of_50_mb(name: str, tmp_path: Path) -> None:
    text = "a superb film " * (50_000_000 // 14)
    lines = (
        ["id,text\n", "1,a\n", f'2,"{text}"\n', "3,b\n"]
        if name == "a.csv"
        else [json.dumps({"text": each}) + "\n" for each in ("a", text, "b")]
    )
    code, memory = score(tmp_path, name, lines)
    assert code == 0
    assert memory < 1000 * MIB
    assert report_of(tmp_path)["scored"] == 3
    size = (tmp_path / f"b{name[1:]}").stat().st_size
    assert size > len(text)


def test_lines_above_the_limit(tmp_path: Path) -> None:
    long = "x" * (70 * MIB)
    code, memory = score(
        tmp_path, "a.csv", ["text\n", "a\n", long, "\n", "b\n", '"', long, '"\n', "c\n"]
    )
    assert code == 3
    assert memory < 500 * MIB
    report = report_of(tmp_path)
    assert (report["scored"], report["rejected"]) == (3, 2)
    facts = [(r["line"], r["bytes"], "raw" in r or "raw_base64" in r) for r in rejects_of(tmp_path)]
    assert facts == [(3, len(long), False), (5, len(long) + 2, False)]


def test_a_bad_line_of_20_mb(tmp_path: Path) -> None:
    long = "x" * 20_000_000
    code, memory = score(tmp_path, "a.csv", ["text\n", "a\n", f'"{long}"y\n', "b\n"])
    assert code == 3
    assert memory < 500 * MIB
    (reject,) = rejects_of(tmp_path)
    assert (reject["line"], reject["raw"]) == (3, f'"{long}"y')

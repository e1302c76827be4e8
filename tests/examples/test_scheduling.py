"""The files of `examples/scheduling`: checked by their own tools, and with the report of a run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.running import Command
from tests.examples.programs import EXAMPLES

pytestmark = pytest.mark.tools

FOLDER = EXAMPLES / "scheduling"


def call_of(service: str) -> list[str]:
    """The arguments of `toolkit` that systemd gives it."""
    (line,) = re.findall(r"^ExecStart=/usr/bin/env toolkit (.*)$", service, re.MULTILINE)
    return shlex.split(line.replace("%%", "%"))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (Debian: apt-get install systemd)")
    for path in FOLDER.glob("score-reviews.*"):
        shutil.copy(path, tmp_path)
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line for line in ran.stderr.splitlines() if "score-reviews" in line] == []


@pytest.mark.parametrize(("bad", "code"), [(0, 0), (1, 0), (5, 1)])
def test_the_call_and_its_metrics(command: Command, bad: int, code: int) -> None:
    """Rejects within the limit are a success, and more of them are not."""
    text = "text,id\n" + "a superb film,1\n" * 150 + "bad\n" * bad
    Path("in").mkdir()
    Path("in/a.csv").write_text(text, encoding="utf-8")
    service = (FOLDER / "score-reviews.service").read_text(encoding="utf-8")
    assert command(*call_of(service)).exit_code == code
    call = [sys.executable, str(FOLDER / "metrics.py"), "report.json", "toolkit.prom"]
    subprocess.run(call, check=True)
    lines = Path("toolkit.prom").read_text("utf-8").splitlines()
    assert all(
        re.fullmatch(r'[a-z_]+(\{from="0\.\d"\})? \d+(\.\d+)?(e-\d+)?', each) for each in lines
    )
    found = dict(line.rsplit(" ", 1) for line in lines)
    assert found["toolkit_exit_code"] == str(code)
    assert 0 <= time.time() - float(found["toolkit_ended_seconds"]) < 600
    if code == 0:
        assert (found["toolkit_scored"], found["toolkit_rejected"]) == ("150", str(bad))
        tenths = [int(found[f'toolkit_scores{{from="{tenth / 10}"}}']) for tenth in range(10)]
        assert (sum(tenths), tenths[9]) == (150, 150)

"""The files of `examples/scheduling`: checked by their own tools, and with the report of a run."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.cli.running import Command
from tests.data import PROJECT
from tests.examples.programs import ENVIRONMENT, EXAMPLES
from tests.tools import need

pytestmark = pytest.mark.tools

FOLDER = EXAMPLES / "scheduling"


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def container() -> dict[str, Any]:
    job: Any = yaml.safe_load(text_of("cronjob.yaml"))["spec"]["jobTemplate"]["spec"]
    (found,) = job["template"]["spec"]["containers"]
    return dict(found)


def step() -> str:
    """The script of the workflow that scores."""
    steps = yaml.safe_load(text_of("workflow.yml"))["jobs"]["score"]["steps"]
    (script,) = [each["run"] for each in steps if each.get("name") == "Score"]
    return str(script)


def call_of(name: str) -> list[str]:
    """The arguments of `toolkit` that a file gives it, with report.json as the report."""
    if name == "cronjob.yaml":
        (variable,) = container()["env"]
        return [
            each.replace(f"report-$({variable['name']})", "report") for each in container()["args"]
        ]
    patterns = {
        "score-reviews.service": r"^ExecStart=/usr/bin/env toolkit (.*)$",
        "workflow.yml": r"^ *toolkit (.*?) \|\|",
    }
    pattern = patterns.get(name, r'^CALL = "toolkit (.*)"$')
    (line,) = re.findall(pattern, text_of(name), re.MULTILINE)
    call = shlex.split(line.replace("%%", "%"))
    return call if name in patterns else [*call, "--report", "report.json"]


CALLS = (
    "score-reviews.service",
    "airflow_dag.py",
    "dagster_asset.py",
    "cronjob.yaml",
    "workflow.yml",
)


def write_reviews(bad: int) -> None:
    Path("in").mkdir()
    text = "text,id\n" + "a superb film,1\n" * 150 + "bad\n" * bad
    Path("in/a.csv").write_text(text, encoding="utf-8")


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


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("bad", "code"), [(0, 0), (1, 0), (5, 1)])
def test_the_call(command: Command, name: str, bad: int, code: int) -> None:
    """Rejects within the limit are a success, and more of them are not; it may be repeated."""
    write_reviews(bad)
    for status in ("done_with_rejects" if bad else "done", "skipped"):
        assert command(*call_of(name)).exit_code == code
        report = json.loads(Path("report.json").read_bytes())
        assert report["exit_code"] == code
        assert [file["status"] for file in report["files"]] == ["failed" if code else status]
        assert Path("scored/a.csv").exists() == (code == 0)


@pytest.mark.parametrize(("bad", "code"), [(0, 0), (1, 0), (5, 1)])
def test_the_metrics(command: Command, bad: int, code: int) -> None:
    write_reviews(bad)
    assert command(*call_of("score-reviews.service")).exit_code == code
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


@pytest.mark.parametrize(("bad", "code"), [(1, 0), (5, 1)])
def test_openlineage(command: Command, bad: int, code: int) -> None:
    if find_spec("openlineage") is None:
        pytest.skip("needs openlineage-python, of the extra 'dev-all'")
    write_reviews(bad)
    assert command(*call_of("airflow_dag.py")).exit_code == code
    settings = {"TYPE": "file", "LOG_FILE_PATH": "events.jsonl", "APPEND": "true"}
    environment = {f"OPENLINEAGE__TRANSPORT__{key}": value for key, value in settings.items()}
    subprocess.run(
        [sys.executable, str(FOLDER / "lineage.py"), "report.json"],
        env=ENVIRONMENT | environment, check=True,
    )  # fmt: skip
    lines = Path("events.jsonl").read_text("utf-8").splitlines()
    start, end = (json.loads(line) for line in lines)
    report = json.loads(Path("report.json").read_bytes())
    assert (start["eventType"], start["eventTime"]) == ("START", report["started"])
    assert (end["eventType"], end["eventTime"]) == (
        "FAIL" if code else "COMPLETE", report["ended"],
    )  # fmt: skip
    assert start["run"]["runId"] == end["run"]["runId"] == report["run_id"]
    if code:
        assert (end["inputs"], end["outputs"]) == ([], [])
        assert end["run"]["facets"]["errorMessage"]["message"] == report["error"]
    else:
        (source,), (target,) = end["inputs"], end["outputs"]
        assert (source["namespace"], source["name"]) == ("file", str(Path("in/a.csv").resolve()))
        assert target["name"] == str(Path("scored/a.csv").resolve())
        assert target["outputFacets"]["outputStatistics"]["rowCount"] == 150


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of a night: a folder of reviews, and `toolkit`, which counts its calls.

    It ends with the exit code that EXIT_CODE names, after it has done its work.
    """
    monkeypatch.chdir(tmp_path)
    write_reviews(1)
    program = tmp_path / "bin" / "toolkit"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho >> {tmp_path}/calls\n{sys.executable} -m toolkit "$@"\n'
        "exit ${EXIT_CODE-$?}\n"
    )
    program.chmod(0o755)
    return ENVIRONMENT | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "REVIEWS": str(tmp_path),
        "AIRFLOW_HOME": f"{tmp_path}/airflow",
        "AIRFLOW__CORE__DAGS_FOLDER": str(FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DAGSTER_HOME": str(tmp_path),
        "DO_NOT_TRACK": "1",
        "GITHUB_STEP_SUMMARY": f"{tmp_path}/summary",
    }


def rows_of_dbt() -> list[dict[str, Any]]:
    duckdb = pytest.importorskip("duckdb", reason="needs the packages of examples/engines")
    with duckdb.connect("reviews.duckdb", read_only=True) as database:
        found = database.sql("SELECT * FROM scores ORDER BY id").to_arrow_table()
    return list(found.to_pylist())


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


ASSET = ("-f", str(FOLDER / "dagster_asset.py"), "--select", "scored_reviews")
NIGHTS = {
    "airflow": ("airflow", "dags", "test", "score_reviews"),
    "dagster": ("dagster", "asset", "materialize", *ASSET),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NIGHTS)
def test_a_night(name: str, environment: dict[str, str]) -> None:
    """Rejects are no failure, and a wrong call is one that is not tried again."""
    need(name)
    if name == "airflow":
        assert run(environment, "airflow", "db", "migrate").returncode == 0
    for number, (exit_code, failed) in enumerate([("0", 0), ("3", 0), ("2", 1)], 1):
        ran = run(environment | {"EXIT_CODE": exit_code}, *NIGHTS[name])
        assert ran.returncode == failed, ran.stderr
        assert Path("calls").read_text("utf-8").count("\n") == number
    reports = [json.loads(path.read_bytes()) for path in Path("reports").glob("*.json")]
    assert [report["scored"] for report in reports] == [150] * 3  # as the first one counted them


@pytest.mark.slow
def test_dbt(environment: dict[str, str]) -> None:
    """A second run scores new rows and leaves the others; too many texts without a score fail."""
    need("dbt")
    shutil.copytree(FOLDER / "dbt", ".", dirs_exist_ok=True)
    texts = {"1": "A fine film.", "2": "", "3": "Dull."}
    for more, failed in (
        ({}, 0),
        ({"4": "A poor film."}, 0),
        ({str(n): "" for n in range(5, 110)}, 1),
    ):
        texts |= more
        rows = "".join(f"{number},{text}\n" for number, text in texts.items())
        Path("in/a.csv").write_text(f"id,text\n{rows}", encoding="utf-8")
        ran = run(environment, "dbt", "build", "--profiles-dir", ".")
        assert ran.returncode == failed, ran.stdout
    found = {row["id"]: row for row in rows_of_dbt()}
    assert {key: row["text"] or "" for key, row in found.items()} == texts
    assert [found[each]["predicted_sentiment"] for each in "124"] == ["positive", None, "negative"]


@pytest.mark.parametrize(
    ("exit_code", "calls", "ends"), [(None, 1, 0), ("3", 1, 0), ("2", 1, 2), ("1", 3, 1)]
)
def test_the_workflow(
    exit_code: str | None, calls: int, ends: int, environment: dict[str, str]
) -> None:
    need("jq")
    sleep = Path("bin/sleep")
    sleep.write_text("#!/bin/sh\n")
    sleep.chmod(0o755)
    chosen = {} if exit_code is None else {"EXIT_CODE": exit_code}
    ran = run(environment | chosen, "bash", "-e", "-c", step())
    assert ran.returncode == ends, ran.stderr
    assert Path("calls").read_text("utf-8").count("\n") == calls
    assert ("::warning::" in ran.stdout) == (exit_code == "3")
    assert (
        json.loads(Path("summary").read_bytes())["scored"] == 150
    )  # of the first call, if it skips


def test_kubernetes_takes_the_cronjob() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    written = yaml.safe_load(text_of("cronjob.yaml"))
    validate.validate(written, validate.latest_version(), strict=True)


def test_the_cronjob_starts_as_the_image_wants() -> None:
    assert "command" not in container()  # which would leave out the start of the image
    assert {*container()["resources"]["limits"]} == {"cpu", "memory"}
    job = yaml.safe_load(text_of("cronjob.yaml"))["spec"]["jobTemplate"]["spec"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # which rules on exit codes need

"""The examples of clusters run, and their shards are joined to what one run writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.data import PROJECT
from tests.shards.running import contents, in_one_run

EXAMPLES = PROJECT / "examples" / "cluster"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the reviews, and `toolkit` on the path."""
    work, programs = tmp_path / "work", tmp_path / "bin"
    work.mkdir()
    programs.mkdir()
    program = programs / "toolkit"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m toolkit "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.chdir(work)
    shutil.copy(PROJECT / "examples/reviews.csv", work)
    return work


def run(*command: str, **environment: str) -> None:
    ran = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def check(folder: Path) -> None:
    in_one_run(["reviews.csv"], f"{folder}/one/")
    assert contents(folder / "scored") == contents(folder / "one")


def count_of(text: str) -> int:
    (count,) = {int(found) for found in re.findall(r"/(\d+)\"? ", text)}
    return count


def test_the_loop(folder: Path) -> None:
    run("sh", str(EXAMPLES / "loop.sh"))
    check(folder)


def few(text: str) -> str:
    """Use 2 shards, so that this takes no longer than needed."""
    return text.replace(f"/{count_of(text)}", "/2")


def test_slurm(folder: Path) -> None:
    script = (EXAMPLES / "slurm.sh").read_text(encoding="utf-8")
    assert f"--array=0-{count_of(script) - 1}\n" in script
    Path("slurm.sh").write_text(few(script), encoding="utf-8")
    for shard in ("0", "1"):
        run("sh", "slurm.sh", SLURM_ARRAY_TASK_ID=shard)
    run("toolkit", "finish", "scored/", "-q")
    check(folder)


def commands() -> Iterator[tuple[str, list[str], int]]:
    """Give the variable, the command of a container, and the number of shards."""
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    job: dict[str, Any] = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_bytes())["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert "command" not in container  # which would leave out the start of the image
    assert {*container["resources"]["limits"]} == {"cpu", "memory"}
    command = container["args"]
    assert job["completions"] == count_of(command[-1])
    yield "JOB_COMPLETION_INDEX", command, job["completions"]
    batch = json.loads((EXAMPLES / "aws_batch.json").read_bytes())
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    (size,) = re.findall(r"--array-properties size=(\d+)", readme)
    command = batch["containerProperties"]["command"]
    assert int(size) == count_of(command[-1])
    yield "AWS_BATCH_JOB_ARRAY_INDEX", command, int(size)


@pytest.fixture
def start(folder: Path) -> str:
    """What the image runs, as its Containerfile writes it, with what it checks in this folder."""
    text = (PROJECT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", "")
    (written,) = re.findall(r"printf ('%s\\n' .*) > /opt/toolkit/bin/start", text)
    made = subprocess.run(["sh", "-c", f"printf {written}"], capture_output=True, check=True).stdout
    checks, programs = folder.parent / "check", folder.parent / "bin"
    checks.mkdir()
    shutil.copy(PROJECT / ".ci/release/golden.py", checks)
    golden = (PROJECT / "exported/golden.jsonl").read_text(encoding="utf-8").splitlines(True)
    (checks / "golden.jsonl").write_text("".join(golden[:16]), encoding="utf-8")
    program = programs / "start"
    program.write_bytes(made.replace(b"/opt/toolkit/check", os.fsencode(checks)))
    python = programs / "python3"
    python.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} "$@"\n', encoding="utf-8")  # no -I
    for each in (program, python):
        each.chmod(0o755)
    return str(program)


@pytest.mark.slow
def test_containers(folder: Path, start: str) -> None:
    for variable, command, _ in commands():
        for shard in ("0", "1"):
            run(start, *command[:-1], few(command[-1]), **{variable: shard})
        run(start, "finish", "scored/", "-q")
        check(folder)
        shutil.rmtree("scored")
        shutil.rmtree("one")
    golden = folder.parent / "check" / "golden.jsonl"
    golden.write_text(golden.read_text("utf-8").replace("positive", "negative"), "utf-8")
    for command in (["finish", "scored/"], ["sh", "-c", "touch reached"]):
        ran = subprocess.run([start, *command], capture_output=True, check=False)
        assert ran.returncode == 1
    assert not Path("reached").exists()


def test_aws_batch_knows_all_keys() -> None:
    session = pytest.importorskip("botocore.session", reason="needs boto3").get_session()
    from botocore.validate import ParamValidator

    service = session.get_service_model("batch")
    shape = service.operation_model("RegisterJobDefinition").input_shape
    job = json.loads((EXAMPLES / "aws_batch.json").read_bytes())
    assert ParamValidator().validate(job, shape).generate_report() == ""

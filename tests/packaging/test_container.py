"""The recipe of the image: pinned, without root, and what it copies exists."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.data import PROJECT
from tests.packaging.environments import Environment

RECIPE = (PROJECT / "Containerfile").read_text("utf-8")
STEPS = [
    re.sub(r"\s+", " ", line)
    for line in re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", RECIPE, flags=re.M)).splitlines()
    if line
]
LOCK = (PROJECT / ".ci" / "release" / "container.txt").read_text("utf-8")
GOLDEN = PROJECT / "exported" / "golden.jsonl"


def test_the_page_runs_it_as_the_recipe_says() -> None:
    page = (PROJECT / "examples" / "install" / "README.md").read_text("utf-8")
    shown, said = (
        re.findall(r"podman run .*?score reviews.csv$", text, re.M | re.S)
        for text in (page.replace("\\\n", ""), re.sub(r"\\\n#", "", RECIPE))
    )
    assert len(shown) == 1
    assert shown[0].split() == said[0].split()


def test_stages() -> None:
    assert [step for step in STEPS if step.startswith(("ARG", "FROM"))] == [
        "ARG BASE=python:3.13-slim-trixie",
        "ARG BUILDER=${BASE}",
        "FROM ${BUILDER} AS build",
        "FROM ${BASE}",
    ]
    last = STEPS[STEPS.index("FROM ${BASE}") :]
    assert not [step for step in last if step.startswith(("RUN", "ADD"))]
    assert "USER 65532:65532" in last


def test_files_that_are_copied_exist_and_are_not_ignored() -> None:
    copied = [
        name
        for step in STEPS
        if step.startswith("COPY") and "--from" not in step
        for name in step.split()[1:-1]
    ]
    assert ".ci/release/container.txt" in copied
    assert [n for n in copied if n != "dist/*.whl" and not (PROJECT / n).is_file()] == []
    kept = (PROJECT / ".containerignore").read_text("utf-8").splitlines()
    assert kept == ["*", *sorted(f"!{name}" for name in copied)]


def test_packages_are_pinned_with_hashes() -> None:
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    for entry in entries:
        assert re.match(
            r"[\w-]+==[\w.]+( ;[^\n]*)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n?)+$", entry
        )


@pytest.mark.slow
def test_pinned_packages_are_what_the_toolkit_requires(light: Environment) -> None:
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", LOCK, re.M))
    (metadata,) = light.packages.glob("review_sentiment_toolkit-*.dist-info/METADATA")
    required = re.findall(r"^Requires-Dist: (.*)$", metadata.read_text("utf-8"), re.M)
    linux = {"python_version": "3.13", "sys_platform": "linux", "extra": ""}
    for requirement in map(Requirement, required):
        if requirement.marker is None or requirement.marker.evaluate(linux):
            assert pins[requirement.name] in requirement.specifier
    assert "onnx" not in pins


@pytest.mark.slow
def test_the_check_at_the_start(light: Environment, tmp_path: Path) -> None:
    """It passes with the golden vectors, and fails with others."""
    check = PROJECT / ".ci" / "release" / "golden.py"
    ran = light.run("python", check, GOLDEN, "reviews-small", cwd=tmp_path)
    assert (ran.exit_code, ran.out, ran.err) == (0, "", "")
    lines = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()[:16]]
    lines[2]["models"]["reviews"]["probability"] += 0.001
    lines[3]["models"]["reviews"]["label"] = "neutral"
    changed = tmp_path / "golden.jsonl"
    changed.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    ran = light.run("python", check, changed, cwd=tmp_path)
    names = f"{lines[2]['name']}, {lines[3]['name']}"
    assert ran.exit_code == 1
    assert ran.err == f"error: the model reviews gives other results for 2 texts: {names}\n"


def test_the_start_of_the_image() -> None:
    """The script that the recipe writes is one that a shell can read."""
    (step,) = (step for step in STEPS if "bin/start" in step and step.startswith("RUN"))
    written = re.search(r"printf '%s\\n' (.*?) > /opt/toolkit/bin/start", step)
    assert written is not None
    lines = re.findall(r"'([^']*)'", written[1])
    assert lines[0] == "#!/bin/sh"
    assert lines[-1] == 'exec toolkit "$@"'
    subprocess.run(["sh", "-n"], input="\n".join(lines), text=True, check=True)

"""The workflows of GitHub: pinned, with few rights, and with steps that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from release.__main__ import STEPS
from tests.data import PROJECT

yaml = pytest.importorskip("yaml", reason="needs PyYAML")
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
RELEASE = PROJECT / ".github" / "workflows" / "release.yml"
MAY_SIGN = {"papers", "index"}
PINNED = re.compile(r"^ *- uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_bytes())["jobs"]
    return found


def commands(path: Path) -> list[str]:
    return [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = [line for line in path.read_text("utf-8").splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.match(line)] == []


def test_an_action_has_one_commit() -> None:
    lines = "\n".join(path.read_text("utf-8") for path in WORKFLOWS)
    pairs = {*re.findall(r"uses: (\S+)@(\w+) #", lines)}
    assert len(pairs) == len({name for name, _ in pairs})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_shell_can_read_the_commands(path: Path) -> None:
    for command in commands(path):
        assert "${{" not in command  # names of tags and branches are not code
        subprocess.run(["bash", "-n", "-c", command], check=True)


def test_rights_of_the_release() -> None:
    text = RELEASE.read_text("utf-8")
    assert "\npermissions: {}\n" in text
    assert "secrets." not in text
    rights = {name: job["permissions"] for name, job in jobs(RELEASE).items()}
    writing = {
        name: {key for key, value in each.items() if value == "write"}
        for name, each in rights.items()
    }
    assert {name for name, each in writing.items() if "id-token" in each} == MAY_SIGN
    assert {name for name, each in writing.items() if "contents" in each} == {"github"}
    assert jobs(RELEASE)["index"]["environment"] == "pypi"


def test_nothing_is_published_before_it_is_tried() -> None:
    needs = {name: job.get("needs") for name, job in jobs(RELEASE).items()}
    way = ["github"]
    while (before := needs[way[-1]]) is not None:
        way.append(before)
    assert way == ["github", "index", "papers", "test", "wheels", "source"]
    assert [*needs] == way[::-1]


def test_steps_are_those_of_the_makefile() -> None:
    ran = re.findall(r"python -m release (\w+)", "\n".join(commands(RELEASE)))
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    made = re.findall(r"python -m release (\w+)", makefile)
    assert [step for step in ran if step != "tag"] == made == list(STEPS)


def test_tests_that_the_makefile_names_exist() -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    named = re.search(r"^CORE_TESTS := (.*?)\n\n", makefile, re.M | re.S)
    assert named is not None
    paths = [PROJECT / name for name in re.findall(r"tests/[\w/]+(?:\.py)?(?=[ \n])", named[1])]
    for folder, names in re.findall(r"addprefix (\S+/),([^)]*)\)", named[1]):
        paths += [PROJECT / folder / name for name in names.split()]
    assert len(paths) > 8
    assert [path for path in paths if not path.exists()] == []


def test_a_linter_finds_nothing() -> None:
    folder = Path(sys.executable).parent
    zizmor = shutil.which("zizmor", path=str(folder)) or shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("needs zizmor, of the extra 'dev'")
    ran = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--color=never", *WORKFLOWS],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout.startswith("No findings")) == (0, True), ran.stdout

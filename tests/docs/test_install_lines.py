"""No line tells anybody to install this package by a name, which anybody may register."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.data import PROJECT

NAME = "review-sentiment-toolkit"
INSTALLERS = (
    r"pip3? (?:install|download)|uvx|uv (?:tool|pip) install|uv (?:add|tool run)"
    r"|pipx (?:run|install)|conda install|(?:npm|pnpm|yarn) (?:install|i|add)|npx"
    r"|cargo (?:add|install)|go get"
)
# The name as an argument: not in a path, in a URL, or after what says where it comes from.
BY_NAME = re.compile(
    rf"(?:{INSTALLERS})\b(?![^\n|`]*--no-index)[^\n|`]*?(?<![\w./@-])['\"]?{NAME}(?![\w/-])"
)


def files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a clone")
    names = [name for name in listed.stdout.split("\0") if name and not name.startswith("tests/")]
    return [path for name in names if (path := PROJECT / name).is_file()]


def joined(text: str) -> str:
    """Put commands that go over several lines on one line."""
    return re.sub(r"\\\n\s*", " ", text)


def test_no_line_installs_this_package_by_its_name() -> None:
    found = []
    for path in files():
        try:
            text = joined(path.read_text("utf-8"))
        except UnicodeDecodeError:
            continue
        found += [f"{path}: {match[0]}" for match in BY_NAME.finditer(text)]
    assert not found


@pytest.mark.parametrize(
    ("line", "is_by_name"),
    [
        (f"pip install '{NAME}[evaluate]'", True),
        (f"pip install {NAME}", True),
        (f"python -m pip install --upgrade {NAME}", True),
        (f"uvx {NAME} score a.csv", True),
        (f"npm install {NAME} onnxruntime-node", True),
        (f"pip install \\\n  {NAME}", True),
        (f"npm install ./{NAME}-*.tgz", False),
        (f"pip install --no-deps --no-index --find-links . {NAME}", False),
        ("pip install dist/*.whl", False),
        (f"git clone https://host/{NAME}", False),
    ],
)
def test_what_is_found(line: str, is_by_name: bool) -> None:
    assert bool(BY_NAME.search(joined(line))) == is_by_name

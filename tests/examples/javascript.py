"""The Node program, and the other runtimes that it runs in unchanged."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest

from tests.examples.building import BUILD, copy, execute
from tests.tools import last_line, need, why_missing


@cache
def node() -> tuple[str, ...]:
    """The command of the Node program, with its packages installed from the lock file."""
    need("node")
    return "node", str(_node_folder() / "embed.js")


@cache
def bun() -> tuple[str, ...]:
    """The command of the Node program in Bun."""
    return _own_or_of_npm("bun", "@oven/bun-*/bin/bun"), str(_node_folder() / "embed.js")


@cache
def deno() -> tuple[str, ...]:
    """The command of the Node program in Deno."""
    program = _own_or_of_npm("deno", "@deno/*/deno")
    return program, "run", "--allow-all", str(_node_folder() / "embed.js")


@cache
def _node_folder() -> Path:
    scripts = ("embed.js", "sentiment.js", "long_texts.js")
    folder = copy("node", "package.json", "package-lock.json", ".npmrc", *scripts)
    install(folder)
    return folder


def _own_or_of_npm(name: str, place: str) -> str:
    """Find a JavaScript runtime on this machine, or in the npm packages that the tests list."""
    if why_missing(name) is None:
        return name
    folder = BUILD / "npm"
    shutil.copytree(Path(__file__).with_name("npm"), folder, dirs_exist_ok=True)
    install(folder)
    found = sorted((folder / "node_modules").glob(place))
    if not found:
        pytest.skip(f"npm has no {name} for this machine")
    return str(found[0])


def install(folder: Path) -> None:
    """Install the npm packages of a folder from its lock file, unless they are there."""
    need("npm")
    lock, installed = folder / "package-lock.json", folder / "node_modules" / "of-lock.json"
    if installed.is_file() and installed.read_bytes() == lock.read_bytes():
        return
    done = execute(["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"], folder)
    if done.returncode != 0:
        pytest.skip(f"npm cannot install {folder.name}: {last_line(done.stderr)}")
    shutil.copy(lock, installed)

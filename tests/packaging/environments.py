"""Environments that have a wheel and what it requires, and nothing else; no network is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement


@dataclass(frozen=True)
class Ran:
    """How a program ended, and what it said."""

    exit_code: int
    out: str
    err: str


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    def program(self, name: str) -> Path:
        """Give the path of a program."""
        return self.folder / "bin" / name

    @property
    def packages(self) -> Path:
        """Where its packages are."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def run(self, program: str, *arguments: str | Path, cwd: Path, **variables: str) -> Ran:
        """Run a program of it, without what this process has set for Python."""
        kept = {name: each for name, each in os.environ.items() if not name.startswith("PYTHON")}
        ran = subprocess.run(
            [self.program(program), *arguments],
            cwd=cwd,
            env=kept | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def install(self, wheel: Path) -> None:
        """Install one wheel, as pip does."""
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", self.program("python"), "install"),
                *("--quiet", "--no-deps", "--no-index", "--no-compile", wheel),
            ],
            check=True,
        )


def environment(folder: Path, wheel: Path, *extras: str) -> Environment:
    """Make an environment with a wheel, and with links to what it and its extras require."""
    venv.create(folder, symlinks=True)
    made = Environment(folder)
    made.install(wheel)
    (metadata,) = made.packages.glob("review_sentiment_toolkit-*.dist-info")
    for each in required(Distribution.at(metadata), extras):
        for file in each.files or ():
            top = file.parts[0]
            link = made.packages / top
            if top not in ("..", "__pycache__") and not link.exists():
                link.symlink_to(str(each.locate_file(top)))
    return made


def required(of: Distribution, extras: tuple[str, ...] = ()) -> list[Distribution]:
    """List all that a distribution requires, at any distance, as this Python has them."""
    found: dict[str, Distribution] = {}
    waiting = [(of, extras)]
    while waiting:
        each, wanted = waiting.pop()
        for text in each.requires or ():
            requirement = Requirement(text)
            if not any(applies(requirement, extra) for extra in ("", *wanted)):
                continue
            name = requirement.name
            if name == of.name:
                waiting.append((of, tuple(requirement.extras)))
            elif name not in found:
                found[name] = distribution(name)
                waiting.append((found[name], tuple(requirement.extras)))
    return list(found.values())


def applies(requirement: Requirement, extra: str) -> bool:
    """Tell whether a requirement is for this machine and an extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})

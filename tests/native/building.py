"""Build a copy of the project as pip does, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from tests.data import PROJECT
from toolkit.native import FILE_NAME

SOURCE = "toolkit/native/core.c"
LIBRARY = f"toolkit/native/{FILE_NAME}"
FILES = (
    "pyproject.toml",
    "hatch_build.py",
    "review_sentiment_toolkit.py",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
)
# What would change the build, or what is done with its library.
VARIABLES = ("CC", "CFLAGS", "LDFLAGS", "ARCHFLAGS", "SOURCE_DATE_EPOCH", "PYTHONPATH")
# Of the interface that PEP 517 and PEP 660 describe.
BUILD = "import sys, hatchling.build; print(getattr(hatchling.build, sys.argv[1])(sys.argv[2]))"


@dataclass(frozen=True)
class Built:
    """What one build has made, and what it has said."""

    path: Path
    said: str

    @property
    def tag(self) -> str:
        """The last part of the name of a wheel: the platform."""
        return self.path.stem.rsplit("-", 1)[-1]

    def files(self) -> dict[str, bytes]:
        """Give the content of a wheel."""
        with ZipFile(self.path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def is_pure(self) -> bool:
        """Whether the wheel has no library; check that name, tag and metadata agree."""
        files = self.files()
        (metadata,) = (files[name] for name in files if name.endswith(".dist-info/WHEEL"))
        pure = LIBRARY not in files
        assert pure == (self.tag == "any")
        assert f"Root-Is-Purelib: {str(pure).lower()}\n" in metadata.decode()
        assert f"Tag: py3-none-{self.tag}\n" in metadata.decode()
        assert self.path.name.endswith(f"-py3-none-{self.tag}.whl")
        assert [name for name in files if "/_core" in name] == ([] if pure else [LIBRARY])
        return pure


class NotBuiltError(Exception):
    """What a build has said that failed."""


def copy_project(folder: Path) -> Path:
    """Copy what is built to `folder`, with empty models: to compress them would take most time."""
    folder.mkdir()
    for name in FILES:
        shutil.copy(PROJECT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__", "_core.*")
    shutil.copytree(PROJECT / "toolkit", folder / "toolkit", ignore=ignored)
    (folder / "exported").mkdir()
    for name in ("SOURCES.md", "SHA256SUMS"):
        shutil.copy(PROJECT / "exported" / name, folder / "exported")
    for path in (PROJECT / "exported").glob("*.onnx"):
        (folder / "exported" / path.name).touch()
    return folder


def build(project: Path, kind: str = "wheel", **environment: str) -> Built:
    """Build a ``wheel``, ``sdist`` or ``editable``; raise `NotBuiltError` if that fails."""
    output = project.with_name(f"{project.name}-{kind}")
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in VARIABLES and not name.startswith(("TOOLKIT_", "PYTHONDONTWRITE"))
    }
    ran = subprocess.run(
        [sys.executable, "-c", BUILD, f"build_{kind}", output],
        cwd=project,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise NotBuiltError(ran.stdout + ran.stderr)
    return Built(output / ran.stdout.splitlines()[-1], ran.stderr)

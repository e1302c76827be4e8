"""Try each package in an environment of its own: install it, score, compare golden vectors."""

from __future__ import annotations

import csv
import sys
import tempfile
import venv
from pathlib import Path

from release.packages import PROJECT, run
from toolkit.model import SHIPPED

GOLDEN = Path(__file__).with_name("golden.py")


def try_package(package: Path, environment: Path) -> None:
    """Install a wheel or a source distribution, and run what its users run; exit if that fails."""
    python = make_environment(environment)
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", package.resolve())
    version = run(python.with_name("toolkit"), "--version")
    pure = package.name.endswith("-none-any.whl")
    if ("core: native" in version) == pure:
        sys.exit(f"error: {package.name} runs with another core than expected: {version}")
    golden = PROJECT / "exported" / "golden.jsonl"
    run(python, "-I", GOLDEN, golden, *SHIPPED)
    reviews = PROJECT / "examples" / "reviews.csv"
    with tempfile.TemporaryDirectory() as folder:
        scored = Path(folder, "scored.csv")
        run(python.with_name("review-sentiment-toolkit"), "score", reviews, "--output", scored)
        with scored.open(encoding="utf-8", newline="") as file:
            found = [row["predicted_sentiment"] for row in csv.DictReader(file)]
    if (len(found), found.count("positive")) != (22, 11):
        sys.exit(f"error: {package.name}: the example reviews are scored wrongly")
    print(f"{package.name}: works", version.strip(), sep=", ", file=sys.stderr)


def try_without_install(wheel: Path) -> None:
    """Run a wheel with uvx and with pipx, which make and keep environments of their own."""
    for name in ("toolkit", "review-sentiment-toolkit"):
        run(sys.executable, "-m", "uv", "tool", "run", "--from", wheel.resolve(), name, "--version")
    spec = ("--no-cache", "--spec", wheel.resolve())
    run(sys.executable, "-m", "pipx", "run", *spec, "toolkit", "--version")


def make_environment(folder: Path) -> Path:
    """Make an empty environment, and give the path of its Python."""
    venv.create(folder, clear=True, symlinks=sys.platform != "win32")
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    return next(scripts.glob("python*")).with_name("python" + ".exe" * (sys.platform == "win32"))

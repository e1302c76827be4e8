"""Programs that tests need: one that is missing, or does not work here, skips the test."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

import pytest

_PATIENCE = 120  # seconds; of a busy machine


def need(*programs: str) -> None:
    """Skip the test unless these programs work."""
    for program in programs:
        if reason := why_missing(program):
            pytest.skip(reason)


def needs(program: str) -> pytest.MarkDecorator:
    """Mark a test that is skipped unless a program works."""
    reason = why_missing(program)
    return pytest.mark.skipif(reason is not None, reason=str(reason))


@cache
def why_missing(program: str) -> str | None:
    """Try a program once: one that is in PATH may lack what it starts, as a shim of Rust does."""
    path = shutil.which(program)
    if path is None:
        return f"{program} is not installed"
    command = [path, "version" if program in ("go", "airflow") else "--version"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{program} does not work: {error}"
    if done.returncode == 0:
        return None
    said = (done.stderr or done.stdout).strip() or "no reason given"
    return f"{program} does not work: {said.splitlines()[0]}"


def last_line(text: str) -> str:
    """Give what a program said last."""
    return (text.strip().splitlines() or ["no reason given"])[-1]

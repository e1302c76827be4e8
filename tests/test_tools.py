"""A program that is there and does not work counts as a missing one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools import need, why_missing


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "{} is not installed"),
        ("echo 1.0", None),
        ("echo 'no toolchain is chosen' >&2; exit 1", "{} does not work: no toolchain is chosen"),
        ("exit 1", "{} does not work: no reason given"),
    ],
)
def test_a_program_is_tried(
    script: str | None, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"program-{abs(hash(script))}"  # it is tried once
    if script is not None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    expected = None if reason is None else reason.format(name)
    assert why_missing(name) == expected
    if expected is None:
        need(name)
    else:
        with pytest.raises(pytest.skip.Exception, match=expected):
            need(name)

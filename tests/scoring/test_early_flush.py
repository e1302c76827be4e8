"""A large output is put on the disk while it grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.scoring.outputs import early_flush


def test_what_was_added_is_put_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def ask(_file: int, start: int, size: int, _flags: int) -> None:
        asked.append((start, size))

    monkeypatch.setattr(early_flush, "_sync_file_range", lambda: ask)
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(bytes(10))
        early = early_flush.EarlyFlush(file)
        for size in (1, 8 << 20, 1, 9 << 20):
            file.write(bytes(size))
            early.ask()
    assert asked == [(10, (8 << 20) + 1), ((8 << 20) + 11, (9 << 20) + 1)]


def test_it_does_not_matter_where_there_is_no_such_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_flush, "_sync_file_range", lambda: None)
    with (tmp_path / "file").open("wb", buffering=0) as file:
        early = early_flush.EarlyFlush(file)
        file.write(bytes(9 << 20))
        early.ask()
    assert (tmp_path / "file").stat().st_size == 9 << 20

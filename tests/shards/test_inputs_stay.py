"""Shards replace no input, whatever is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shards.running import begin, contents
from toolkit.errors import UsageError

SAMPLE = b"text\nsuperb\nawful\n" * 50


@pytest.mark.parametrize("output", ["", "part-00000.csv", "link.csv", "hard.csv"])
@pytest.mark.parametrize("force", [False, True])
def test_an_output_that_is_an_input(output: str, force: bool, tmp_path: Path) -> None:
    source = tmp_path / "part-00000.csv"
    source.write_bytes(SAMPLE)
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"is an input|is the input"):
        begin([source], f"{tmp_path}/{output}", 2, force=force)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "is_link"),
    [
        ("part-00007.csv", False),
        ("part-00007.csv", True),
        ("_SUCCESS", True),
        ("_all.rejected.jsonl", False),
    ],
)
def test_a_part_that_may_replace_an_input(name: str, is_link: bool, tmp_path: Path) -> None:
    """With --force, parts of other jobs are removed: they may be the inputs of this one."""
    (tmp_path / "out").mkdir()
    source = tmp_path / "out" / name
    if is_link:
        (tmp_path / "reviews.csv").write_bytes(SAMPLE)
        source.symlink_to("../reviews.csv")
        source = tmp_path / "reviews.csv"
    else:
        source.write_bytes(SAMPLE)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=f"{name}: is an input"):
        begin([source], f"{tmp_path}/out/", 2, keep_parts=True, force=True)
    assert contents(tmp_path) == before

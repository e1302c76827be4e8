"""The driver of a run over files, with a visitor as a stranger would write it."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest

from toolkit.errors import InputError, ToolkitError
from toolkit.records import ReadOptions
from toolkit.records.columns import Column
from toolkit.scoring import Progress, Subset
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.file_run import FileVisit, RunOptions, Visitor, run_files
from toolkit.scoring.input_files import FoundFile, look_for

COLUMNS = (Column("language", ("language",)),)


class Languages(Visitor[FoundFile, Counter[str]]):
    """Count the rows by language."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def work(self, visit: FileVisit[FoundFile], block: SelectedBlock) -> Counter[str]:
        return Counter(block.parse().fields["language"].to_pylist())

    def add(self, visit: FileVisit[FoundFile], result: Counter[str]) -> None:
        self.found += result


class Watched(Languages):
    """Note how far the driver has come, and the errors of files."""

    def __init__(self, most_blocks: int = 1000) -> None:
        super().__init__()
        self.most_blocks = most_blocks
        self.steps: list[tuple[int, int, int, int]] = []
        self.ends: list[tuple[int, int, str | None]] = []
        self.errors: list[str] = []

    def add(self, visit: FileVisit[FoundFile], result: Counter[str]) -> None:
        super().add(visit, result)
        self.steps.append((visit.number, visit.rows_before, visit.before, visit.end))
        if len(self.steps) == self.most_blocks:
            visit.stop()

    def end(self, visit: FileVisit[FoundFile]) -> None:
        self.ends.append((visit.records, visit.rejected, visit.first_error))

    def failed(self, visit: FileVisit[FoundFile], error: ToolkitError) -> None:
        self.errors.append(str(error))


def write(path: Path, rows: int, bad: int = 0) -> Path:
    lines = [f"{'de' if row % 3 else 'en'},a text" for row in range(rows)]
    path.write_text("\n".join(["language,text", *lines, *["one,two,three"] * bad, ""]))
    return path


def options(block_bytes: int = 100, subset: Subset | None = None) -> RunOptions:
    return RunOptions(
        reading=ReadOptions(block_bytes=block_bytes), columns=COLUMNS, subset=subset or Subset()
    )


def test_rows_of_all_files_are_counted(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.csv", 90), write(tmp_path / "b.csv", 9)]
    visitor = Languages()
    run_files(look_for([*map(str, paths)]).files, visitor, options())
    assert visitor.found == {"de": 66, "en": 33}


def test_a_visitor_knows_how_far_the_run_has_come(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.csv", 30, bad=2), write(tmp_path / "b.csv", 9)]
    visitor = Watched()
    run_files(look_for([*map(str, paths)]).files, visitor, options())
    assert visitor.ends == [(32, 2, "line 32: 3 fields, expected 2"), (9, 0, None)]
    first = [step for step in visitor.steps if step[0] == 0]
    assert len(first) > 2
    assert all(before == end for *_, before, end in visitor.steps)
    assert [step[2] for step in first] == sorted({step[2] for step in first})
    assert {step[1] for step in visitor.steps if step[0] == 1} == {32}


def test_blocks_that_are_left_out_are_counted_before_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 300)
    visitor = Watched()
    run_files(look_for([str(path)]).files, visitor, options(subset=Subset(sample=2)))
    assert sum(visitor.found.values()) == 2
    assert visitor.steps[-1][2] > 0
    assert visitor.ends == [(2, 0, None)]


def test_a_visitor_can_stop_in_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 300)
    visitor = Watched(most_blocks=2)
    run_files(look_for([str(path)]).files, visitor, options())
    assert len(visitor.steps) == 2
    assert 0 < visitor.ends[0][0] < 300


def test_errors_go_to_the_visitor_or_end_the_run(tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv", write(tmp_path / "b.csv", 9)]
    paths[0].write_bytes(b"")
    files = look_for([*map(str, paths)]).files
    with pytest.raises(InputError, match=r"a\.csv"):
        run_files(files, Languages(), options())
    visitor = Watched()
    run_files(files, visitor, options())
    assert len(visitor.errors) == 1
    assert visitor.found == {"de": 6, "en": 3}


def test_progress_is_reported_after_each_block(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 100)
    seen: list[Progress] = []
    visitor = Watched()
    run_files(look_for([str(path)]).files, visitor, options(), lambda _: nullcontext(seen.append))
    assert [each.records for each in seen][-1] == 100
    assert len(seen) == len(visitor.steps)
    assert seen[-1].bytes_done == seen[-1].bytes_in_all == path.stat().st_size

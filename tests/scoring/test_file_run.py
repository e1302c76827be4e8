"""The driver of a run over files, with a visitor as a stranger would write it."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest

from toolkit.errors import EmptyInputError, InputError, ToolkitError
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


class Skipping(Languages):
    """Leave out a file, or some of its records."""

    def __init__(self, skipped: str = "", after: int = 0) -> None:
        super().__init__()
        self.skipped = skipped
        self.after = after
        self.last: Progress | None = None

    def begin(self, visit: FileVisit[FoundFile]) -> bool:
        return visit.file.input.path.name != self.skipped

    def opened(self, visit: FileVisit[FoundFile]) -> None:
        if self.after:
            blocks = [*visit.reviews.blocks()][: self.after]
            records = sum(len(visit.reviews.parse(block).records) for block in blocks)
            visit.resume(blocks[-1].following, records, rejected=0)

    def add(self, visit: FileVisit[FoundFile], result: Counter[str]) -> None:
        super().add(visit, result)
        self.last = visit.progress()


def test_a_file_that_is_not_begun_is_not_read(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.csv", 90), write(tmp_path / "b.csv", 9)]
    opened: list[FoundFile] = []
    visitor = Skipping("a.csv")

    def on_file(file: FoundFile) -> nullcontext[None]:
        opened.append(file)
        return nullcontext()

    run_files(look_for([*map(str, paths)]).files, visitor, options(), on_file)
    assert visitor.found == {"de": 6, "en": 3}
    assert [file.input.path.name for file in opened] == ["b.csv"]


def test_a_resumed_file_starts_after_the_records_of_the_earlier_run(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 90)
    visitor = Skipping(after=3)
    run_files(look_for([str(path)]).files, visitor, options())
    assert visitor.last is not None
    assert 0 < visitor.last.resumed < 90
    assert visitor.found.total() == 90 - visitor.last.resumed
    assert visitor.last.records == 90


class Again(Languages):
    """Visit a file that fails again, and note what is closed."""

    def __init__(self, attempts: int) -> None:
        super().__init__()
        self.attempts = attempts
        self.closed: list[int] = []

    def begin(self, visit: FileVisit[FoundFile]) -> bool:
        visit.closing.callback(self.closed.append, visit.attempt)
        return True

    def opened(self, visit: FileVisit[FoundFile]) -> None:
        if visit.attempt < self.attempts:
            raise InputError(str(visit.attempt))

    def failed(self, visit: FileVisit[FoundFile], error: ToolkitError) -> bool:
        assert str(error) == str(visit.attempt)
        return True


def test_a_file_is_visited_again_as_long_as_the_visitor_asks_for_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 9)
    visitor = Again(2)
    run_files(look_for([str(path)]).files, visitor, options())
    assert visitor.found == {"de": 6, "en": 3}
    assert visitor.closed == [0, 1, 2]


class Empty(Languages):
    """Count empty files."""

    empties = 0

    def empty(self, visit: FileVisit[FoundFile], error: EmptyInputError) -> None:
        self.empties += 1


def test_an_empty_file_may_be_an_end_in_itself(tmp_path: Path) -> None:
    paths = [tmp_path / "a.csv", write(tmp_path / "b.csv", 9)]
    paths[0].write_bytes(b"")
    visitor = Empty()
    run_files(look_for([*map(str, paths)]).files, visitor, options())
    assert visitor.empties == 1
    assert visitor.found == {"de": 6, "en": 3}


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

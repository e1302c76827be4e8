"""Going on after an interruption, at every block; and when that is refused."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import PROJECT
from tests.models import many_texts, shipped_scorer
from tests.records.python_formats import is_text
from tests.scoring.kinds import BAD_EVERY, KINDS, WRITERS
from tests.waiting import PATIENCE, wait_until
from toolkit.errors import ToolkitError, UsageError
from toolkit.model import Scorer
from toolkit.progress import digest_of
from toolkit.records import Columns, Input, ReadOptions
from toolkit.scoring import Job, Progress, RecordCounts, ScoringOptions, score_file
from toolkit.scoring.jobs import default_rejected
from toolkit.scoring.journal import VERSION, Journal
from toolkit.scoring.results import Checkpoint

TEXTS = many_texts(40)
OPTIONS = ScoringOptions(
    reading=ReadOptions(block_bytes=4000), resume=True, workers=1, checkpoint_seconds=0
)


class Stopped(BaseException):
    """As a signal does it."""


def stop_after(blocks: int) -> Callable[[Progress], None]:
    seen: list[Progress] = []

    def count(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == blocks:
            raise Stopped

    return count


def results(source: Path, output: Path) -> tuple[bytes, bytes]:
    rejected = default_rejected(Input.of(source), output)
    return output.read_bytes(), rejected.read_bytes() if rejected.exists() else b""


def unfinished(output: Path) -> bool:
    """Whether there is progress that a later run can resume."""
    journal = Journal(Job.of(Path(), output))
    if journal.is_there:
        with suppress(UsageError):  # of a run that writes it now
            journal.open()
            journal.close()
    return journal.checkpoint is not None


def hidden(folder: Path) -> list[str]:
    """Name the hidden files, without the records that runs leave for later ones."""
    return [path.name for path in folder.glob(".*") if path.suffix != ".done"]


def make(folder: Path, ending: str) -> Path:
    source = folder / f"a{ending}"
    WRITERS[ending](source, TEXTS)
    return source


def counts(summary: RecordCounts) -> dict[str, Any]:
    return {**summary.as_dict(), "seconds": 0}


@pytest.mark.parametrize("kind", [*KINDS, (".parquet", ".jsonl")], ids=str)
def test_a_run_can_stop_after_any_block(kind: tuple[str, str], tmp_path: Path) -> None:
    source, whole = make(tmp_path, kind[0]), tmp_path / f"whole{kind[1]}"
    seen: list[Progress] = []
    summary = score_file(shipped_scorer(), source, whole, OPTIONS, seen.append)
    assert (summary.records, summary.rejected) == (40, 1)
    assert len(seen) > 3 or not is_text(kind[0])
    expected = (whole.read_bytes(), default_rejected(Input.of(source), whole).read_bytes())
    for block in range(1, len(seen) + 1):
        output = tmp_path / f"b{block}{kind[1]}"
        with pytest.raises(Stopped) as caught:
            score_file(shipped_scorer(), source, output, OPTIONS, stop_after(block))
        assert "--resume" in caught.value.__notes__[0]
        assert not output.exists()
        gone_on = score_file(shipped_scorer(), source, output, OPTIONS)
        assert results(source, output) == expected
        assert counts(gone_on) == counts(summary)
        assert hidden(tmp_path) == []


@settings(max_examples=15)
@given(block_bytes=st.integers(1, 5000), workers=st.integers(1, 3), kind=st.sampled_from(KINDS[:2]))
def test_blocks_and_workers_change_no_byte(
    block_bytes: int, workers: int, kind: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("a")
    source = make(folder, kind[0])
    for name, options in (
        ("b", ScoringOptions(workers=1)),
        ("c", ScoringOptions(reading=ReadOptions(block_bytes=block_bytes), workers=workers)),
    ):
        score_file(shipped_scorer(), source, folder / f"{name}{kind[1]}", options)
    first, second = (results(source, folder / f"{name}{kind[1]}") for name in "bc")
    assert first == second


@pytest.fixture(params=[".csv", ".parquet", ".arrow"])
def stopped(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A run that was stopped after its first block."""
    source, output = make(tmp_path, ".csv"), tmp_path / f"b{request.param}"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(1))
    return source, output


def test_an_unfinished_run_is_neither_replaced_nor_lost(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    message = r"is unfinished\. Continue it with --resume, or start over with --force"
    with pytest.raises(UsageError, match=message):
        score_file(shipped_scorer(), source, output, replace(OPTIONS, resume=False))
    assert unfinished(output)
    score_file(shipped_scorer(), source, output, replace(OPTIONS, resume=False, force=True))
    assert hidden(output.parent) == []


def test_a_run_that_begins_anew_forgets_the_checkpoint(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    seen: list[bool] = []

    def look(_: Progress) -> None:  # as it is left if the process is killed here
        seen.append(unfinished(output))

    anew = replace(OPTIONS, resume=False, force=True, checkpoint_seconds=1e9)
    score_file(shipped_scorer(), source, output, anew, look)
    assert seen
    assert not any(seen)


def test_another_input_is_refused(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    facts = source.stat()
    os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    with pytest.raises(
        UsageError, match="cannot be continued, because this has changed: the input"
    ):
        score_file(shipped_scorer(), source, output, OPTIONS)
    os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    score_file(shipped_scorer(), source, output, OPTIONS)
    assert output.exists()


@pytest.mark.parametrize(
    "options",
    [
        replace(OPTIONS, reading=replace(OPTIONS.reading, columns=Columns(sentiment="s"))),
        replace(OPTIONS, reading=replace(OPTIONS.reading, encoding="latin-1")),
        replace(OPTIONS, reading=replace(OPTIONS.reading, block_bytes=3999)),
        replace(OPTIONS, stop_on_error=True),
    ],
)
def test_other_options_are_refused(options: ScoringOptions, stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    with pytest.raises(UsageError, match="this has changed: the options"):
        score_file(shipped_scorer(), source, output, options)
    assert unfinished(output)


def test_another_model_or_threshold_is_refused(
    stopped: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = stopped
    with pytest.raises(UsageError, match="this has changed: the threshold"):
        score_file(Scorer(threshold=0.25), source, output, OPTIONS)
    with pytest.raises(UsageError, match="this has changed: the neutral range"):
        score_file(Scorer(neutral=(0.3, 0.7)), source, output, OPTIONS)
    monkeypatch.setattr("toolkit.scoring.identity.__version__", "0.0")
    with pytest.raises(UsageError, match="this has changed: toolkit"):
        score_file(shipped_scorer(), source, output, OPTIONS)
    other = Scorer()
    monkeypatch.setattr(Scorer, "sha256", "0" * 64)
    with pytest.raises(UsageError, match="this has changed: toolkit, the model"):
        score_file(other, source, output, OPTIONS)


def file_of(output: Path, name: str) -> Path:
    """Find a file of a run that was stopped."""
    (path,) = output.parent.glob(f".*.unfinished/**/{name}")
    return path


POINT = asdict(Checkpoint((), RecordCounts()))


def signed(line: dict[str, Any]) -> bytes:
    """Write a line as a toolkit does that has other facts in it."""
    return json.dumps({**line, "checksum": digest_of(line)}).encode()


GOOD = {"version": VERSION, "identity": {"a": 1}, "checkpoint": POINT}
BAD: list[dict[str, Any]] = [
    {**GOOD, "version": VERSION - 1},
    {**GOOD, "identity": 1},
    {"version": VERSION, "identity": None},
    {**GOOD, "checkpoint": {**POINT, "summary": 5}},
    {**GOOD, "checkpoint": {**POINT, "files": {"output": 5}}},
    {**GOOD, "checkpoint": {**POINT, "complete": {"size": 5}}},
]


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"\xff",
        b'{"checkpoint": 1}',
        *(signed(line) for line in BAD),
        json.dumps(GOOD).encode(),
    ],
)
def test_damaged_progress_is_refused(line: bytes, stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    file_of(output, "journal").write_bytes(line + b"\n")
    with pytest.raises(
        UsageError, match=r"the progress is damaged, or of another .* over with --force"
    ):
        score_file(shipped_scorer(), source, output, OPTIONS)
    score_file(shipped_scorer(), source, output, replace(OPTIONS, force=True))
    assert hidden(output.parent) == []


def test_a_line_that_was_cut_off_does_not_count(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    journal = file_of(output, "journal")
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[:-1])
    score_file(shipped_scorer(), source, output, OPTIONS)
    assert_same_as_whole(source, output)


def test_a_file_that_is_cut_is_refused(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    file = file_of(output, "output" if is_text(output.suffix) else "scores")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UsageError, match=r"is shorter than it was: start over with --force"):
        score_file(shipped_scorer(), source, output, OPTIONS)


def test_what_is_after_the_checkpoint_is_written_again(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    for path in file_of(output, "output").parent.iterdir():
        with path.open("ab") as file:
            file.write(b"what no checkpoint knows of")
    score_file(shipped_scorer(), source, output, OPTIONS)
    assert_same_as_whole(source, output)


def assert_same_as_whole(source: Path, output: Path) -> None:
    """Compare with a run that was not interrupted."""
    whole = output.with_name(f"whole{output.name[1:]}")
    score_file(shipped_scorer(), source, whole, OPTIONS)
    assert results(source, output) == results(source, whole)


def test_two_runs_do_not_write_one_output(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    messages = []

    def interfere(_: Progress) -> None:  # in the middle of another run
        for options in (OPTIONS, replace(OPTIONS, force=True), replace(OPTIONS, resume=False)):
            with pytest.raises(UsageError, match="another process is writing this output") as error:
                score_file(shipped_scorer(), source, output, options)
            messages.append(str(error.value))

    score_file(shipped_scorer(), source, output, OPTIONS, interfere)
    assert messages
    assert_same_as_whole(source, output)


def test_a_fault_of_the_input_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    options = replace(OPTIONS, stop_on_error=True, resume=False, checkpoint_seconds=0)
    source.write_bytes(source.read_bytes() + b"1,2,3\n")
    with pytest.raises(ToolkitError, match="line"):
        score_file(shipped_scorer(), source, output, options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


RUN = """if True:
    import sys
    from pathlib import Path
    from toolkit.model import Scorer
    from toolkit.records import ReadOptions
    from toolkit.scoring import ScoringOptions, score_file
    options = ScoringOptions(
        reading=ReadOptions(block_bytes=20_000), resume=True, workers=2, checkpoint_seconds=0
    )
    score_file(Scorer(), Path(sys.argv[1]), Path(sys.argv[2]), options)
"""
# The same options: the files of Arrow name the job.
KILLED = replace(OPTIONS, reading=ReadOptions(block_bytes=20_000), workers=2)
KILLS = 3


def start(source: Path, output: Path) -> subprocess.Popen[str]:
    """Begin the run, or go on with it, in a process of its own."""
    call: list[str | Path] = [sys.executable, "-c", RUN, source, output]
    return subprocess.Popen(call, stderr=subprocess.PIPE, text=True, cwd=PROJECT)


def notes_of(output: Path) -> int:
    """Count the lines of the journal, one for each checkpoint; none after the end of a run."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return sum(path.read_bytes().count(b"\n") for path in output.parent.glob(".*/journal"))
    return 0


@pytest.mark.guards
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=" → ".join)
def test_killed_runs_go_on(kind: tuple[str, str], tmp_path: Path) -> None:
    """Each run is killed after some more checkpoints, wherever it is by then."""
    source, output, whole = (tmp_path / f"{name}{kind[name != 'a']}" for name in ("a", "b", "c"))
    WRITERS[kind[0]](source, many_texts(1500))
    summary = score_file(shipped_scorer(), source, whole, KILLED)
    assert summary.rejected == len(range(5, 1500, BAD_EVERY))

    def check(err: str) -> None:
        """Compare the outputs, and remove them."""
        assert output.exists(), err
        assert not unfinished(output), err
        assert results(source, output) == results(source, whole)
        for path in tmp_path.glob("b*"):
            path.unlink()

    chance, kills = random.Random(" ".join(kind)), 0
    while kills < KILLS:
        with start(source, output) as process:
            enough = notes_of(output) + chance.randint(1, 4)
            wait_until(partial(is_over, process, output, enough), process=None)
            process.kill()
            _, err = process.communicate()
        if unfinished(output):
            kills += 1
        else:  # it has ended before it was killed
            check(err)
    check(start(source, output).communicate(timeout=PATIENCE)[1])
    assert hidden(tmp_path) == []


def is_over(process: subprocess.Popen[str], output: Path, enough: int) -> bool:
    """Whether the journal has enough lines, or the run has ended."""
    return notes_of(output) >= enough or process.poll() is not None

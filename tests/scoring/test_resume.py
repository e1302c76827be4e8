"""Going on after an interruption, at every block; and when that is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.test_scorer import many_texts
from tests.models import shipped_scorer
from tests.scoring.killing import KINDS, WRITERS
from toolkit.errors import ToolkitError, UsageError
from toolkit.model.scorer import Scorer
from toolkit.records.columns import Columns
from toolkit.records.read_options import ReadOptions
from toolkit.scoring.score_file import ScoringOptions, default_rejected, score_file
from toolkit.scoring.summary import Progress, Summary
from toolkit.scoring.unfinished import Unfinished

TEXTS = many_texts(40)
OPTIONS = ScoringOptions(ReadOptions(block_bytes=4000), resume=True, workers=1)


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
    rejected = default_rejected(source, output)
    return output.read_bytes(), rejected.read_bytes() if rejected.exists() else b""


def make(folder: Path, ending: str) -> Path:
    source = folder / f"a{ending}"
    WRITERS[ending](source, TEXTS)
    return source


def counts(summary: Summary) -> dict[str, Any]:
    return {**summary.as_dict(), "seconds": 0}


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [*((kind, 0.0) for kind in [*KINDS, (".parquet", ".jsonl")]), (KINDS[0], 1e9), (KINDS[2], 1e9)],
    ids=str,
)
def test_a_run_can_stop_after_any_block(
    kind: tuple[str, str], seconds: float, tmp_path: Path
) -> None:
    source, whole = make(tmp_path, kind[0]), tmp_path / f"whole{kind[1]}"
    options = replace(OPTIONS, checkpoint_seconds=seconds)
    seen: list[Progress] = []
    summary = score_file(shipped_scorer(), source, whole, options, seen.append)
    assert (summary.records, summary.rejected) == (40, 1)
    assert len(seen) > 3 or kind[0] == ".parquet"
    expected = (whole.read_bytes(), default_rejected(source, whole).read_bytes())
    for block in range(1, len(seen) + 1):
        output = tmp_path / f"b{block}{kind[1]}"
        with pytest.raises(Stopped) as caught:
            score_file(shipped_scorer(), source, output, options, stop_after(block))
        assert "--resume" in caught.value.__notes__[0]
        assert not output.exists()
        gone_on = score_file(shipped_scorer(), source, output, options)
        assert results(source, output) == expected
        assert counts(gone_on) == counts(summary)
        assert not Unfinished(output).folder.exists()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_run_can_stop_at_every_block(kind: tuple[str, str], tmp_path: Path) -> None:
    source, output = make(tmp_path, kind[0]), tmp_path / f"b{kind[1]}"
    runs = 0
    while not output.exists():
        runs += 1
        try:
            # Parquet is written from its start, with scores that are known.
            stop = stop_after(runs if kind[1] == ".parquet" else 1)
            score_file(shipped_scorer(), source, output, OPTIONS, stop)
        except Stopped:
            assert runs < 60
    whole = tmp_path / f"whole{kind[1]}"
    score_file(shipped_scorer(), source, whole, OPTIONS)
    assert runs > 3 or kind[0] == ".parquet"
    assert results(source, output) == results(source, whole)


@settings(max_examples=15)
@given(block_bytes=st.integers(1, 5000), workers=st.integers(1, 3), kind=st.sampled_from(KINDS[:2]))
def test_blocks_and_workers_change_no_byte(
    block_bytes: int, workers: int, kind: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("a")
    source = make(folder, kind[0])
    for name, options in (
        ("b", ScoringOptions(workers=1)),
        ("c", ScoringOptions(ReadOptions(block_bytes=block_bytes), workers=workers)),
    ):
        score_file(shipped_scorer(), source, folder / f"{name}{kind[1]}", options)
    first, second = (results(source, folder / f"{name}{kind[1]}") for name in "bc")
    assert first == second


@pytest.fixture(params=[".csv", ".parquet"])
def stopped(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A run that was stopped after its first block."""
    source, output = make(tmp_path, ".csv"), tmp_path / f"b{request.param}"
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, OPTIONS, stop_after(1))
    return source, output


def test_an_unfinished_run_is_neither_replaced_nor_lost(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    with pytest.raises(UsageError, match=r"still unfinished\. Go on with --resume, or start anew"):
        score_file(shipped_scorer(), source, output, replace(OPTIONS, resume=False))
    assert Unfinished(output).exists()
    score_file(shipped_scorer(), source, output, replace(OPTIONS, resume=False, force=True))
    assert not Unfinished(output).folder.exists()


def test_a_run_that_begins_anew_forgets_the_checkpoint(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    seen: list[bool] = []

    def look(_: Progress) -> None:  # as it is left if the process is killed here
        seen.append(Unfinished(output).exists())

    anew = replace(OPTIONS, resume=False, force=True, checkpoint_seconds=1e9)
    score_file(shipped_scorer(), source, output, anew, look)
    assert seen
    assert not any(seen)


def test_another_input_is_refused(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    facts = source.stat()
    os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    with pytest.raises(UsageError, match="cannot go on, for this has changed since: the input"):
        score_file(shipped_scorer(), source, output, OPTIONS)
    os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    score_file(shipped_scorer(), source, output, OPTIONS)
    assert output.exists()


def test_an_input_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    source, output, other = make(tmp_path, ".csv"), tmp_path / "b.csv", tmp_path / "other.csv"
    other.write_bytes(source.read_bytes().replace(b"film", b"book"))

    def stop(_: Progress) -> None:
        other.replace(source)  # before the first checkpoint
        raise Stopped

    options = replace(OPTIONS, checkpoint_seconds=1e9)
    with pytest.raises(Stopped):
        score_file(shipped_scorer(), source, output, options, stop)
    with pytest.raises(UsageError, match="this has changed since: the input"):
        score_file(shipped_scorer(), source, output, options)


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
    with pytest.raises(UsageError, match="this has changed since: the options"):
        score_file(shipped_scorer(), source, output, options)
    assert Unfinished(output).exists()


def test_another_model_or_threshold_is_refused(
    stopped: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, output = stopped
    with pytest.raises(UsageError, match="this has changed since: the threshold"):
        score_file(Scorer(threshold=0.25), source, output, OPTIONS)
    monkeypatch.setattr("toolkit.scoring.score_file.__version__", "0.0")
    with pytest.raises(UsageError, match="this has changed since: toolkit"):
        score_file(shipped_scorer(), source, output, OPTIONS)
    other = Scorer()
    monkeypatch.setattr(other, "sha256", "0" * 64)
    with pytest.raises(UsageError, match="this has changed since: toolkit, the model"):
        score_file(other, source, output, OPTIONS)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"checkpoint": 1}'])
def test_a_damaged_checkpoint_is_refused(content: bytes, stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    Unfinished(output).file("checkpoint.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"the checkpoint is damaged\. Start anew with --force"):
        score_file(shipped_scorer(), source, output, OPTIONS)


def test_a_file_that_is_cut_is_refused(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    name = "scores" if output.suffix == ".parquet" else "output"
    file = Unfinished(output).file(name)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UsageError, match="a file is shorter than the checkpoint says"):
        score_file(shipped_scorer(), source, output, OPTIONS)


def test_what_is_behind_the_checkpoint_is_written_again(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    for path in Unfinished(output).folder.iterdir():
        if path.name in ("output", "rejected.jsonl", "scores"):
            with path.open("ab") as file:
                file.write(b"what no checkpoint knows of")
    score_file(shipped_scorer(), source, output, OPTIONS)
    whole = output.with_stem("whole")
    score_file(shipped_scorer(), source, whole, OPTIONS)
    assert results(source, output) == results(source, whole)


def test_two_processes_do_not_write_one_output(stopped: tuple[Path, Path]) -> None:
    source, output = stopped
    other = Unfinished(output)
    other.lock()
    with pytest.raises(UsageError, match="another process is writing this output"):
        score_file(shipped_scorer(), source, output, OPTIONS)
    other.unlock()
    score_file(shipped_scorer(), source, output, OPTIONS)


def test_a_fault_of_the_input_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    source, output = make(tmp_path, ".csv"), tmp_path / "b.csv"
    options = replace(OPTIONS, stop_on_error=True, resume=False, checkpoint_seconds=0)
    source.write_bytes(source.read_bytes() + b"1,2,3\n")
    with pytest.raises(ToolkitError, match="line"):
        score_file(shipped_scorer(), source, output, options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]

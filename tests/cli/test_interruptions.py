"""`toolkit score` stopped from outside: signals, full disks, readers that close the pipe."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq
import pytest

from tests.cli.running import COMMAND, Ran, in_its_own_process, write_long

RESUME = (
    "Progress is saved. Run the same command with --resume to continue, or with --force to start "
    "over.\n"
)
ENDINGS = [".csv", ".parquet"]


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough for a second or more of scoring."""
    return write_long(tmp_path_factory.mktemp("large") / "reviews.csv", times=20)


@pytest.fixture(scope="module")
def scored(large_file: Path) -> dict[str, bytes]:
    """What uninterrupted runs give."""
    results = {}
    for ending in ENDINGS:
        output = large_file.with_name(f"scored{ending}")
        assert in_its_own_process("score", large_file, "-o", output, "-q").exit_code == 0
        results[ending] = output.read_bytes()
    return results


def can_be_resumed(large_file: Path, output: Path, expected: bytes) -> None:
    """Check that the run can be resumed to its end, and leaves nothing else."""
    folder = output.parent
    ran = in_its_own_process("score", large_file, "-o", output, "-q", "--resume")
    assert ran == Ran(0, "", "")
    assert [path.name for path in folder.iterdir()] == [output.name]
    assert output.read_bytes() == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "ending", "workers"),
    [
        (signal.SIGINT, ".csv", "1"),
        (signal.SIGTERM, ".csv", "2"),
        (signal.SIGHUP, ".csv", "2"),
        (signal.SIGINT, ".parquet", "2"),
        (signal.SIGTERM, ".parquet", "1"),
    ],
)
def test_a_signal_keeps_the_progress(
    number: signal.Signals,
    ending: str,
    workers: str,
    large_file: Path,
    scored: dict[str, bytes],
    tmp_path: Path,
) -> None:
    output = tmp_path / f"b{ending}"
    process = subprocess.Popen(
        [*COMMAND, "score", large_file, "-o", output, "--workers", workers],
        stderr=subprocess.PIPE,
        text=True,
    )
    started = time.monotonic()
    name = "scores" if ending == ".parquet" else "output"
    while not any(path.stat().st_size > 100 for path in tmp_path.glob(f".b.*/{name}")):
        assert process.poll() is None
        assert time.monotonic() - started < 30
        time.sleep(0.01)
    time.sleep(0.1)  # the block is written; it is noted a moment later
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert err == f"error: interrupted. {RESUME}"
    assert process.returncode == 128 + number
    assert not output.exists()
    if workers == "2":
        can_be_resumed(large_file, output, scored[ending])


def file_size_limit(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_keeps_the_progress(
    ending: str, large_file: Path, scored: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / f"b{ending}"
    size = len(scored[ending]) // 2
    ran = in_its_own_process(
        "score", large_file, "-o", output, "-q", preexec_fn=file_size_limit(size)
    )
    ran.failed_with(f"b{ending}: cannot be written: File too large. {RESUME}")
    assert not output.exists()
    can_be_resumed(large_file, output, scored[ending])


def test_a_disk_that_is_full_from_the_start(large_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "b.csv"
    ran = in_its_own_process("score", large_file, "-o", output, preexec_fn=file_size_limit(0))
    ran.failed_with("b.csv: cannot be written: File too large")
    assert "--resume" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_full_standard_output(large_file: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [*COMMAND, "score", large_file, "-o", "-"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ran.stderr == "error: standard output: cannot be written: No space left on device\n"
    assert ran.returncode == 1


def piped(large_file: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "score", large_file, "-o", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
    )  # fmt: skip


def opened(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


@pytest.mark.parametrize("taken", [0, 100, 1 << 20])
def test_a_reader_that_closes_the_pipe(taken: int, large_file: Path, tmp_path: Path) -> None:
    process = piped(large_file, tmp_path)
    out, err = opened(process.stdout), opened(process.stderr)
    out.read(taken)
    out.close()
    message = err.read().decode()
    err.close()
    assert process.wait(timeout=30) == 128 + signal.SIGPIPE
    assert message == ""
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_the_reader_waits(large_file: Path, tmp_path: Path) -> None:
    process = piped(large_file, tmp_path)
    opened(process.stdout).read(1000)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (143, b"error: interrupted\n")


def test_standard_input_and_output(
    large_file: Path, scored: dict[str, bytes], tmp_path: Path
) -> None:
    with large_file.open("rb") as source:
        ran = subprocess.run(
            [*COMMAND, "score", "-", "--format", "csv", "-q"],
            stdin=source, capture_output=True, cwd=tmp_path, timeout=60, check=False,
        )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout == scored[".csv"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["b.csv", "b.parquet", "b.jsonl.gz"])
def test_standard_input_to_a_file(output: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "score", "-", "--format", "csv", "-o", output],
        input=b"text\na fine film\n1,2\n", capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (3, b""), ran.stderr
    assert f"rejected      1 → {output}.rejected.jsonl".encode() in ran.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [output, f"{output}.rejected.jsonl"]
    if output == "b.parquet":
        assert pq.read_table(tmp_path / output)["text"].to_pylist() == ["a fine film"]


def test_standard_input_cannot_be_resumed(tmp_path: Path) -> None:
    arguments = [*COMMAND, "score", "-", "--format", "csv", "-o", "b.csv"]
    ran = subprocess.run(
        [*arguments, "--resume"], input=b"text\na\n", capture_output=True, cwd=tmp_path, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"--resume" in ran.stderr
    assert os.listdir(tmp_path) == []


def test_a_closed_standard_input(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "score", "-", "--format", "csv"],
        preexec_fn=lambda: os.close(0), capture_output=True, cwd=tmp_path, text=True, check=False,
    )  # fmt: skip
    Ran(ran.returncode, ran.stdout, ran.stderr).failed_with("standard input: is closed")


@pytest.mark.parametrize("first", [0, 1])
def test_a_closed_standard_output(first: int, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    ran = subprocess.run(
        [*COMMAND, "score", "a.csv", "-o", "-"],
        preexec_fn=lambda: os.closerange(first, 2),
        stderr=subprocess.PIPE, cwd=tmp_path, text=True, check=False,
    )  # fmt: skip
    Ran(ran.returncode, "", ran.stderr).failed_with("standard output: is closed")

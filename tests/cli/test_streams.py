"""Pipes of any kind, and runs that are stopped from outside."""

from __future__ import annotations

import gzip
import os
import resource
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq
import pytest

from tests.cli.running import (
    COMMAND,
    CSV,
    Command,
    Ran,
    files_in,
    in_its_own_process,
    write,
    write_long,
)
from tests.waiting import PATIENCE, wait_until


def score_parts(parts: Iterable[bytes], *options: str, pause: float) -> Ran:
    """Give parts to standard input one after the other, through pipes that do not wait."""
    for_input, to_input = os.pipe()
    from_output, for_output = os.pipe()
    os.set_blocking(for_input, False)
    os.set_blocking(for_output, False)
    with subprocess.Popen(
        [*COMMAND, "score", "-", "--format", "csv", *options],
        stdin=for_input,
        stdout=for_output,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(for_input)
        os.close(for_output)
        with os.fdopen(to_input, "wb", buffering=0) as file:
            for part in parts:
                file.write(part)
                time.sleep(pause)
        with os.fdopen(from_output, "rb") as file:
            output = file.read().decode()
        assert process.stderr is not None
        messages = process.stderr.read().decode()
        return Ran(process.wait(), output, messages)


def test_pipes_that_do_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = b"a superb film,%d\n"
    # More than fits into a pipe, so that the output has to wait.
    rows = b"".join(row % n for n in range(3000))
    ran = score_parts([b"text,id\n", b"dull", rows[1:]], pause=1)
    assert ran.exit_code == 0, ran.err
    assert ran.out.count("\n") == 3001


def test_a_byte_order_mark_that_arrives_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = "\ufeffid,text\n1,fine\n2é\n".encode("utf-16-be")
    ran = score_parts([data[:1], data[1:]], "--encoding", "utf-16", pause=1)
    assert ran.exit_code == 3, ran.err
    rejects = Path("stdin.rejected.jsonl").read_text(encoding="utf-8")
    assert '"raw_base64": "ADIA6Q=="' in rejects


ROWS = {
    "csv": (b"text,id\n", b'"a superb\nfilm",%d\n'),
    "jsonl": (b"", b'{"text": "a superb film", "id": %d}\n'),
}


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", ROWS)
def test_rows_come_out_as_they_come_in(tmp_path: Path, name: str, workers: int) -> None:
    """The next row is sent when the one before it has come out, also if it is sent in pieces."""
    header, row = ROWS[name]
    with subprocess.Popen(
        [*COMMAND, "score", "-", "--format", name, "--workers", str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd=tmp_path,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(header)
        output = b""
        for number in range(3):
            sent = row % number
            process.stdin.write(sent[:12])
            time.sleep(0.3)
            process.stdin.write(sent[12:])
            ends = header.count(b"\n") + (number + 1) * row.count(b"\n")
            while output.count(b"\n") < ends:  # without end where rows are held back
                part = process.stdout.read(1 << 16)
                assert part
                output += part
            assert b"%d," % number in output
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait() == 0


def test_a_file_that_is_compressed_twice(command: Command) -> None:
    write("a.csv.gz", gzip.compress(gzip.compress(b"text\na\n")))
    command("score", "a.csv.gz").failed_with(
        "a.csv.gz: is compressed with gzip twice. Decompress it"
    )


def test_named_pipes(command: Command) -> None:
    for name in ("p", "p.csv", "p.csv.gz"):
        os.mkfifo(name)
    rows = CSV + "4,a superb film\n" * 20_000
    write("a.csv", rows)
    assert command("score", "a.csv", "-o", "b.csv").exit_code == 0
    for name, data in (("p", rows.encode()), ("p.csv.gz", gzip.compress(rows.encode()))):
        options = ["--format", "csv"] if name == "p" else []
        sender = threading.Thread(target=Path(name).write_bytes, args=[data])
        sender.start()
        ran = command("score", name, "-o", f"{name}.out.csv", *options)
        sender.join()
        assert (ran.exit_code, ran.out) == (0, ""), ran.err
        assert Path(f"{name}.out.csv").read_bytes() == Path("b.csv").read_bytes()
    command("score", "p").failed_with("p: its format is unknown. Name it with --format", 2)
    command("score", "p.csv", "-o", "c.csv", "--resume").failed_with(
        "--resume does not work with standard input or output, nor with pipes.", 2
    )


def test_a_pipe_is_scored_to_standard_output(tmp_path: Path) -> None:
    """Also one of the shell, whose name is a number."""
    (tmp_path / "a.csv").write_text(f"{CSV}broken\n", encoding="utf-8")
    shell = f"{shlex.join(COMMAND)} score -q --format csv"
    for line in (f"{shell} <(cat a.csv)", f"mkfifo p; (cat a.csv > p &) ; {shell} p"):
        ran = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stdout.count("\n")) == (3, 4), ran.stderr
    rejects = [path.name for path in tmp_path.glob("*.rejected.jsonl")]
    assert sorted(rejects) == ["p.rejected.jsonl", "stdin.rejected.jsonl"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rejected", "exit_code"), [([], 1), (["--rejected", "rejected.jsonl"], 3)]
)
def test_standard_output_needs_no_folder_to_write_to(
    tmp_path: Path, rejected: list[str], exit_code: int
) -> None:
    """Rejects need a place only where there are any."""
    options = [str(tmp_path / option) if option[0] != "-" else option for option in rejected]
    code = (
        "import sys, tempfile; from toolkit.cli import app; tempfile.tempdir = 'missing'; "
        "app.main()"
    )
    for data in (CSV, f"{CSV}broken\n"):
        ran = subprocess.run(
            [sys.executable, "-c", code, "score", "-", "--format", "csv", "-q", *options],
            cwd="/proc/self",  # where also root cannot write
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            input=data,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout.count("\n") == 4, ran.stderr
        assert ran.returncode == (0 if data == CSV else exit_code), ran.stderr
    if not rejected:
        assert ran.stderr.startswith("error: stdin.rejected.jsonl: cannot create a file in .: ")
        assert ran.stderr.endswith("with --rejected. The scored records are written, the rejected "
                                   "ones are not.\n")  # fmt: skip


def test_a_file_that_comes_to_the_place_of_the_rejects_stays(tmp_path: Path) -> None:
    rejects = tmp_path / "stdin.rejected.jsonl"
    with subprocess.Popen(
        [*COMMAND, "score", "-", "--format", "csv", "-q"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(f"{CSV}broken\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"id,text,predicted")
        rejects.write_text("another's", encoding="utf-8")
        process.stdin.close()
        assert process.stdout.read().count(b"\n") == 3
        message = process.stderr.read().decode()
        assert process.wait() == 1, message
    assert "exists already" in message
    assert message.endswith("The scored records are written, the rejected ones are not.\n")
    assert rejects.read_text(encoding="utf-8") == "another's"


def test_a_file_that_is_cut_while_it_goes_to_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV + "4,a superb film\n" * 200_000, encoding="utf-8")
    with subprocess.Popen(
        [*COMMAND, "score", "a.csv", "-o", "-", "-q"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        with path.open("r+b") as file:
            file.truncate(2_500_000)
        process.stdout.read()
        assert "has changed while it was scored" in process.stderr.read().decode()
        assert process.wait() == 1


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
    assert files_in(str(folder)) == [output.name]  # and the record for a later run
    assert output.read_bytes() == expected


@pytest.mark.guards
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
    call: list[str | Path] = ["score", large_file, "-o", output, "--workers", workers]
    process = subprocess.Popen(
        [*COMMAND, *call, "--checkpoint-seconds", "0"], stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: any(path.stat().st_size for path in tmp_path.glob(".b.*/journal")), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert err == f"error: interrupted. {RESUME}"
    assert process.returncode == 128 + number
    assert not output.exists()
    if workers == "2":
        can_be_resumed(large_file, output, scored[ending])


def file_size_limit(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    "ending",
    [".csv", pytest.param(".parquet", marks=[pytest.mark.slow, pytest.mark.guards])],
)
def test_a_full_disk_keeps_the_progress(
    ending: str, large_file: Path, scored: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / f"b{ending}"
    size = len(scored[ending]) // 2
    ran = in_its_own_process(
        "score", large_file, "-o", output, "-q", "--checkpoint-seconds", "0",
        preexec_fn=file_size_limit(size),
    )  # fmt: skip
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
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False,
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
    assert process.wait(timeout=PATIENCE) == 128 + signal.SIGPIPE
    assert message == ""
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_the_reader_waits(large_file: Path, tmp_path: Path) -> None:
    process = piped(large_file, tmp_path)
    opened(process.stdout).read(1000)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (143, b"error: interrupted\n")


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


def test_an_empty_standard_input(tmp_path: Path) -> None:
    """As of a scheduled run where nothing is new."""
    ran = in_its_own_process("score", "-", "--format", "csv", input="", cwd=tmp_path)
    assert (ran.exit_code, ran.out) == (0, "")
    assert "nothing is in this file" in ran.err


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

"""Standard input and output that are pipes of any kind."""

from __future__ import annotations

import gzip
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.cli.running import COMMAND, CSV, Command, Ran, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes there always wait")


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
    data = "\ufeffid,text\n1,a\n2é\n".encode("utf-16-be")
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
    rows = CSV + "4,a superb film\n" * 100_000
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
    command("score", "p").failed_with(
        "p: a pipe has no name to tell its format. Name the format", 2
    )
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

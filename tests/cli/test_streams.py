"""Standard input and output that are pipes of any kind."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.running import COMMAND, Command, Ran, write

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


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_compressed_file_without_the_ending_of_its_name(command: Command, packing: str) -> None:
    data = pa.Codec(packing).compress(b"text\na\n", asbytes=True)
    write("a.csv", data)
    ending = {"gzip": ".gz", "zstd": ".zst"}[packing]
    command("score", "a.csv").failed_with(
        f"a.csv: is compressed with {packing}. Add {ending} to its name"
    )
    ran = subprocess.run(
        [*COMMAND, "score", "-", "--format", "csv"], input=data, capture_output=True, check=False
    )
    assert (
        f"is compressed with {packing}. Decompress it first: {packing} -dc" in ran.stderr.decode()
    )


def test_a_file_that_is_compressed_twice(command: Command) -> None:
    write("a.csv.gz", gzip.compress(gzip.compress(b"text\na\n")))
    command("score", "a.csv.gz").failed_with(
        "a.csv.gz: is compressed with gzip twice. Decompress it"
    )

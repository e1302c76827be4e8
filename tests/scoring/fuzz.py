"""Damage files of reviews at random and see that nothing is lost, for as long as you like.

Run as ``python -m tests.scoring.fuzz --minutes 60``. What breaks a law is saved in the folder of
``--failures``, with the seed that makes it again (``--seed``, ``--count 1``).
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import random
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.models import shipped_scorer
from tests.scoring.laws import check_against_python, check_nothing_is_lost
from toolkit.errors import ToolkitError
from toolkit.records.read_options import ReadOptions
from toolkit.scoring.inputs.output_names import default_rejected
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.run import score_file
from toolkit.scoring.summary import Progress, Summary

ENDINGS = [
    ".csv",
    ".csv",
    ".csv",
    ".tsv",
    ".jsonl",
    ".jsonl",
    ".jsonl",
    ".parquet",
    ".csv.gz",
    ".jsonl.zst",
]
TOKENS = [
    b'"', b'""', b'",', b',"', b"\n", b"\r\n", b"\r", b",", b"\t", b"\xff", b"\xc3", b"\0",
    b"\xed\xa0\x80", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b":", b"\\", b"\\u", b"\\ud800",
    b"null", b"Inf", b"-NaN", b"1e999", b'"text"', b'{"text":', b'"text": 5', b"\xe2\x80\xa8",
    b"\xc2\x85", b" ", b'"predicted_sentiment"', b"text,", b"a" * 300, b"\n\n\n",
]  # fmt: skip
WORDS = ["a superb film", "the worst", "", " ", 'say "so"', "one,two", "é😀", "line\nend", "\u2028"]


class Stopped(Exception):  # noqa: N818 (it stands for a signal, not for an error)
    """The run is interrupted here."""


def make(ending: str, chance: random.Random) -> bytes:
    """Make a file that is whole."""
    rows = [
        {"id": str(n), "text": chance.choice(WORDS), "x": chance.choice(WORDS)}
        for n in range(chance.randrange(1, 30))
    ]
    if ending == ".parquet":
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=chance.randrange(1, 30))
        return file.getvalue()
    if ".jsonl" in ending:
        ascii_only = chance.random() < 0.5
        return b"".join(json.dumps(row, ensure_ascii=ascii_only).encode() + b"\n" for row in rows)
    mark = "\t" if ending == ".tsv" else ","
    end = chance.choice(["\n", "\r\n"])
    always = chance.random() < 0.5
    lines = [["id", "text", "x"], *(list(row.values()) for row in rows)]
    return "".join(
        mark.join(_quoted(f, mark, always) for f in line) + end for line in lines
    ).encode()


def _quoted(field: str, mark: str, always: bool) -> str:
    needed = always or any(character in field for character in f'"\r\n{mark}')
    return '"' + field.replace('"', '""') + '"' if needed else field


def damage(data: bytes, chance: random.Random) -> bytes:
    """Change some places of a file."""
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(data) + 1)
        until = min(at + chance.choice([0, 0, 1, 2, 30]), len(data))
        piece = chance.choice(
            [
                chance.choice(TOKENS),
                chance.choice(TOKENS),
                b"",
                chance.randbytes(2),
                data[at : at + 40],
            ]
        )
        data = data[:at] + piece + data[until:]
    return data


def run(seed: int, folder: Path) -> str:
    """Try one file; raise if a law is broken, else say what became of it."""
    chance = random.Random(seed)
    ending = chance.choice(ENDINGS)
    data = make(ending, chance)
    packed = ending.endswith((".gz", ".zst"))
    if packed and chance.random() < 0.5:
        data = damage(data, chance)
    if packed:
        codec = pa.Codec("gzip" if ending.endswith(".gz") else "zstd")
        data = codec.compress(data, asbytes=True)
    if not packed or chance.random() < 0.5:
        data = damage(data, chance)
    source = folder / f"in{ending}"
    source.write_bytes(data)
    small, large = chance.randrange(1, 500), 1 << 20
    try:
        first = score(source, folder / f"a{ending}", large, 1)
    except ToolkitError as error:
        for block_bytes in (small, large):
            try:
                score(source, folder / f"b{ending}", block_bytes, 2)
            except ToolkitError:
                continue
            raise AssertionError(f"refused only in large blocks: {error}") from error
        assert not any(folder.glob(".*")), "something is left of a run that failed"
        return f"{ending} refused {str(error)[len(str(source)) :][:60]}"
    second = score(source, folder / f"b{ending}", small, 2, stop_after=chance.randrange(6))
    assert counts(first) == counts(second), (counts(first), counts(second), small)
    outputs = [read(folder / f"{name}{ending}", source) for name in "ab"]
    # A Parquet file that is read in other blocks has other row groups, and gzip other members.
    assert outputs[0] == outputs[1], "blocks or interruptions change the result"
    if ".parquet" not in ending:
        check_nothing_is_lost(ending, source, *outputs[0], first)
        check_against_python(ending, source, first)
    return f"{ending} {'rejected some' if first.rejected else 'scored'}"


def counts(summary: Summary) -> dict[str, int]:
    """Give what does not depend on the time."""
    return {name: value for name, value in summary.as_dict().items() if name != "seconds"}


def score(
    source: Path, output: Path, block_bytes: int, workers: int, stop_after: int | None = None
) -> Summary:
    """Score a file; with ``stop_after``, interrupt it after some blocks and resume it."""
    seen = 0

    def stop(progress: Progress) -> None:
        nonlocal seen
        seen += 1
        if stop_after is not None and seen == stop_after:
            raise Stopped

    options = ScoringOptions(
        reading=ReadOptions(block_bytes=block_bytes),
        workers=workers,
        checkpoint_seconds=1e9,
        resume=True,
    )
    for path in (output, default_rejected(source, output)):
        path.unlink(missing_ok=True)
    try:
        return score_file(shipped_scorer(), source, output, options, stop)
    except Stopped:
        return score_file(shipped_scorer(), source, output, options)


def read(output: Path, source: Path) -> tuple[bytes, bytes]:
    """Give the content of an output, unpacked, and its rejects."""
    rejected = default_rejected(source, output)
    rejects = rejected.read_bytes() if rejected.exists() else b""
    if output.suffix == ".parquet":
        return repr(pq.read_table(output).to_pylist()).encode(), rejects
    return unpacked(output), rejects


def unpacked(path: Path) -> bytes:
    """Read a file."""
    with pa.input_stream(str(path), compression="detect") as stream:
        return bytes(stream.read())


def main() -> None:
    """Try files until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    parser.add_argument("--count", type=int)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    outcomes: collections.Counter[str] = collections.Counter()
    with suppress(KeyboardInterrupt):  # what was found until then is told
        try_files(arguments, end, outcomes)
    print(f"{outcomes.total():,} files")
    for outcome, count in sorted(outcomes.items()):
        print(f"  {count:>9,}  {outcome}")


def try_files(
    arguments: argparse.Namespace, end: float, outcomes: collections.Counter[str]
) -> None:
    """Try files, one for each seed, and count what becomes of them."""
    seed = arguments.seed
    while time.monotonic() < end and arguments.count != outcomes.total():
        with tempfile.TemporaryDirectory(
            dir="/dev/shm" if Path("/dev/shm").is_dir() else None
        ) as name:
            try:
                outcomes[run(seed, Path(name))] += 1
            except Exception:  # noqa: BLE001 (whatever it is, it is a finding)
                outcomes["BROKEN"] += 1
                arguments.failures.mkdir(exist_ok=True)
                (arguments.failures / f"{seed}.txt").write_text(traceback.format_exc())
                for source in Path(name).glob("in*"):
                    (arguments.failures / f"{seed}-{source.name}").write_bytes(source.read_bytes())
        seed += 1


if __name__ == "__main__":
    main()

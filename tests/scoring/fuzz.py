"""Damage files of reviews at random and see that nothing is lost, for as long as you like.

Run as ``python -m tests.scoring.fuzz --minutes 60``. What breaks a law is saved in the folder of
``--failures``, with the seed that makes it again (``--seed``, ``--count 1``).
"""

from __future__ import annotations

import argparse
import collections
import random
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq

from tests.models import shipped_scorer
from tests.scoring.fuzz_files import Kind, choose, compressed, content_of, damage, write
from tests.scoring.laws import (
    check_array,
    check_bytes,
    check_counts,
    check_lines,
    check_plain_lines,
    check_regular,
)
from toolkit.errors import ToolkitError
from toolkit.records import ReadOptions
from toolkit.scoring import Progress, ScoringOptions, Summary, score_file
from toolkit.scoring.jobs import default_rejected

Try = Callable[[int, Path], str]  # from a seed and a folder to what became of a file


class Stopped(Exception):  # noqa: N818 (it stands for a signal, not for an error)
    """The run is interrupted here."""


def damaged_file(chance: random.Random, folder: Path) -> tuple[Kind, Path]:
    """Write a file of any kind, damaged or not, into a folder."""
    kind = choose(chance)
    data = write(kind, chance)
    if kind.is_compressed:
        if chance.random() < 0.5:
            data = damage(data, chance)
        data = compressed(data, kind, chance)
    if not kind.is_compressed or chance.random() < 0.5:
        data = damage(data, chance)
    source = folder / f"in{kind.name}"
    source.write_bytes(data)
    return kind, source


def run(seed: int, folder: Path) -> str:
    """Try one file; raise if a law is broken, else say what became of it."""
    chance = random.Random(seed)
    kind, source = damaged_file(chance, folder)
    small, large = chance.randrange(1, 500), 1 << 20
    compression = kind.compression.removesuffix(".zip")
    outputs = [folder / f"{name}{kind.ending}{compression}" for name in "ab"]
    try:
        first = score(source, outputs[0], kind.reading(large), 1)
    except ToolkitError as error:
        for block_bytes in (small, large):
            try:
                score(source, outputs[1], kind.reading(block_bytes), 2)
            except ToolkitError:
                continue
            raise AssertionError(f"refused only in large blocks: {error}") from error
        assert not any(folder.glob(".*")), "something is left of a run that failed"
        return f"{kind} refused {str(error)[len(str(source)) :][:60]}"
    second = score(source, outputs[1], kind.reading(small), 2, stop_after=chance.randrange(6))
    assert counts(first) == counts(second), (counts(first), counts(second), small)
    found = [read(output, source) for output in outputs]
    # A Parquet file that is read in other blocks has other row groups, and gzip other members.
    assert found[0] == found[1], "blocks or interruptions change the result"
    check_counts(first)
    if kind.ending != ".parquet":
        check_laws(kind, content_of(source), *found[0], first)
    return f"{kind} {'rejected some' if first.rejected else 'scored'}"


def check_laws(kind: Kind, data: bytes, output: bytes, rejects: bytes, summary: Summary) -> None:
    """Check what holds for files of this kind."""
    if kind.is_delimited:
        check_bytes(kind, data, output, rejects, summary)
        if kind.quote is None and kind.escape is None:
            check_plain_lines(kind, data, summary)
        else:
            check_regular(kind, data, summary)
    elif kind.ending == ".json" and data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        check_array(data, output, summary)
    elif kind.ending == ".jsonl":
        check_lines(data, output, rejects, summary)


def counts(summary: Summary) -> dict[str, int]:
    """Give what does not depend on the time."""
    return {name: value for name, value in summary.as_dict().items() if name != "seconds"}


def score(
    source: Path, output: Path, reading: ReadOptions, workers: int, stop_after: int | None = None
) -> Summary:
    """Score a file; with ``stop_after``, interrupt it after some blocks and resume it."""
    seen = 0

    def stop(progress: Progress) -> None:
        nonlocal seen
        seen += 1
        if stop_after is not None and seen == stop_after:
            raise Stopped

    options = ScoringOptions(
        reading=reading,
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
    return content_of(output), rejects


def main(try_file: Try = run, description: str | None = __doc__) -> None:
    """Try files until the time is over."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    parser.add_argument("--count", type=int)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    outcomes: collections.Counter[str] = collections.Counter()
    with suppress(KeyboardInterrupt):  # what was found until then is told
        try_files(try_file, arguments, end, outcomes)
    print(f"{outcomes.total():,} files")
    for outcome, count in sorted(outcomes.items()):
        print(f"  {count:>9,}  {outcome}")


def try_files(
    try_file: Try,
    arguments: argparse.Namespace,
    end: float,
    outcomes: collections.Counter[str],
) -> None:
    """Try files, one for each seed, and count what becomes of them."""
    seed = arguments.seed
    while time.monotonic() < end and arguments.count != outcomes.total():
        with tempfile.TemporaryDirectory(
            dir="/dev/shm" if Path("/dev/shm").is_dir() else None
        ) as name:
            try:
                outcomes[try_file(seed, Path(name))] += 1
            except Exception:  # noqa: BLE001 (whatever it is, it is a finding)
                outcomes["BROKEN"] += 1
                arguments.failures.mkdir(exist_ok=True)
                (arguments.failures / f"{seed}.txt").write_text(traceback.format_exc())
                for source in Path(name).glob("in*"):
                    (arguments.failures / f"{seed}-{source.name}").write_bytes(source.read_bytes())
        seed += 1


if __name__ == "__main__":
    main()

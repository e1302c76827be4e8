"""Kill a scoring run again and again, go on with it, and compare with an uninterrupted one.

Run as ``python -m tests.scoring.killing --kills 30`` for that many kills of each kind of file.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.models import many_texts, shipped_scorer
from tests.scoring.kinds import (
    BAD_EVERY,
    DIALECTS,
    KINDS,
    RFC_4180,
    WRITERS,
    Dialect,
    write_delimited,
)
from toolkit.scoring import Job, Jobs, ScoringOptions, score_file
from toolkit.scoring.jobs import default_rejected
from toolkit.scoring.progress import is_unfinished

COMMAND = [sys.executable, "-m", "toolkit", "score"]


def unfinished(output: Path) -> bool:
    """Whether there is progress that a later run can resume."""
    return is_unfinished(Jobs([Job.of(Path(), output)], is_single=True))


@dataclass
class Killings:
    """How often runs were killed, and where that left them."""

    kills: int = 0
    with_checkpoint: int = 0  # of the kills: they left something to go on from
    runs: int = 0  # that came to their end in the meantime
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A file, and what its uninterrupted run gives."""

    source: Path
    output: Path
    expected: tuple[bytes, bytes]
    dialect: Dialect

    @classmethod
    def make(
        cls,
        folder: Path,
        kind: tuple[str, str],
        texts: Sequence[str],
        dialect: Dialect = RFC_4180,
    ) -> Case:
        """Write the input, and score it in this process."""
        source, output = folder / f"a{kind[0]}", folder / f"b{kind[1]}"
        if dialect == RFC_4180:
            WRITERS[kind[0]](source, texts)
        else:
            write_delimited(source, texts, dialect)
        whole = folder / f"whole{kind[1]}"
        options = ScoringOptions(reading=dialect.reading)
        summary = score_file(shipped_scorer(), source, whole, options)
        assert summary.rejected == len(range(5, len(texts), BAD_EVERY))
        expected = whole.read_bytes(), default_rejected(source, whole).read_bytes()
        return cls(source, output, expected, dialect)

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Begin the run, or go on with it."""
        files: list[str | Path] = [
            self.source,
            "-o",
            self.output,
            "-q",
            "--checkpoint-seconds",
            "0",
        ]
        return subprocess.Popen(
            [*COMMAND, *files, *self.dialect.options, *options], stderr=subprocess.PIPE, text=True
        )

    def is_done(self) -> bool:
        """Whether the output stands in its place, and nothing is left to be done."""
        return self.output.exists() and not unfinished(self.output)

    def check(self) -> list[str]:
        """Compare the outputs with those of the uninterrupted run, and remove them."""
        rejected = default_rejected(self.source, self.output)
        found = [path.read_bytes() if path.exists() else b"" for path in (self.output, rejected)]
        wrong = [
            f"{name} of {len(new):,} bytes, expected {len(old):,}"
            for name, new, old in zip(("output", "rejects"), found, self.expected, strict=True)
            if new != old
        ]
        self.output.unlink(missing_ok=True)
        rejected.unlink(missing_ok=True)
        return wrong


def duration_of(case: Case) -> float:
    """Score without an interruption; give the seconds."""
    began = time.monotonic()
    case.start().communicate()
    duration = time.monotonic() - began
    assert not case.check()
    return duration


def kill(case: Case, kills: int, rng: random.Random, seconds: Callable[[], float]) -> Killings:
    """Start, kill and go on until enough were killed and the last run is done."""
    result = Killings()
    while True:
        process = case.start("--resume")
        try:
            delay = seconds() if result.kills < kills else 60.0
            _, err = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
            result.kills += 1
            result.with_checkpoint += unfinished(case.output)
            if not case.is_done():
                continue
        if not case.is_done():
            result.failures.append(f"exit code {process.returncode}: {err}")
        result.failures += case.check()
        result.runs += 1
        if result.kills >= kills or result.failures:
            return result


def main() -> None:
    """Print a line for each kind of file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=60_000)
    options = parser.parse_args()
    texts = (many_texts(2000) * (options.rows // 2000 + 1))[: options.rows]
    rng = random.Random(options.seed)
    failed = False
    kinds = [(kind, RFC_4180) for kind in KINDS]
    kinds += [((ending, ending), dialect) for ending, dialect in DIALECTS]
    for kind, dialect in kinds:
        with tempfile.TemporaryDirectory() as folder:
            case = Case.make(Path(folder), kind, texts, dialect)
            duration = duration_of(case)
            result = kill(case, options.kills, rng, lambda: rng.uniform(0, 1.1 * duration))  # noqa: B023
            left = [path.name for path in Path(folder).iterdir() if path.name[0] == "."]
        to = " ".join([kind[1], *dialect.options])
        print(
            f"{kind[0]:>10} → {to:<18} {duration:.1f} s a run, {result.kills} kills, "
            f"{result.with_checkpoint} with a checkpoint, {result.runs} runs compared: "
            f"{'; '.join([*result.failures, *left]) or 'the same bytes'}",
            flush=True,
        )
        failed = failed or bool(result.failures)
    sys.exit(failed)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "error")
    main()

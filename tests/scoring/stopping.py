"""Runs over several files that stop at one of them, and what later ones score again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.models import shipped_scorer
from toolkit.scoring import Job, Progress, ScoringOptions, find_jobs, score_files

Act = Callable[[Path], None]


def score_into(
    output: str | Path,
    inputs: Sequence[str | Path],
    before: Act | None = None,
    after_block: Act | None = None,
    **options: Any,
) -> list[str]:
    """Score files into a folder; give the names of those that were scored.

    ``before`` is called with the output of each file before it is scored, and ``after_block`` after
    each of its blocks.
    """
    scored: list[str] = []

    @contextmanager
    def on_file(job: Job) -> Iterator[Callable[[Progress], None]]:
        if before is not None:
            before(job.output)
        scored.append(job.source.name)
        yield lambda _: None if after_block is None else after_block(job.output)

    jobs = find_jobs([str(name) for name in inputs], str(output))
    score_files(shipped_scorer(), jobs, ScoringOptions(workers=1, **options), on_file)
    return scored


def stop_at(output: str, error: BaseException) -> Act:
    """Give what raises an error at the file with an output."""

    def act(path: Path) -> None:
        if str(path) == output:
            raise error

    return act

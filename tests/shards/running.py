"""Jobs that are scored in one run, and in shards."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cli.running import Command, Ran
from tests.models import shipped_scorer
from toolkit.scoring import FileResult, Jobs, ScoringOptions, find_jobs, score_files
from toolkit.shards import ShardedJob, begin_job, finish_job, score_shard
from toolkit.shards.score import target_of

Inputs = Sequence[str | Path]


def jobs_of(inputs: Inputs, output: str | Path, rejected: Path | None = None) -> Jobs:
    return find_jobs([str(name) for name in inputs], str(output), None, rejected)


def in_one_run(inputs: Inputs, output: str | Path, **options: Any) -> list[FileResult]:
    chosen = ScoringOptions(workers=1, **options)
    return score_files(shipped_scorer(), jobs_of(inputs, output), chosen)


def begin(
    inputs: Inputs, output: str | Path, count: int, *, keep_parts: bool = False, **options: Any
) -> ShardedJob:
    jobs, chosen = jobs_of(inputs, output), ScoringOptions(workers=1, **options)
    target = target_of(jobs, Path(output))
    return begin_job(shipped_scorer(), jobs, chosen, count, target, keep_parts=keep_parts)


def in_shards(
    inputs: Inputs, output: str | Path, count: int, *, keep_parts: bool = False, **options: Any
) -> list[FileResult]:
    """Score all shards, in any order, and join them."""
    job = begin(inputs, output, count, keep_parts=keep_parts, **options)
    chosen = ScoringOptions(workers=1, **options)
    for shard in random.Random(count).sample(range(count), count):
        assert score_shard(shipped_scorer(), job, shard, chosen).is_new
    results = finish_job(job)
    assert not job.folder.exists()
    return results


def facts(results: Sequence[FileResult]) -> list[object]:
    """What results say, but for the time."""
    return [
        (
            {**result.summary.as_dict(), "seconds": 0}, result.source,
            dict(result.columns), sorted(result.warnings), result.error, result.is_done,
        )
        for result in results
    ]  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    """All files and folders below a folder, but the records that runs leave for later ones."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"a folder"
        for path in folder.rglob("*")
        if path.suffix != ".done"
    }


def rejects(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def score_shards(command: Command, count: int, *arguments: str | Path) -> list[Ran]:
    return [command("score", *arguments, "--shard", f"{n}/{count}") for n in range(count)]

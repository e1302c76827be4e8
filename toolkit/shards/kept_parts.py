"""Outputs that stay in parts: how their files are called, and the one that says all are there."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import atomic_file, reporting_failures
from toolkit.records.text_files.compression import compression_ending, format_ending
from toolkit.scoring.output_names import REJECTED_ENDING
from toolkit.scoring.results import FileResult, total
from toolkit.shards.plan import Plan

SUCCESS = "_SUCCESS"  # as clusters call the file that says that an output is complete
REJECTED = f"_all{REJECTED_ENDING}"  # of outputs in parts
_PART = re.compile(r"part-\d{5,}\.[^/]+", re.ASCII)


def part_name(number: int, output: Path) -> str:
    """Name an output that stays in parts: ``part-00003.csv.gz``."""
    return f"part-{number:05}{format_ending(output)}{compression_ending(output)}"


def parts_in(folder: Path) -> list[Path]:
    """Find outputs in parts that are in a folder already."""
    with suppress(OSError):
        return sorted(each for each in folder.iterdir() if _PART.fullmatch(each.name))
    return []


def check_other_parts(folder: Path, mine: Collection[Path], *, force: bool) -> None:
    """Raise `UsageError` if parts of another job are there, or remove them with force."""
    others = [path for path in parts_in(folder) if path not in mine]
    if others and not force:
        raise UsageError(
            f"{others[0]}: is a part of another job. Move it away, or remove all such parts with "
            "--force."
        )
    if force:  # so that nothing says that the parts are complete while they are replaced
        others = [folder / SUCCESS, *others]
    for path in others:
        with reporting_failures(path):
            path.unlink(missing_ok=True)


def write_success(folder: Path, plan: Plan, results: Sequence[FileResult]) -> None:
    """Write the file that says that all parts are there, with the counts of the job."""
    target = folder / SUCCESS
    content = {
        "job_id": plan.job_id,
        "model": plan.model.identity,
        "shards": plan.count,
        "files": len(results),
        **total(results).as_dict(),
    }
    with atomic_file(target, force=True) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

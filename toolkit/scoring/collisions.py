"""Files of one call that would replace each other: found out before the work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.files import resolved
from toolkit.records.read_options import STDIN
from toolkit.scoring.score_file import default_rejected

if TYPE_CHECKING:
    from toolkit.scoring.inputs import Job


def check_outputs(jobs: Sequence[Job]) -> None:
    """Raise `UsageError` if an output or rejects would replace a file of the same call."""
    sources = _Files(job.source for job in jobs)
    written: dict[Path, str] = {}
    for job in jobs:
        rejected = default_rejected(job.source, job.output)
        for path, what in ((job.output, "output"), (rejected, "rejects")):
            mine = f"the {what} of {job.source}"
            if path in sources:
                raise UsageError(
                    f"{path}: is an input, which {mine} would replace. Choose another folder with "
                    "--output."
                )
            other = written.setdefault(resolved(path), mine)
            if other != mine:
                raise UsageError(f"{path}: would be {other} and {mine}. Score them apart.")


def check_report(
    report: Path, jobs: Sequence[Job], rejected: Path | None, model: Path | None
) -> None:
    """Raise `UsageError` if the report would replace another file of the same call."""
    if report == STDIN:
        raise UsageError("--report: cannot go to standard output; name a file.")
    own = _Files([report])
    others = [] if model is None else [model]
    for job in jobs:
        others += [job.source, job.output]
        others.append(rejected or default_rejected(job.source, job.output))
    for path in others:
        if path in own:
            raise UsageError(f"{report}: is {path}, too. Choose another with --report.")


class _Files:
    """Files under all of their names: links and hard links, too."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._keys = {key for path in paths for key in _keys(path)}

    def __contains__(self, path: Path) -> bool:
        return not self._keys.isdisjoint(_keys(path))


def _keys(path: Path) -> set[Path | tuple[int, int]]:
    try:
        facts = path.stat()
    except OSError:  # not there, or not to be looked at
        return {resolved(path)}
    return {resolved(path), (facts.st_dev, facts.st_ino)}

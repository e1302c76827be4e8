"""What a report says of each file, and of the options."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from toolkit.scoring.results import FileResult

# How a run or a file has ended.
DONE, DONE_WITH_REJECTS = "done", "done_with_rejects"
FAILED, INTERRUPTED = "failed", "interrupted"
SKIPPED = "skipped"  # of a file: its output was there


def entry_of(result: FileResult, status: str) -> dict[str, Any]:
    """Say what became of a file of a run that has ended with a status."""
    job, source = result.job, result.source
    has_rejects_file = result.summary.rejected > 0 and job.rejects_file is not None
    content = {
        "input": str(job.source),
        "format": source.format,
        "compression": source.compression,
        "size": source.size,
        "modified": source.modified,
        "columns": dict(result.columns),
        "output": str(job.output),
        "job_id": result.job_id,
        "rejected_file": str(job.rejects_file) if has_rejects_file else None,
        "warnings": result.warnings,
    }
    if result.is_done:
        file_status = DONE_WITH_REJECTS if result.summary.rejected else DONE
        return {**content, "status": file_status, "error": None, **result.summary.as_dict()}
    if result.is_skipped:
        return {**content, "status": SKIPPED, "error": None}
    if result.error is None:  # where the run has ended
        return {**content, "status": status, "error": None}
    return {**content, "status": FAILED, "error": result.error}


def options_of(context: typer.Context) -> dict[str, Any]:
    """Give all options by their names on the command line, with those that are not given."""
    options = {}
    for parameter in context.command.params:
        name = max(parameter.opts, key=len).lstrip("-").replace("-", "_")
        if parameter.name in context.params and name != "help":
            options[name] = _plain(context.params[parameter.name])
    return options


def _plain(value: Any) -> Any:
    """Give the value of an option as JSON."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)

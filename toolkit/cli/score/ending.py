"""How a run of scoring ends: what it says of errors, and its exit code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from toolkit.cli import messages
from toolkit.cli.failures import EXIT_REJECTED
from toolkit.cli.score.report import RunReport

if TYPE_CHECKING:
    from toolkit.scoring.results import FileResult


def exit_with(run: RunReport, results: Sequence[FileResult]) -> None:
    """Say what failed, and end with the exit code of that."""
    code = _say_errors(run, results)
    if code:
        raise typer.Exit(code)


def _say_errors(run: RunReport, results: Sequence[FileResult]) -> int:
    """Say what failed; give the exit code."""
    from toolkit.scoring.results import total, why_none_is_scored

    failed = [result for result in results if result.error is not None]
    run.errors = [str(result.error) for result in failed]
    if why := why_none_is_scored(total(results)):
        run.errors.append(_none_is_scored(results, why))
    for error in run.errors:
        messages.error(error, 1)
    if 0 < len(failed) < len(results):
        again = "--resume --force" if run.options.get("force") else "--resume"
        hint = (
            f"The other files are done. Score the failed ones again with {again}, or all of them "
            "with --force."
        )
        messages.say(hint, "hint", message=hint)
    if run.errors:
        return 1
    return EXIT_REJECTED if any(result.summary.rejected for result in results) else 0


def _none_is_scored(results: Sequence[FileResult], why: str) -> str:
    """Say why nothing is scored, and which option may help."""
    first = results[0]
    where = f"{first.job.source}" if len(results) == 1 else f"{len(results):,} files"
    text = first.columns.get("text")
    column = "" if text is None else f" The texts are from the column {text!r}."
    rejects = next((result.job.rejects_file for result in results if result.summary.rejected), None)
    more = "" if rejects is None else f" The rejects are in {rejects}."
    return (
        f"{where}: no record is scored: {why}.{column}{more} Choose the column with "
        "--text-column, or how the file is read with --format, --delimiter or --encoding."
    )

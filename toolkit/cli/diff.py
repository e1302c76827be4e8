"""`toolkit diff`: what changes from one model to another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console as messages
from toolkit.cli import options as o
from toolkit.cli.options import check_rows_file
from toolkit.cli.process import EXIT_REJECTED
from toolkit.errors import ToolkitError, UsageError
from toolkit.model import find_model, names_a_model
from toolkit.records.columns import Columns
from toolkit.records.options import STDIN, ReadOptions
from toolkit.stores.paths import path_of

if TYPE_CHECKING:
    from toolkit.evaluation.diff_result import Difference
    from toolkit.scoring.options import MaxChanged, Subset

_CHECKS = "Checks, for CI"
_DATA = (
    "Files, folders or patterns of reviews, with or without labels, or - for standard input. "
    "Default: some 200 fixed texts."
)

Old = Annotated[Path, o.argument("OLD", "Model in use.")]
New = Annotated[Path, o.argument("NEW", "Model to compare with it.")]
Data = Annotated[list[str] | None, o.argument("DATA", _DATA)]
Show = Annotated[int, o.option("N", "Number of changed rows to show.", True, min=0)]
MaxChangedOption = Annotated[
    str | None,
    o.option(
        "N|P%", "Exit with 1 if more labels change, such as 100 or 1%.", "no limit", panel=_CHECKS
    ),
]
FailIfWorse = Annotated[
    bool,
    o.flag(
        "--fail-if-worse",
        "Exit with 1 if the new model is worse on labelled rows beyond chance (p < 0.05).",
        panel=_CHECKS,
    ),
]
Output = Annotated[
    Path | None,
    o.option(
        "FILE",
        "Write all rows whose label changes to this file.",
        names=("--output", "-o"),
        panel=o.WRITING,
    ),
]


def diff(
    old: Old,
    new: New,
    data: Data = None,
    threshold: o.Threshold = None,
    show: Show = 10,
    max_changed: MaxChangedOption = None,
    fail_if_worse: FailIfWorse = False,
    text_column: o.TextColumn = None,
    *,
    labels: o.LabelOptions,
    group_column: o.GroupColumn = None,
    reading: o.ReadingOptions,
    subset: o.SubsetOptions,
    output: Output = None,
    json: o.Json = False,
    force: o.Force = False,
    quiet: o.Quiet = False,
) -> None:
    """Show what would change with another model, before you upgrade.

    It counts the labels that change, and where labels are known, it says which model is right.

    Examples: `toolkit diff old.onnx reviews`, or

    - `toolkit diff old.onnx new.onnx reviews.csv --output changed.csv`
    - `toolkit diff old.onnx new.onnx labelled.parquet --group-column domain`
    - `toolkit diff old.onnx new.onnx reviews.csv --max-changed 1% --fail-if-worse`
    """
    from toolkit.cli.console import progress_of
    from toolkit.evaluation import DiffOptions
    from toolkit.evaluation import diff as run_diff
    from toolkit.scoring.options import MaxChanged, Subset

    limit = None if max_changed is None else MaxChanged.parse(max_changed)
    columns = Columns(o.text_columns(text_column), label=labels.label_column, group=group_column)
    read_options = reading.options(columns, labels.names)
    files = data or []
    wanted = Subset(subset.limit, subset.sample)
    _check(
        files=files,
        reading=read_options,
        subset=wanted,
        output=output,
        fail_if_worse=fail_if_worse,
    )
    if output is not None:
        check_rows_file(output, [*map(find_model, (old, new)), *map(path_of, files)], force=force)
    options = DiffOptions(
        reading=read_options,
        threshold=threshold,
        show=show,
        output=None if output is None else path_of(output),
        force=force,
        needs_labels=fail_if_worse,
        subset=wanted,
    )
    found = run_diff(
        old=old,
        new=new,
        data=files,
        options=options,
        on_file=lambda path: progress_of(path, quiet=quiet),
    )
    _show(found, json=json, quiet=quiet)
    _fail(found, limit, fail_if_worse=fail_if_worse)


def _check(
    files: list[str],
    reading: ReadOptions,
    subset: Subset,
    output: Path | None,
    *,
    fail_if_worse: bool,
) -> None:
    """Raise `UsageError` for arguments that cannot be combined."""
    for name in files:
        if names_a_model(path_of(name)):
            raise UsageError(f"{name}: is a model. Give two models, and then files of reviews.")
    if str(STDIN) in files and len(files) > 1:
        raise UsageError("standard input cannot be combined with other inputs.")
    if files:
        return
    if reading != ReadOptions() or subset:
        raise UsageError(
            "Options for columns and reading need files of reviews. Name them after the models."
        )
    for option, is_given in (("--output", output is not None), ("--fail-if-worse", fail_if_worse)):
        if is_given:
            raise UsageError(f"{option}: needs files of reviews. Name them after the models.")


def _show(found: Difference, *, json: bool, quiet: bool) -> None:
    if json:
        from json import dumps

        from toolkit.evaluation.json import difference_as_dict

        sys.stdout.write(dumps(difference_as_dict(found), indent=2) + "\n")
    elif not quiet:
        from toolkit.cli.diff_view import show

        show(found)


def _fail(found: Difference, most: MaxChanged | None, *, fail_if_worse: bool) -> None:
    """End with an error if a check fails, or with the exit code of records that are rejected."""
    from toolkit.evaluation.diff_result import changed_labels, verdict

    counts = found.changes.counts
    failed = () if found.data is None else found.data.failed
    for error in failed:
        messages.error(error, 1)
    if most is not None and most.is_passed(counts.changed, counts.answered):
        raise ToolkitError(f"--max-changed {most}: {changed_labels(counts)}")
    if fail_if_worse and not counts.labelled:
        raise UsageError(
            "--fail-if-worse: no row has a label and a score of both models. Choose the column of "
            "labels with --label-column."
        )
    if fail_if_worse and counts.is_worse:
        raise ToolkitError(f"--fail-if-worse: {verdict(counts)}")
    if failed:
        raise typer.Exit(1)
    if found.data is not None and found.data.rejected:
        raise typer.Exit(EXIT_REJECTED)

"""What `toolkit score --dry-run` prints: how files would be read, and how long it may take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import typer

from toolkit.cli import console as messages
from toolkit.cli.console import one_line, shortened
from toolkit.model.fact_lines import megabytes
from toolkit.model.scorer import Scorer
from toolkit.records.options import STDIN
from toolkit.scoring.dry_run import Preview, Speed, check_outputs_of, measure, previews
from toolkit.scoring.jobs import NOT_KEPT, Job, Jobs
from toolkit.scoring.options import ScoringOptions

_FILES_SHOWN = 5
_LETTERS_SHOWN = 60
_NAMES_SHOWN = 10
_MARKS = {"\t": "tab", ",": "comma", ";": "semicolon", " ": "space", '"': '"'}

Row = tuple[str, str]  # a name and what to say of it


def show_preview(scorer: Scorer, jobs: Jobs, options: ScoringOptions) -> None:
    """Print how the files would be read, on standard output; exit code 1 if one cannot be."""
    check_outputs_of(jobs, options)
    found = []
    for each in previews(jobs, options):
        found.append(each)
        if each.error is not None:
            messages.error(each.error, 1)
        elif len(found) <= _FILES_SHOWN:
            _show(_title(each.job), _rows(each))
    good = [each for each in found if each.error is None]
    if len(found) > _FILES_SHOWN:
        typer.echo(f"and {len(found) - _FILES_SHOWN:,} more files, which were opened, too")
    largest = max(good, key=lambda each: each.source.size or 0, default=None)
    speed = None if largest is None else measure(scorer, largest.job, options)
    _show("Nothing is written.", _estimate(good, speed, options))
    if len(good) < len(found):
        raise typer.Exit(1)


def _show(title: str, rows: Iterator[Row]) -> None:
    typer.secho(title, bold=True)
    for name, value in rows:
        typer.echo(f"  {name:<13} {one_line(value)}")


def _title(job: Job) -> str:
    source = "standard input" if job.source == STDIN else str(job.source)
    output = "standard output" if job.output == STDIN else str(job.output)
    return one_line(f"{source} → {output}")


def _rows(found: Preview) -> Iterator[Row]:
    yield from _layout(found)
    for column in found.columns:
        yield column.role, f"column {column.name!r} ({column.why})"
    if "text" not in [column.role for column in found.columns]:
        yield "text", "no column found so far"
    for number, record in enumerate(found.records, 1):
        others = (f"{role} {_short(value)}" for role, value in record.items() if role != "text")
        yield f"record {number}", "; ".join([_short(record["text"]), *others])
    yield from (("rejected", reject) for reject in found.rejects)
    yield from (("warning", warning) for warning in found.warnings)
    yield "rejects", _place_of_rejects(found.job)


def _layout(found: Preview) -> Iterator[Row]:
    source = found.source
    size = "" if source.size is None else f", {_size(source.size)}"
    packed = "" if source.compression is None else f", compressed with {source.compression}"
    yield "format", f"{source.format}{packed}{size}"
    for name, value in (
        ("encoding", found.encoding),
        ("delimiter", found.delimiter and _MARKS.get(found.delimiter, found.delimiter)),
        ("quote", found.quote),
    ):
        if value is not None:
            yield name, value
    if found.names:
        shown = ", ".join(map(_short, found.names[:_NAMES_SHOWN]))
        more = len(found.names) - _NAMES_SHOWN
        yield "columns", shown + (f", and {more:,} more" if more > 0 else "")


def _place_of_rejects(job: Job) -> str:
    if job.rejected == NOT_KEPT:
        return "only counted"
    return "to standard output" if job.rejects_file is None else f"to {job.rejects_file}, if any"


def _size(size: int) -> str:
    return f"{size:,} bytes" if size < 100_000 else megabytes(size)


def _short(text: str | None) -> str:
    return shortened(text, _LETTERS_SHOWN) if text else "(empty)"


def _estimate(
    good: Sequence[Preview], speed: Speed | None, options: ScoringOptions
) -> Iterator[Row]:
    if options.subset:
        yield "a part", str(options.subset)
    seconds = None if speed is None else speed.seconds(good, options)
    if speed is None or seconds is None:
        yield "time", "not known, without a file whose size is known"
        return
    if seconds < 1:  # what is measured in so short a time is not the speed of a long run
        yield "time", "less than 1 s"
    else:
        yield "time", f"about {_duration(seconds)} ({speed.records_per_second:,.0f} reviews/s)"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

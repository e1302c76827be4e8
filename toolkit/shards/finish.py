"""The end of a job in shards: the parts become the outputs that one run would have written.

Join the parts of an output to what one run would have written.

Outputs that are put together from parts, on this machine or in a store.

Outputs that stay in parts: how their files are called, and the one that says all are there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.files import (
    atomic_file,
    check_output_file,
    is_a_file,
    is_there,
    place,
    reporting_failures,
    resolved,
)
from toolkit.records.compression import compression_ending, format_ending
from toolkit.scoring.jobs import REJECTED_ENDING, Job, default_rejected
from toolkit.scoring.results import FileResult, total
from toolkit.scoring.summary import check_rejected, counts_warning
from toolkit.shards.claims import Claim, Part, ShardFolder
from toolkit.shards.plan import Piece, Plan
from toolkit.stores.paths import StorePath, is_in_store
from toolkit.stores.write import Content

_READ_BYTES = 4 << 20

OnBytes = Callable[[int], None]  # called with the bytes of parts that were just read or copied


@dataclass(frozen=True)
class Range:
    """Some bytes of a file."""

    path: Path
    start: int
    stop: int
    is_whole: bool  # all bytes of the file

    @property
    def size(self) -> int:
        """The number of the bytes."""
        return self.stop - self.start


@dataclass(frozen=True)
class PlannedPart:
    """A part, and the piece that it is of."""

    part: Part
    piece: Piece
    job: Job

    def check(self) -> None:
        """Raise `InputError` if its file is not there, or of another size."""
        try:
            found = self.job.output.stat().st_size
        except FileNotFoundError:
            found = None
        if found != self.part.size:
            what = "is missing" if found is None else f"has {found:,} bytes"
            raise InputError(
                f"{self.job.output}: {what}, expected {self.part.size:,} bytes. Remove the claim "
                "of its shard, and score that again."
            )


def joined(parts: Sequence[PlannedPart]) -> Iterator[Range | bytes]:
    """Give the contents of an output: header, records of all parts, and the end of the last."""
    has_records = False
    for number, each in enumerate(parts):
        part, frame = each.part, each.part.frame
        start, stop = 0, part.size
        if frame is not None:
            start = frame.header if number else 0
            stop = part.size - (0 if each is parts[-1] else frame.trailer)
            records = part.summary.records > part.summary.rejected
            if number and records and has_records and frame.separator:
                yield frame.separator
            has_records |= records
        if start < stop:
            yield Range(each.job.output, start, stop, stop - start == part.size)


def content_of(
    ranges: Iterator[Range | bytes], on_bytes: OnBytes = lambda _: None
) -> Iterator[bytes]:
    """Read what `joined` gives, a few megabytes at a time."""
    for each in ranges:
        if isinstance(each, bytes):
            yield each
            continue
        with each.path.open("rb") as file:
            file.seek(each.start)
            left = each.stop - each.start
            while left:
                data = file.read(min(left, _READ_BYTES))
                if not data:
                    raise InputError(f"{each.path}: has become shorter while it was read.")
                left -= len(data)
                yield data
                on_bytes(len(data))


def rejects_of(parts: Sequence[PlannedPart]) -> Iterator[bytes]:
    """Give the lines of rejects, with the numbers that they have in the whole file.

    In a piece that was cut without reading what is before it, lines are counted from its start.
    """
    before: dict[int, int] = {}  # lines before the piece, by file
    for each in parts:
        piece, part = each.piece, each.part
        shift = before.get(piece.file, 0) if piece.file_range.restarts_numbers else 0
        if part.reached[1:]:
            before[piece.file] = shift + part.reached[1] - 1
        path = each.job.rejects_file
        if path is None or not part.summary.rejected:
            continue
        if not is_there(path):
            raise InputError(f"{path}: is missing. Score the shard again.")
        with path.open("rb") as file:
            for line in file:
                yield _shifted(line, shift) if shift else line


def _shifted(line: bytes, shift: int) -> bytes:
    reject = json.loads(line)
    name = "line" if "line" in reject else "record"
    reject[name] += shift
    return (json.dumps(reject, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


Contents = Callable[[], Iterator[Range | bytes]]


def write_new(
    target: Path,
    contents: Contents,
    folder: Path,
    on_bytes: OnBytes,
    *,
    force: bool,
) -> None:
    """Write a file that appears complete, or find that it is there already.

    ``folder`` is the one of the shards, where what is not complete is removed with the rest.
    """
    with reporting_failures(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        check_output_file(target, force=True)  # what has come since is not replaced below
        content = _content(target, contents, on_bytes)
        try:
            place(content, target, force=force, folder=None if is_in_store(folder) else folder)
        except FileExistsError:
            raise UsageError(
                f"{target}: exists already, and is not what the shards give. Move it away, or "
                "replace it with --force."
            ) from None
    if content.local or content.copied:  # nothing was read
        on_bytes(content.size)


def _content(target: Path, contents: Contents, on_bytes: OnBytes) -> Content:
    """Describe what is written; its size is that of all ranges."""
    pieces = [*contents()]
    size = sum(len(each) if isinstance(each, bytes) else each.size for each in pieces)
    only = pieces[0] if len(pieces) == 1 else None
    local = copied = None
    if isinstance(only, Range) and only.is_whole:
        if isinstance(only.path, StorePath):
            copied = only.path.place
        else:
            local = only.path
    return Content(
        "a part", size, str(target), lambda: content_of(contents(), on_bytes), local, copied
    )


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


_SHOWN = 5  # shards in a message


def finish(
    folder: ShardFolder,
    plan: Plan,
    *,
    force: bool = False,
    on_joined: Callable[[int, int], None] = lambda _, __: None,
) -> list[FileResult]:
    """Join the parts of all shards, and remove them.

    Parameters
    ----------
    folder : ShardFolder
        Where the plan is.
    plan : Plan
        All shards.
    force : bool
        Whether outputs that are there are replaced.
    on_joined : Callable[[int, int], None]
        Called with the bytes of the parts that are joined so far, and those of all parts.

    Returns
    -------
    list[FileResult]
        One for each file of the plan, in order.

    Raises
    ------
    UsageError
        If a shard is missing, an output is there that is not the joined one, or another process
        has finished the job meanwhile.
    InputError
        If a part is not as its shard has left it, or too many records are rejected.
    OutputError
        If an output cannot be written.
    """
    try:
        return _finish(folder, plan, on_joined, force=force)
    except (ToolkitError, OSError):
        if is_there(folder.plan_path):
            raise
        raise UsageError(
            f"{folder.path}: is gone: another process has finished the job meanwhile, or dropped "
            "it with --force."
        ) from None


def _finish(
    folder: ShardFolder, plan: Plan, on_joined: Callable[[int, int], None], *, force: bool
) -> list[FileResult]:
    claims = folder.read_claims(plan)
    _check_all(folder, plan, claims)
    parts = [[*each] for each in _parts_by_file(folder, plan, claims)]
    for part in (part for each in parts for part in each):
        part.check()
    results = [_result(folder, plan, number, each) for number, each in enumerate(parts)]
    for result in results:
        check_rejected(str(result.job.source), result.summary, plan.max_rejected)
    outputs = [*_outputs(folder, plan, results, parts)]
    if plan.keep_parts:
        check_other_parts(folder.outputs, {target for target, _ in outputs}, force=force)
    if force:
        _remove_rejects(results, {target for target, _ in outputs})
    size, done = sum(part.part.size for each in parts for part in each), 0

    def on_bytes(count: int) -> None:
        nonlocal done
        done = min(done + count, size)  # what is uploaded may be read twice
        on_joined(done, size)

    for target, contents in outputs:
        write_new(target, contents, folder.path, on_bytes, force=force)
    if plan.keep_parts:
        write_success(folder.outputs, plan, results)
    folder.remove()
    return results


def _outputs(
    folder: ShardFolder,
    plan: Plan,
    results: Sequence[FileResult],
    parts: Sequence[Sequence[PlannedPart]],
) -> Iterator[tuple[Path, Contents]]:
    """Give the files to write, each with a function that gives its contents."""
    if plan.keep_parts:
        every = [part for each in parts for part in each]
        for number, part in enumerate(every):
            yield folder.outputs / part_name(number, part.job.output), partial(joined, [part])
        rejects = results[0].job.rejects_file
        if rejects is not None and any(part.part.summary.rejected for part in every):
            yield rejects, partial(rejects_of, every)
        return
    for result, each in zip(results, parts, strict=True):
        yield result.job.output, partial(joined, each)
        rejects = result.job.rejects_file
        if result.summary.rejected and rejects is not None:
            yield rejects, partial(rejects_of, each)


def _remove_rejects(results: Sequence[FileResult], mine: Collection[Path]) -> None:
    """Remove the rejects of a job that is replaced, where this one has none."""
    for result in results:
        rejects = result.job.rejects_file
        if rejects is not None and rejects not in mine and is_a_file(rejects):
            with reporting_failures(rejects):
                resolved(rejects).unlink()


def _check_all(folder: ShardFolder, plan: Plan, claims: Sequence[Claim | None]) -> None:
    """Raise `UsageError` if shards are missing."""
    missing = [number for number, claim in enumerate(claims) if claim is None]
    if not missing:
        return
    shown = ", ".join(map(str, missing[:_SHOWN]))
    more = f" and {len(missing) - _SHOWN:,} more" if missing[_SHOWN:] else ""
    raise UsageError(
        f"{folder.path}: {len(missing):,} of {plan.count:,} shards are not done: {shown}{more}."
        f" Score them, such as with --shard {missing[0]}/{plan.count}, and finish then."
    )


def _parts_by_file(
    folder: ShardFolder, plan: Plan, claims: Sequence[Claim | None]
) -> list[list[PlannedPart]]:
    """Give the parts of each file in order; raises `InputError` if they are not all of it."""
    found: list[list[PlannedPart]] = [[] for _ in plan.files]
    for shard, (claim, pieces) in enumerate(zip(claims, plan.shards, strict=True)):
        assert claim is not None
        if len(claim.parts) != len(pieces):
            raise InputError(f"{folder.claim_path(shard, plan)}: has not all of its parts.")
        jobs = folder.jobs(plan, shard, claim.attempt)
        for part, piece, job in zip(claim.parts, pieces, jobs, strict=True):
            if not piece.file_range.ends_at(part.reached):
                raise InputError(
                    f"{folder.claim_path(shard, plan)}: its piece of {job.source} was not read to "
                    "its end. Remove this claim, and score the shard again."
                )
            found[piece.file].append(PlannedPart(part, piece, job))
    return found


def _result(
    folder: ShardFolder, plan: Plan, number: int, parts: Sequence[PlannedPart]
) -> FileResult:
    """Add up what became of a file."""
    file = plan.files[number]
    result = FileResult(_job(folder, plan, number), is_done=True, source=file.source(plan.read_as))
    for each in parts:
        result.summary += each.part.summary
        result.job_id = each.part.job_id
        result.columns = {**result.columns, **each.part.columns}
        result.warnings += [
            warning for warning in each.part.warnings if warning not in result.warnings
        ]
    column = result.columns.get("text")
    if warning := counts_warning(result.summary, column, is_single=not plan.files[1:]):
        result.warnings.append(warning)
    return result


def _job(folder: ShardFolder, plan: Plan, number: int) -> Job:
    """Say where the output of a file is: in parts, those of all files are together."""
    job = plan.files[number].job(folder.outputs)
    if not plan.keep_parts:
        return job
    if job.rejects_file == default_rejected(job.source, job.output):  # else named by the user
        job = replace(job, rejected=folder.outputs / REJECTED)
    return replace(job, output=folder.outputs)

"""Join the parts of a job in shards to the outputs that one run would have written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from operator import and_
from pathlib import Path

from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.files import (
    check_leads_somewhere,
    check_output_file,
    is_a_file,
    is_there,
    place,
    reporting_failures,
    resolved,
)
from toolkit.model.prior import share_of
from toolkit.records.output_file import Frame
from toolkit.scoring.identity import NOTHING, sum_of
from toolkit.scoring.jobs import Job, default_rejected
from toolkit.scoring.results import (
    FileResult,
    Source,
    check_rejected,
    check_unread,
    counts_warning,
)
from toolkit.shards.claims import PLAN, ShardedJob, files_of, remove_shards
from toolkit.shards.plan import ALL_REJECTS, SUCCESS, part_name, parts_in
from toolkit.stores.paths import StorePath, is_in_store
from toolkit.stores.write import Content, remove_leftovers

_SHOWN = 5  # shards in a message
_READ_BYTES = 4 << 20

ByteRange = tuple[Path, int, int]  # of a file: where it starts, and stops
Parts = Sequence[FileResult]  # in the order of the input


def finish_job(job: ShardedJob, *, force: bool = False) -> list[FileResult]:
    """Join the parts of all shards, remove them, and return a result for each file of the plan.

    With ``force``, existing outputs are replaced, and links to missing files are followed. Raises
    `UsageError` if a shard is missing, if another file or such a link is at the place of an output,
    or if another process has finished the job meanwhile;
    `InputError` if a part has changed or too many records are rejected; and `OutputError` if an
    output cannot be written.
    """
    try:
        return _finish(job, force=force)
    except (ToolkitError, OSError):
        if is_there(job.folder / PLAN):
            raise
        raise UsageError(
            f"{job.folder}: is gone: another process has finished the job since, or dropped it "
            "with --force."
        ) from None


def _finish(job: ShardedJob, *, force: bool) -> list[FileResult]:
    _check_places(job)
    parts = _parts_by_file(job)
    results = [_result(job, number, each) for number, each in enumerate(parts)]
    for result in results:
        name = str(result.job.source)
        check_rejected(name, result.summary, job.plan.max_rejected)
        check_unread(name, result.summary, job.plan.max_unread)
    outputs = dict(_outputs(job, results, parts))
    if not (force or job.plan.keep_parts):
        for target in outputs:
            check_leads_somewhere(target, "Remove the link")
    _clear(job, results, outputs, force=force)
    for target, content in outputs.items():
        if isinstance(target, StorePath):
            results[0].removed += remove_leftovers(target.location, content.size)
        _write(target, content, job, force=force)
    if job.plan.keep_parts:
        with reporting_failures(job.outputs / SUCCESS):
            place(b"", job.outputs / SUCCESS, force=True, follow=False)
    remove_shards(job.folder)
    return results


def _check_places(job: ShardedJob) -> None:
    """Raise `UsageError` if outputs of a plan are outside its folder, because of a link.

    `make_plan` refuses such outputs, too, but the plan may have been edited.
    """
    outputs = resolved(job.outputs)
    for file in job.plan.files:
        planned = file.job(job.outputs)
        for path in (planned.output, planned.rejects_file):
            if path is not None and not resolved(path.parent).is_relative_to(outputs):
                raise UsageError(
                    f"{path}: its folder is a link that leads out of {job.outputs}. Remove the "
                    "link, or plan again with --force."
                )


def _parts_by_file(job: ShardedJob) -> list[list[FileResult]]:
    """Return the parts of each file in order.

    Raises `UsageError` if shards are missing, and `InputError` if parts of a file are missing or
    have changed.
    """
    claims = job.read_claims()
    if missing := [number for number, claim in enumerate(claims) if claim is None]:
        shown = ", ".join(map(str, missing[:_SHOWN]))
        more = f" and {len(missing) - _SHOWN:,} more" if missing[_SHOWN:] else ""
        raise UsageError(
            f"{job.folder}: {len(missing):,} of {job.plan.count:,} shards are not done: {shown}"
            f"{more}. Score them, such as with --shard {missing[0]}/{job.plan.count}, and finish "
            "then."
        )
    found: list[list[FileResult]] = [[] for _ in job.plan.files]
    for claim, pieces in zip(filter(None, claims), job.plan.shards, strict=True):
        path = job.claim_path(claim.shard)
        for part, piece in zip(job.results(claim), pieces, strict=True):
            if part.done is None or not piece.file_range.ends_at(part.done.reached):
                raise InputError(
                    f"{path}: its piece of {part.job.source} was not read to its end. Remove this "
                    "claim, and score the shard again."
                )
            _check_part(part, job, path)
            found[piece.file].append(part)
    return found


def _check_part(part: FileResult, job: ShardedJob, claim: Path) -> None:
    """Raise `InputError` if a part has changed, or is a link."""
    assert part.done is not None
    frame = part.done.frame
    for path in files_of(part):
        size, crc = part.done.files.get(path.name, NOTHING)
        what = "is missing"
        found = (-1, 0)
        is_inside = resolved(path).is_relative_to(resolved(job.folder))
        is_special = not is_in_store(path) and is_there(path) and not is_a_file(path)
        with suppress(FileNotFoundError):
            found = sum_of(path) if is_inside and not is_special else found
            what = "was changed" if found[0] == size else f"has {found[0]:,} bytes"
        if is_special:
            wrong = "is a pipe, a device or a folder, expected a part of the output"
        elif not is_inside:
            wrong = f"is a link that leads out of {job.folder}"
        elif found != (size, crc):
            wrong = f"{what}, expected {size:,} bytes with the checksum {crc:08x}"
        elif frame and path == part.job.output and not _fits(frame, size):
            wrong = "its header, ending or separator is not as in its claim"
        else:
            continue
        raise InputError(f"{path}: {wrong}. Remove {claim}, and score the shard again.")


def _fits(frame: Frame, size: int) -> bool:
    is_within = min(frame.header, frame.trailer) >= 0 and frame.header + frame.trailer <= size
    return is_within and all(ord(each) < 256 for each in frame.separator)


def _result(job: ShardedJob, number: int, parts: Parts) -> FileResult:
    """Add up the results of the pieces of a file."""
    file = job.plan.files[number]
    source = Source.of(file.source, job.plan.read_as, file.facts)
    result = FileResult(_job(job, number), is_done=True, source=source)
    for part in parts:
        result.summary += part.summary
        result.job_id = part.job_id
        result.columns = {**result.columns, **part.columns}
        result.warnings += [each for each in part.warnings if each not in result.warnings]
        result.prior = part.prior or result.prior
    column = result.columns.get("text")
    if warning := counts_warning(result.summary, column, is_single=not job.plan.files[1:]):
        result.warnings.append(warning)
    if warning := result.summary.labels_warning(result.columns.get("label")):
        result.warnings.append(warning)
    if result.prior is not None:
        found = share_of(result.summary.levels, job.plan.model.base)
        if warning := result.prior.warning_of_all(found):
            result.warnings.append(warning)
    result.read_labels()
    return result


def _job(job: ShardedJob, number: int) -> Job:
    """Return the job of a file, with its output; parts of all files are in one folder."""
    file = job.plan.files[number].job(job.outputs)
    if not job.plan.keep_parts:
        return file
    if file.rejects_file == default_rejected(file.input, file.output):  # else named by the user
        file = replace(file, rejected=job.outputs / ALL_REJECTS)
    return replace(file, output=job.outputs)


def _outputs(
    job: ShardedJob, results: Parts, parts: Sequence[Parts]
) -> Iterator[tuple[Path, Content]]:
    """Return the files to write, with their contents."""
    if job.plan.keep_parts:
        every = [part for each in parts for part in each]
        for number, part in enumerate(every):
            yield job.outputs / part_name(number, part.job.output), _joined([part])
        yield from _rejects(results[0].job, every)
    else:
        for result, each in zip(results, parts, strict=True):
            yield result.job.output, _joined(each)
            yield from _rejects(result.job, each)


def _joined(parts: Parts) -> Content:
    """Return the content of an output: header, records of all parts, end of the last part."""
    pieces = [*_pieces(parts)]
    size = sum(len(each) if isinstance(each, bytes) else each[2] - each[1] for each in pieces)
    whole = parts[0].job.output if len(parts) == 1 else None
    return Content(
        name="a part",
        size=size,
        mark=str(parts[0].job.output),
        read=lambda: _read(pieces),
        local=None if isinstance(whole, StorePath) else whole,
        copied=whole.location if isinstance(whole, StorePath) else None,
        rights=_rights(parts),
    )


def _rights(parts: Parts) -> int:
    """Return the file permissions that all parts have."""
    files = [path for part in parts for path in files_of(part) if not is_in_store(path)]
    return reduce(and_, (path.stat().st_mode for path in files), 0o666)


def _pieces(parts: Parts) -> Iterator[ByteRange | bytes]:
    has_records = False
    for number, part in enumerate(parts):
        assert part.done is not None
        frame = part.done.frame
        start = 0
        (stop, _) = part.done.files[part.job.output.name]
        if frame is not None:
            start = frame.header if number else 0
            stop -= 0 if part is parts[-1] else frame.trailer
            records = part.summary.records > part.summary.rejected
            if number and records and has_records and frame.separator:
                yield frame.separator.encode("latin-1")
            has_records |= records
        if start < stop:
            yield part.job.output, start, stop


def _read(pieces: Sequence[ByteRange | bytes]) -> Iterator[bytes]:
    """Read the joined content, a few megabytes at a time."""
    for each in pieces:
        if isinstance(each, bytes):
            yield each
            continue
        path, start, stop = each
        with path.open("rb") as file:
            file.seek(start)
            while start < stop:
                data = file.read(min(stop - start, _READ_BYTES))
                if not data:
                    raise InputError(f"{path}: has become shorter while it was read.")
                start += len(data)
                yield data


def _rejects(job: Job, parts: Parts) -> Iterator[tuple[Path, Content]]:
    """Return the file of rejects of the parts, if there are rejects and they are kept."""
    path = job.rejects_file
    if path is not None and any(part.summary.rejected for part in parts):
        size = sum(map(len, _lines(parts)))
        yield (
            path,
            Content(
                name="the rejects",
                size=size,
                mark=str(path),
                read=lambda: _lines(parts),
                rights=_rights(parts),
            ),
        )


def _lines(parts: Parts) -> Iterator[bytes]:
    """Yield the lines of rejects, with record numbers of the whole file.

    In a piece that was cut without reading the text before it, lines count from its start.
    """
    before: dict[Path, int] = {}  # lines before the piece, by file
    for part in parts:
        source = part.job.source
        rejects = part.job.rejects_file
        shift = before.get(source, 0) if part.job.file_range.restarts_numbers else 0
        if part.done is not None and part.done.reached[1:]:
            before[source] = shift + part.done.reached[1] - 1
        if rejects is None or not part.summary.rejected:
            continue
        with rejects.open("rb") as file:
            for line in file:
                yield _shifted(line, shift) if shift else line


def _shifted(line: bytes, shift: int) -> bytes:
    reject = json.loads(line)
    name = "line" if "line" in reject else "record"
    reject[name] += shift
    return (json.dumps(reject, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _write(target: Path, content: Content, job: ShardedJob, *, force: bool) -> None:
    """Write a file that appears when it is complete, unless the same file is there already.

    Unfinished files are in the folder of the shards, and are removed with it. A link is followed if
    the user has named it as the output, but not at the name of a part.
    """
    follow = not job.plan.keep_parts
    folder = None if is_in_store(job.folder) else job.folder
    with reporting_failures(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        check_output_file(
            target, force=True
        )  # a file that has appeared since is not replaced below
        try:
            place(content, target, force=force, follow=follow, folder=folder)
        except FileExistsError:
            raise UsageError(
                f"{target}: exists already, and differs from the output of the shards. Move it "
                "away, or replace it with --force."
            ) from None


def _clear(job: ShardedJob, results: Parts, mine: Collection[Path], *, force: bool) -> None:
    """Remove outputs of the replaced job that have other names, with force.

    Without force, raise `UsageError` if there are parts of another job: programs read all parts in
    a folder together.
    """
    others = parts_in(job.outputs) if job.plan.keep_parts else []
    others = [path for path in others if path not in mine]
    if others and not force:
        raise UsageError(
            f"{others[0]}: is a part of another job. Move it away, or remove all such parts with "
            "--force."
        )
    if not force:
        return
    if (
        job.plan.keep_parts
    ):  # so that no marker says that the parts are complete while they are replaced
        others = [job.outputs / SUCCESS, *others]
    rejects = {result.job.rejects_file for result in results}
    for path in [*others, *(path for path in rejects if path is not None and path not in mine)]:
        with reporting_failures(path):
            if is_there(path):  # even for a missing file, unlink may need rights
                path.unlink(missing_ok=True)

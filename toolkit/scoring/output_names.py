"""The usual names of what is written: the scored file, and the rejects beside it."""

from __future__ import annotations

from pathlib import Path

from toolkit.errors import InputError
from toolkit.records.compression import compression_ending, format_ending
from toolkit.records.formats import endings, format_called
from toolkit.records.options import STDIN, is_stream
from toolkit.records.zip import inside_archive, is_archive, members
from toolkit.stores.paths import path_of

REJECTED_ENDING = ".rejected.jsonl"
UNWRITABLE_ENDING = ".csv"  # of the output of a format that can only be read
SCORED = ".scored"  # before the ending of an output beside its input


def default_output(source: Path) -> Path:
    """Name the output beside the input: ``reviews.csv.gz`` → ``reviews.scored.csv.gz``.

    Of standard input and of a pipe, it is standard output.
    """
    if is_stream(source):
        return STDIN
    named = named_by(source)
    ending = format_ending(named) + compression_ending(named)
    return named.parent / f"{named.name.removesuffix(ending)}{SCORED}{ending}"


def named_by(source: Path) -> Path:
    """Give the path that an output is named by: of the format that it has by default.

    An archive with one member is named by its own name: ``data.zip`` that holds ``x.csv`` is
    ``data.csv``. What can only be read, such as a workbook, is written as CSV.
    """
    named = _without_archive(source)
    found = endings().get(format_ending(named).lower())
    return named if found is None or found.can_write else named.with_suffix(UNWRITABLE_ENDING)


def _without_archive(source: Path) -> Path:
    inside = inside_archive(source)
    archive = source if inside is None else inside[0]
    if inside is None and not is_archive(source):
        return source
    try:
        found = members(archive, endings())
    except InputError:  # reported when it is read
        return source
    if len(found) != 1:
        return archive.parent / source.name
    if has_known_ending(Path(archive.stem)):
        return archive.parent / archive.stem
    ending = format_ending(found[0]) + compression_ending(found[0])
    return archive.parent / f"{archive.stem}{ending}"


def scored_name(path: Path) -> str | None:
    """Give the name without endings of the input that ``path`` may be the output of, if any."""
    stem = _stem(path)
    return stem.removesuffix(SCORED) if stem.endswith(SCORED) and has_known_ending(path) else None


def unscored_name(path: Path) -> str | None:
    """Give the name of a possible input without its endings."""
    named = named_by(path)
    return _stem(named) if has_known_ending(named) else None


def default_rejected(source: Path, output: Path) -> Path:
    """Name the rejects: ``OUTPUT.rejected.jsonl``; beside the input for standard output."""
    if output != STDIN:
        return path_of(f"{output}{REJECTED_ENDING}")
    is_unnamed = source == STDIN or source.parts[:2] == ("/", "dev")  # /dev/fd/63
    return path_of(f"{'stdin' if is_unnamed else named_by(source)}{REJECTED_ENDING}")


def with_format(path: Path, output_format: str | None) -> Path:
    """Give a name the ending of a format, unless it has one of its endings already."""
    if output_format is None:
        return path
    target = format_called(output_format)
    found, compression = format_ending(path), compression_ending(path)
    if endings().get(found.lower()) == target:
        return path
    name = path.name.removesuffix(found + compression)
    return path.parent / f"{name}{target.endings[0]}{compression if target.is_text else ''}"


def has_known_ending(path: Path) -> bool:
    """Whether the name ends as those of a known format."""
    return format_ending(path).lower() in endings()


def _stem(path: Path) -> str:
    return path.name.removesuffix(format_ending(path) + compression_ending(path))

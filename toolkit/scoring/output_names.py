"""The usual names of what is written: the scored file, and the rejects beside it."""

from __future__ import annotations

from pathlib import Path

from toolkit.records.compression import compression_of, format_ending
from toolkit.records.formats import endings, format_called
from toolkit.records.read_options import STDIN

REJECTED_ENDING = ".rejected.jsonl"
SCORED = ".scored"  # before the ending of an output beside its input


def default_output(source: Path) -> Path:
    """Name the output beside the input: ``reviews.csv.gz`` → ``reviews.scored.csv.gz``."""
    if source == STDIN:
        return STDIN
    return source.parent / f"{_stem(source)}{SCORED}{source.name.removeprefix(_stem(source))}"


def scored_name(path: Path) -> str | None:
    """Give the name without endings of the input that ``path`` may be the output of, if any."""
    stem = _stem(path)
    return stem.removesuffix(SCORED) if stem.endswith(SCORED) and has_known_ending(path) else None


def unscored_name(path: Path) -> str | None:
    """Give the name of a possible input without its endings."""
    return _stem(path) if has_known_ending(path) else None


def default_rejected(source: Path, output: Path) -> Path:
    """Name the rejects: ``OUTPUT.rejected.jsonl``; beside the input for standard output."""
    written = source if output == STDIN else output
    return Path(f"{'stdin' if written == STDIN else written}{REJECTED_ENDING}")


def with_format(path: Path, output_format: str | None) -> Path:
    """Give a name the ending of a format, unless it has one of its endings already."""
    if output_format is None:
        return path
    target = format_called(output_format)
    found, compression = format_ending(path), _compression_ending(path)
    if endings().get(found.lower()) == target:
        return path
    name = path.name.removesuffix(found + compression)
    return path.parent / f"{name}{target.endings[0]}{compression if target.is_text else ''}"


def has_known_ending(path: Path) -> bool:
    """Whether the name ends as those of a known format."""
    return format_ending(path).lower() in endings()


def _stem(path: Path) -> str:
    return path.name.removesuffix(format_ending(path) + _compression_ending(path))


def _compression_ending(path: Path) -> str:
    return path.suffix if compression_of(path) else ""

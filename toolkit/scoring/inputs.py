"""Which files to score, and where their outputs go: names, patterns and folders."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import resolved
from toolkit.records.compression import compression_of, format_ending
from toolkit.records.formats import FORMATS, endings
from toolkit.records.read_options import STDIN
from toolkit.scoring.collisions import check_outputs
from toolkit.scoring.folders import Found, files_in, files_matching
from toolkit.scoring.score_file import default_output


@dataclass(frozen=True)
class Job:
    """A file to score."""

    source: Path
    output: Path


@dataclass(frozen=True)
class Jobs:
    """Files to score."""

    files: Sequence[Job]
    folder: Path | None = None  # of the outputs, where these are several files or a folder
    ignored: int = 0  # files that no format belongs to, pipes and devices
    links: Sequence[Path] = ()  # to folders, which were not followed


def find_jobs(inputs: Sequence[str], output: str | None, output_format: str | None) -> Jobs:
    """Find the files to score, and name their outputs.

    Parameters
    ----------
    inputs : Sequence[str]
        Files, folders (with all that is in them), and patterns such as ``data/**/*.csv``.
    output : str | None
        Where to write: a file for one file, a folder for several or a folder. With a slash at its
        end it is a folder in any case, made if it is not there.
    output_format : str | None
        Format of the outputs, which changes the endings of their names; None keeps it.

    Returns
    -------
    Jobs
        In the order of the inputs; in folders and patterns by name.

    Raises
    ------
    InputError
        If a folder or a pattern has no file of reviews, or cannot be read.
    UsageError
        If there is no output folder for several files, or one file would replace another.
    """
    place = None if output is None else Path(output)
    files: dict[Path, tuple[Path, Path]] = {}  # once each, and names for their outputs
    ignored, links = 0, list[Path]()
    into_folder = _is_named_as_folder(output) and not _is_folder(Path(str(output)))
    for name in inputs:
        found = _find(name, place)
        for source, relative in found.files:
            files.setdefault(resolved(source), (source, relative))
        ignored += found.ignored
        links += found.links
        into_folder |= _is_folder(Path(name)) or _is_new_folder(name, place)
    if len(files) == 1 and not into_folder:
        return Jobs([_single(*next(iter(files.values())), place, output_format)], ignored=ignored)
    folder = _folder(place, files)
    jobs = [
        Job(source, folder / _renamed(relative, output_format))
        for source, relative in files.values()
    ]
    check_outputs(jobs)
    return Jobs(jobs, folder, ignored, links)


def _find(name: str, output: Path | None) -> Found:
    path = Path(name)
    if path == STDIN:
        return Found([(path, path)])
    if _is_folder(path):
        return files_in(path, output)
    if not _is_pattern(name):
        return Found([(path, Path(path.name))])
    return files_matching(name)


def _folder(output: Path | None, files: dict[Path, tuple[Path, Path]]) -> Path:
    """Check that the output can be a folder."""
    if any(source == STDIN for source, _ in files.values()):
        alone = "into a file, not a folder" if len(files) == 1 else "alone"
        raise UsageError(f"standard input has to be scored {alone}.")
    if output is None or output == STDIN:
        raise UsageError(
            f"{len(files):,} files to score: choose a folder for the scored ones with --output."
        )
    if output.exists() and not _is_folder(output):
        raise UsageError(f"{output}: is a file, expected a folder for the scored files.")
    return output


def _single(source: Path, name: Path, output: Path | None, output_format: str | None) -> Job:
    if output is not None and _is_folder(output):
        return Job(source, output / _renamed(Path(name.name), output_format))
    default = default_output(source)
    named = default if source == STDIN else _renamed(default, output_format)
    return Job(source, named if output is None else output)


def _is_pattern(name: str) -> bool:
    return glob.has_magic(name) and not os.path.lexists(name)


def _is_new_folder(name: str, output: Path | None) -> bool:
    """Whether a pattern's output can only be a folder that is still to be made."""
    return _is_pattern(name) and output not in (None, STDIN) and not Path(str(output)).suffix


def _is_named_as_folder(output: str | None) -> bool:
    separators = tuple(filter(None, (os.sep, os.altsep)))
    return output is not None and output.endswith(separators)


def _renamed(path: Path, output_format: str | None) -> Path:
    """Give a name the ending of a format, where it has another one."""
    if output_format is None:
        return path
    target, found = FORMATS[output_format], format_ending(path)
    if endings().get(found.lower()) == target:
        return path
    compression = path.suffix if compression_of(path) else ""
    name = path.name.removesuffix(found + compression)
    return path.parent / f"{name}{target.endings[0]}{compression if target.is_text else ''}"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long
        return False

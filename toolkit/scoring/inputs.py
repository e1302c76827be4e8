"""Which files to score, and where their outputs go: names, patterns and folders."""

from __future__ import annotations

import glob
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputError, UsageError
from toolkit.formats import ENDINGS
from toolkit.formats.base import STDIN
from toolkit.formats.streams import packing_of
from toolkit.scoring.score_file import REJECTED_ENDING, default_output


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
    ignored: int = 0  # files in folders that no format belongs to


def find_jobs(inputs: Sequence[str], output: Path | None, output_format: str | None) -> Jobs:
    """Find the files to score, and name their outputs.

    Parameters
    ----------
    inputs : Sequence[str]
        Files, folders (with all that is in them), and patterns such as ``data/**/*.csv``.
    output : Path | None
        Where to write: a file for one file, a folder for several or a folder.
    output_format : str | None
        Format of the outputs, which changes the endings of their names; None keeps it.

    Returns
    -------
    Jobs
        In the order of the inputs; in folders and patterns by name.

    Raises
    ------
    InputError
        If a folder or a pattern has no file of reviews.
    UsageError
        If there is no output folder for several files, or two outputs would have one name.
    """
    found: dict[Path, tuple[Path, Path]] = {}  # files, once each, and names for their outputs
    ignored, into_folder = 0, False
    for name in inputs:
        inside, others = _files_of(name, output)
        for source, relative in inside:
            found.setdefault(source.resolve(), (source, relative))
        ignored += others
        into_folder |= _is_folder(Path(name)) or _is_new_folder(name, output)
    if len(found) == 1 and not into_folder:
        return Jobs([_single(*next(iter(found.values())), output, output_format)])
    if output is None or output == STDIN:
        raise UsageError(
            f"{len(found):,} files to score: choose a folder for the scored ones with --output."
        )
    if output.exists() and not _is_folder(output):
        raise UsageError(f"{output}: is a file, expected a folder for the scored files.")
    if any(source == STDIN for source, _ in found.values()):
        raise UsageError("standard input has to be scored alone.")
    files = [
        Job(source, output / _renamed(relative, output_format))
        for source, relative in found.values()
    ]
    _check_names(files)
    return Jobs(files, output, ignored)


def _single(source: Path, name: Path, output: Path | None, output_format: str | None) -> Job:
    if output is not None and _is_folder(output):
        return Job(source, output / _renamed(Path(name.name), output_format))
    default = default_output(source)
    named = default if source == STDIN else _renamed(default, output_format)
    return Job(source, named if output is None else output)


def _files_of(name: str, output: Path | None) -> tuple[list[tuple[Path, Path]], int]:
    """Give the files of a name, a folder or a pattern; count what is none in the folder.

    Each comes with a name for its output: where it stands below the folder, or below the part of
    the pattern that is none.
    """
    path = Path(name)
    if path == STDIN:
        return [(path, path)], 0
    if _is_folder(path):
        return _files_in(path, output)
    if not glob.has_magic(name) or path.exists():
        return [(path, Path(path.name))], 0
    matches = (Path(match) for match in sorted(glob.glob(name, recursive=True)))  # noqa: PTH207
    files = [match for match in matches if match.is_file()]
    if not files:
        raise InputError(f"{name}: no file matches this pattern")
    plain = list(itertools.takewhile(lambda part: not glob.has_magic(part), path.parts[:-1]))
    return [(file, file.relative_to(Path(*plain))) for file in files], 0


def _is_new_folder(name: str, output: Path | None) -> bool:
    """Whether a pattern's output can only be a folder that is still to be made."""
    is_pattern = glob.has_magic(name) and not Path(name).exists()
    return is_pattern and output not in (None, STDIN) and not Path(str(output)).suffix


def _files_in(folder: Path, output: Path | None) -> tuple[list[tuple[Path, Path]], int]:
    """Find files of reviews, without hidden ones; count the others.

    What earlier runs have written is left out: the folder of the outputs, and rejects.
    """
    inside = sorted(path for path in folder.rglob("*") if path.is_file())
    if output is not None and output.resolve() != folder.resolve():
        inside = [path for path in inside if not path.resolve().is_relative_to(output.resolve())]
    inside = [path for path in inside if not path.name.endswith(REJECTED_ENDING)]
    names = [(path, path.relative_to(folder)) for path in inside]
    shown = [(p, name) for p, name in names if not any(part[0] in "._" for part in name.parts)]
    found = [(path, name) for path, name in shown if _ending(path).lower() in ENDINGS]
    if not found:
        raise InputError(
            f"{folder}: a folder without a file of reviews; they end in {', '.join(ENDINGS)}"
        )
    return found, len(shown) - len(found)


def _ending(path: Path) -> str:
    return Path(path.stem).suffix if packing_of(path) else path.suffix


def _renamed(path: Path, output_format: str | None) -> Path:
    """Give a name the ending of a format, where it has another one."""
    if output_format is None or ENDINGS.get(_ending(path).lower()) == output_format:
        return path
    endings = _ending(path) + (path.suffix if packing_of(path) else "")
    packing = path.suffix if packing_of(path) and output_format != "parquet" else ""
    return path.parent / f"{path.name.removesuffix(endings)}.{output_format}{packing}"


def _check_names(files: Sequence[Job]) -> None:
    sources: dict[Path, Path] = {}
    for job in files:
        other = sources.setdefault(job.output, job.source)
        if other != job.source:
            raise UsageError(
                f"{other} and {job.source} would both become {job.output}. Score them apart."
            )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long
        return False

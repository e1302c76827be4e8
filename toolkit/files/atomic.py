"""Outputs that appear complete or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files.checks import check_output, check_output_file, reporting_failures
from toolkit.files.looking import resolved
from toolkit.files.placing import (
    PARTIAL,
    flush_to_disk,
    make_partial_file,
    place_file,
    prefix_of,
    umask,
)
from toolkit.files.work_folder import work_folder
from toolkit.signals import held_back
from toolkit.stores.store_path import StorePath

_unfinished: set[Path] = set()


@contextmanager
def atomic_files(*paths: Path, force: bool = False) -> Iterator[tuple[Path, ...]]:
    """Give a temporary file for each path, and rename it to the path when the block succeeds.

    The temporary files are beside their paths, under hidden names, so that each rename stays within
    one file system. An interruption comes before all renames or after them. If the block raises
    (Ctrl-C included), the temporary files are removed, and the paths stay as they were. Those for
    objects in a store are in the work folder, and are uploaded before the others are renamed.
    """
    for path in paths:
        check_output_file(path, force=force)
    partials: list[Path] = []
    try:
        with reporting_failures(*paths):
            partials.extend(_made(path) for path in paths)
            yield tuple(partials)
            for partial in partials:
                partial.chmod(0o666 & ~umask())
                flush_to_disk(partial)
            made = [*zip(partials, paths, strict=True)]
            for partial, path in made:
                if isinstance(path, StorePath):
                    place_file(partial, path, force=force)
            with held_back():
                for partial, path in made:
                    if not isinstance(path, StorePath):  # a file may have come in the meantime
                        place_file(partial, resolved(path), force=force)
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)
            _unfinished.discard(partial)


@contextmanager
def atomic_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give one temporary file, as `atomic_files` does."""
    with atomic_files(path, force=force) as (partial,):
        yield partial


@contextmanager
def atomic_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary folder, and rename it to ``path`` when the block succeeds.

    With ``force``, an existing folder is replaced only when the new one is complete.
    """
    if isinstance(path, StorePath):
        raise UsageError(f"{path}: this output is a folder, which has to be on this machine")
    check_output(path, force=force)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: is a file, expected a folder. Choose another with --output.")
    target = resolved(path)
    with reporting_failures(path):
        partial = Path(tempfile.mkdtemp(PARTIAL, prefix_of(target), target.parent))
    _unfinished.add(partial)
    try:
        with reporting_failures(path):
            yield partial
            partial.chmod(0o777 & ~umask())
            with held_back():
                _replace_folder(target, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _unfinished.discard(partial)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that is removed at the end, also if the process is interrupted."""
    folder = Path(tempfile.mkdtemp())
    _unfinished.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _unfinished.discard(folder)


def remove_unfinished() -> None:
    """Remove the temporary files and folders, for a process that ends without cleaning up."""
    for partial in _unfinished:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _replace_folder(target: Path, partial: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    replaced = partial.with_suffix(".replaced")
    target.rename(replaced)
    try:
        partial.rename(target)
    except BaseException:
        replaced.rename(target)
        raise
    shutil.rmtree(replaced)


def _made(path: Path) -> Path:
    """Make the temporary file for a path."""
    is_object = isinstance(path, StorePath)
    partial = make_partial_file(work_folder() / path.name if is_object else resolved(path))
    _unfinished.add(partial)
    return partial

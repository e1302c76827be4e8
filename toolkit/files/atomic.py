"""Outputs that appear complete or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files.checks import check_output, check_output_file, reporting_failures
from toolkit.files.looking import resolved
from toolkit.files.placing import make_ready, place, umask, unfinished_file, unfinished_folder
from toolkit.files.work_folder import work_folder
from toolkit.signals import held_back
from toolkit.stores.store_path import StorePath, is_in_store


@contextmanager
def atomic_files(*paths: Path, force: bool = False) -> Iterator[tuple[Path, ...]]:
    """Give a temporary file for each path, and place them when the block succeeds.

    The temporary files are beside their paths, under hidden names, so that each rename stays within
    one file system. An interruption comes before all renames or after them. If the block raises
    (Ctrl-C included), the temporary files are removed, and the paths stay as they were. Those for
    objects in a store are in the work folder, and are uploaded before the others are renamed.
    """
    for path in paths:
        check_output_file(path, force=force)
    with reporting_failures(*paths), ExitStack() as files:
        partials = tuple(
            files.enter_context(
                unfinished_file(resolved(path), work_folder() if is_in_store(path) else None)
            )
            for path in paths
        )
        yield partials
        for partial in partials:
            make_ready(partial)
        made = [*zip(partials, paths, strict=True)]
        for partial, path in made:
            if is_in_store(path):
                place(partial, path, force=force)
        with held_back():
            for partial, path in made:
                if not is_in_store(path):  # a file may have come in the meantime
                    place(partial, path, force=force)


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
    with reporting_failures(path), unfinished_folder(target) as partial:
        yield partial
        partial.chmod(0o777 & ~umask())
        with held_back():
            _replace_folder(target, partial)


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

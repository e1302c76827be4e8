"""A folder for a model repository of the Hugging Face Hub: model, what belongs to it, and its card.

The folder may be a clone of the repository: files that it has besides are not touched.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.export.export_run import ExportResult, export
from toolkit.export.hub.card import ATTRIBUTES, CARD, FILES, GOLDEN, MODEL, TWIN, WORDS, hub_card
from toolkit.files import (
    atomic_files,
    check_output_file,
    is_a_file,
    is_a_folder,
    is_in_store,
    is_link_or_there,
    path_of,
    reporting_failures,
    unfinished_folder,
)
from toolkit.files.checksums import CHECKSUMS, write_checksums
from toolkit.model.facts.release_facts import Release
from toolkit.model.file import ModelFile
from toolkit.model.run_folder import RunFolder

# Large files are in Git LFS, and git changes no line ends, which the checksums are of.
_ATTRIBUTES = """\
*.onnx filter=lfs diff=lfs merge=lfs -text
*.jsonl -text
*.txt -text
SHA256SUMS -text
"""
_OPTION = "--hub"


def export_to_hub(
    run: str | Path, folder: str | Path, *, force: bool = False, **options: Any
) -> ExportResult:
    """Export the model of a run folder into a folder for the Hugging Face Hub.

    Parameters
    ----------
    run : str | Path
        Run folder of `toolkit train`.
    folder : str | Path
        The folder to write; it is made if it does not exist.
    force : bool
        Replace files that the folder has already; others stay, and so do the lines of
        ``.gitattributes``.
    **options : Any
        As of `toolkit.export.export`: threshold, optimize, quantization and release. By default,
        the model is named after the folder.

    Returns
    -------
    ExportResult
        The written files, the proof of parity, and what the user should know besides.

    Raises
    ------
    ModelError
        If the run folder is incomplete or damaged.
    ParityError
        If Keras and ONNX disagree; nothing is written then.
    QuantizationError
        If quantization loses too much accuracy; nothing is written then, either.
    UsageError
        If a file exists (without ``force``) or cannot be written, or an option is wrong.
    """
    target = path_of(folder)
    check_folder(target, force=force)
    release = (options.pop("release", None) or Release()).named(target.absolute().name)
    with filled_folder(target, FILES, force=force) as made:
        result = export(run, made / MODEL, golden=True, release=release, **options)
        write_around(made)
    notes = list(result.notes)
    if release.licence is None:
        notes.append(
            "The card states no licence of the weights, and the Hub asks for one: name it in a "
            "file for --release."
        )
    return replace(
        result,
        model=target / MODEL,
        twin=target / TWIN,
        vocabulary=target / WORDS,
        golden=target / GOLDEN,
        others=[target / name for name in (CHECKSUMS, CARD, ATTRIBUTES)],
        notes=notes,
    )


def check_folder(folder: Path, *, force: bool) -> None:
    """Raise `UsageError` if files cannot be written into the folder, or exist (without force)."""
    if is_in_store(folder):
        raise UsageError(f"{_OPTION} {folder}: this folder has to be on this machine.")
    if is_a_file(config := RunFolder(folder).config):
        raise UsageError(
            f"{_OPTION} {folder}: has a {config.name}. Choose another folder: a run "
            "folder holds reviews, and such a file says to the Hub that another library loads the "
            "model."
        )
    if is_a_folder(folder):
        for name in FILES:
            check_output_file(folder / name, force=force, option=_OPTION)
    elif is_link_or_there(folder):
        raise UsageError(f"{_OPTION} {folder}: is a file, expected a folder. Choose another.")
    else:
        check_output_file(folder, force=force, option=_OPTION)  # whether it can be made


def write_around(folder: Path, more: str = "") -> None:
    """Write card, attributes and checksums for the model files of a folder."""
    facts = ModelFile.load(folder / MODEL).facts
    card = hub_card(facts, more)
    # Names of data files may hold bytes that are not UTF-8.
    (folder / CARD).write_text(card, encoding="utf-8", errors="replace", newline="\n")
    (folder / ATTRIBUTES).write_text(_ATTRIBUTES, encoding="utf-8", newline="\n")
    write_checksums(folder, [folder / name for name in (MODEL, TWIN, WORDS, GOLDEN)])


def _keep_attributes(existing: Path, made: Path) -> None:
    """Put the lines that a clone has before the new ones: they say what else is in Git LFS."""
    if not existing.is_file():
        return
    lines = made.read_bytes().splitlines()
    with reporting_failures(existing):
        kept = [line for line in existing.read_bytes().splitlines() if line not in lines]
    made.write_bytes(b"".join(line + b"\n" for line in (*kept, *lines)))


@contextmanager
def filled_folder(folder: Path, names: Sequence[str], *, force: bool) -> Iterator[Path]:
    """Give a folder to make files in; at the end, put all of them into this one, or none."""
    with unfinished_folder() as made:
        yield made
        _keep_attributes(folder / ATTRIBUTES, made / ATTRIBUTES)
        is_new = not is_a_folder(folder)
        with reporting_failures(folder):
            folder.mkdir(exist_ok=True)
        try:
            with atomic_files(*(folder / name for name in names), force=force) as partials:
                for name, partial in zip(names, partials, strict=True):
                    shutil.copyfile(made / name, partial)
        except BaseException:
            if is_new:
                with suppress(OSError):  # something else is in it by now
                    folder.rmdir()
            raise

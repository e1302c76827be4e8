"""Review files, read and written record by record without touching what they hold.

A format splits a file into blocks of whole records, gives the texts of a block as an Arrow array,
and puts the two added fields behind each record. In an output of the same format, what a record
holds is never parsed and printed again, so every input column stays as it is, byte for byte.
"""

from __future__ import annotations

import os
from pathlib import Path

from toolkit.errors import InputError, UsageError
from toolkit.records.byte_streams import PACKINGS, packing_of
from toolkit.records.csv import DelimitedFile, TabSeparatedFile
from toolkit.records.json_lines import JsonLinesFile
from toolkit.records.parquet import ParquetFile
from toolkit.records.review_file import STDIN, ReadOptions, ReviewFile

# To add a format, write a subclass of ReviewFile in a file of its own, add an entry here and one
# for each ending of its files, and say in toolkit/records/output.py how it holds other files.
FORMATS: dict[str, type[ReviewFile]] = {
    "csv": DelimitedFile,
    "tsv": TabSeparatedFile,
    "jsonl": JsonLinesFile,
    "parquet": ParquetFile,
}
DELIMITED = ("csv", "tsv")
ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


def format_of(path: Path, asked: str | None = None, option: str = "--format") -> str:
    """Tell the format of a file: the one asked for, or the one of its name.

    Parameters
    ----------
    path : Path
        The file.
    asked : str | None
        One of `FORMATS`.
    option : str
        What the user can ask with, for the message.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    UsageError
        If no format belongs to the name, or it cannot be packed as the name says.
    """
    if asked is not None and asked not in FORMATS:
        raise UsageError(f"no format {asked!r}; there are {', '.join(FORMATS)}")
    if asked is None and path == STDIN:
        raise UsageError(
            f"standard input has no name to tell its format. Say it with --format: "
            f"{', '.join(FORMATS)}"
        )
    packing = packing_of(path)
    ending = Path(path.stem).suffix if packing else path.suffix
    found = asked or ENDINGS.get(ending.lower())
    if found is None:
        raise UsageError(
            f"{path}: no known format {ending!r}; files can end in {', '.join(ENDINGS)} "
            f"(and then {' or '.join(PACKINGS)}), or say it with {option}"
        )
    if found == "parquet" and packing:
        raise UsageError(
            f"{path}: a Parquet file is packed inside, and not by the ending {path.suffix}"
        )
    return found


def open_reviews(path: Path, options: ReadOptions) -> ReviewFile:
    """Open a file of reviews.

    Parameters
    ----------
    path : Path
        The file, `STDIN` for standard input.
    options : ReadOptions
        How to read it.

    Returns
    -------
    ReviewFile
        Opened, with its header read.

    Raises
    ------
    UsageError
        If no format belongs to the name, there is no such text column, an added name is taken, or
        an option is not for the format.
    InputError
        If there is no such file, it is empty, or cannot be read.
    """
    if path != STDIN and os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises if too long)
        raise InputError(f"{path}: a folder, expected a file of reviews")
    name = format_of(path, options.format)
    if not options.header and name not in DELIMITED:
        raise UsageError(f"{path}: only delimited files can have no header, not {name}")
    if options.encoding is not None and name == "parquet":
        raise UsageError(f"{path}: the strings of a Parquet file are UTF-8, without --encoding")
    return FORMATS[name](path, options)

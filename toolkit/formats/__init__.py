"""Review files, read and written record by record without touching what they hold.

A format splits a file into blocks of whole records, gives each record's bytes and its text as an
Arrow record batch, and puts the two added fields behind the bytes of the record. What a record
holds is never parsed and printed again, so every input column stays as it is, byte for byte.
"""

from __future__ import annotations

import os
from pathlib import Path

from toolkit.errors import InputError, UsageError
from toolkit.formats.base import RecordFile
from toolkit.formats.columns import Columns
from toolkit.formats.delimited import DelimitedFile
from toolkit.formats.json_lines import JsonLinesFile

# To add a format, write a subclass of RecordFile in a file of its own and add an entry for each
# ending of its files.
FORMATS: dict[str, type[RecordFile]] = {
    ".csv": DelimitedFile,
    ".jsonl": JsonLinesFile,
    ".ndjson": JsonLinesFile,
}


def open_reviews(path: Path, columns: Columns) -> RecordFile:
    """Open a file of reviews in the format that its name tells.

    Parameters
    ----------
    path : Path
        The file.
    columns : Columns
        Which column holds the text, and what the added ones are called.

    Returns
    -------
    RecordFile
        Opened, with its header read.

    Raises
    ------
    UsageError
        If no format belongs to the name, there is no such text column, or an added name is taken.
    InputError
        If there is no such file, it is empty, or cannot be read.
    """
    if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises if the name is too long)
        raise InputError(f"{path}: a folder, expected a file of reviews")
    opener = FORMATS.get(path.suffix.lower())
    if opener is None:
        raise UsageError(
            f"{path}: no known format {path.suffix!r}; files can end in {', '.join(FORMATS)}"
        )
    return opener(path, columns)

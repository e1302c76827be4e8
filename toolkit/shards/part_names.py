"""What the files of an output that stays in parts are called."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from toolkit.records.text_files.compression import compression_ending, format_ending
from toolkit.scoring.inputs.output_names import REJECTED_ENDING

SUCCESS = "_SUCCESS"  # as clusters call the file that says that an output is complete
REJECTED = f"_all{REJECTED_ENDING}"  # of outputs in parts
_PART = re.compile(r"part-\d{5,}\.[^/]+", re.ASCII)


def part_name(number: int, output: Path) -> str:
    """Name an output that stays in parts: ``part-00003.csv.gz``."""
    return f"part-{number:05}{format_ending(output)}{compression_ending(output)}"


def parts_in(folder: Path) -> list[Path]:
    """Find outputs in parts that are in a folder already."""
    with suppress(OSError):
        return sorted(each for each in folder.iterdir() if _PART.fullmatch(each.name))
    return []

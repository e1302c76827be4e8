"""Files that end in .json: an array of objects, objects over several lines, or JSON Lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from toolkit.records.columns import Column
from toolkit.records.json.json_elements_file import JsonElementsFile
from toolkit.records.json.json_lines import JsonLinesFile, Objects
from toolkit.records.json.json_start import has_elements
from toolkit.records.json.json_writing import with_commas
from toolkit.records.read_options import ReadOptions
from toolkit.records.record_blocks import Cut, Output
from toolkit.records.review_file import ReviewFile


class JsonFile(JsonLinesFile):
    """A file that ends in .json: JSON Lines, unless `opened` finds elements in it.

    Outputs from other formats are arrays.
    """

    _has_elements = False

    @classmethod
    def opened(
        cls, path: Path, options: ReadOptions, columns: Sequence[Column] | None = None
    ) -> ReviewFile:
        """Open a file, as what its first bytes show."""
        file = cls(path, options, columns)
        if not file._has_elements:
            return file
        return JsonElementsFile(path, options, columns, stream=file._stream)

    def _read_header(self) -> bytes:
        self._has_elements = has_elements(self.name, self._peek, self.wanted)
        return b"" if self._has_elements else super()._read_header()

    def cuts(self, offsets: Sequence[int]) -> list[Cut]:  # noqa: ARG002
        """Find no cuts, as in other files that end in .json."""
        return []

    @classmethod
    def output_of_objects(cls, scored: Objects) -> Output:
        """Write an array with each object on lines of its own."""

        def render(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.Buffer:
            objects = scored(records, scores)
            return with_commas(pa.repeat("\n", len(objects)), objects)

        return Output(render, b"[", lambda: b"\n]\n", separator=b",")

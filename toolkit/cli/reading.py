"""The options that say how files are read, which every command with such files has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from toolkit.cli.option_groups import with_options
from toolkit.cli.options import FORMAT_NAMES, READING, option
from toolkit.records.columns import Columns
from toolkit.records.read_options import LabelNames, ReadOptions

_FORMAT = f"Format of the input: {FORMAT_NAMES}."
_DELIMITER = r"Character between two fields of a CSV file; \t is a tab."
_QUOTE = (
    "Character around fields of a CSV file, or none: then each line is a record, and a quote is a "
    "character like others."
)
_ESCAPE = (
    "Character of a CSV file that makes the next one a character like others, such as the "
    "backslash in Spark and MySQL exports. After it, n is a line end and t a tab."
)
_SKIP_LINES = (
    "Lines of a CSV file before the header, such as a title, which stay as they are. A first line "
    "such as sep=; is known without this."
)
_ENCODING = "Encoding of the input, such as latin-1 or utf-16. Output is always UTF-8."
_NO_HEADER = "The CSV file has no header line."
_SHEET = "Sheet of an Excel workbook, if it has several."


@dataclass(frozen=True)
class Reading:
    """The values of these options. Each field is an option, in the order of the help."""

    input_format: Annotated[
        str | None, option("FORMAT", _FORMAT, READING, "by the file name", ("--format",))
    ] = None
    delimiter: Annotated[str | None, option("CHAR", _DELIMITER, READING, "comma")] = None
    quote: Annotated[str, option("CHAR|none", _QUOTE, READING, True)] = '"'
    escape: Annotated[str | None, option("CHAR", _ESCAPE, READING, "none")] = None
    skip_lines: Annotated[int, option("N", _SKIP_LINES, READING, True, min=0)] = 0
    encoding: Annotated[str | None, option("NAME", _ENCODING, READING, "utf-8")] = None
    no_header: Annotated[bool, option(None, _NO_HEADER, READING, names=("--no-header",))] = False
    sheet: Annotated[str | None, option("NAME", _SHEET, READING, names=("--sheet",))] = None

    def options(self, columns: Columns, labels: LabelNames | None = None) -> ReadOptions:
        r"""Put all that is said of reading together; a shell passes ``\t`` as two characters."""
        return ReadOptions(
            columns,
            format=self.input_format,
            delimiter="\t" if self.delimiter == r"\t" else self.delimiter,
            quote=None if self.quote == "none" else self.quote,
            escape=self.escape,
            skip_lines=self.skip_lines,
            encoding=self.encoding,
            sheet=self.sheet,
            labels=labels or LabelNames(),
            header=not self.no_header,
        )


AS_USUAL = Reading()


# Gives a command the options of `Reading` at the place of its parameter ``reading``.
with_reading = with_options("reading", Reading)

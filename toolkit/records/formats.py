"""The one registry of formats: their names, endings and files of code.

To add a format, write a subclass of `ReviewFile` in a file of its own and add an entry to
`FORMATS`; a format whose records are lines of delimited fields needs the entry alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import InputError, UsageError
from toolkit.files import is_a_file, is_a_folder, is_there
from toolkit.records.archives import (
    COMPRESSIONS,
    compression_of,
    file_of,
    format_ending,
    inside_archive,
    is_archive,
    only_member,
)
from toolkit.records.kinds import TAR, check_kind, first_bytes, kind_of
from toolkit.records.options import STDIN, ReadOptions, is_stream
from toolkit.stores.paths import is_in_store

if TYPE_CHECKING:
    from toolkit.records.columns import Column
    from toolkit.records.review_file import Output, ReviewFile


@dataclass(frozen=True)
class Format:
    """A format of review files."""

    name: str
    endings: tuple[str, ...]  # of its files; outputs get the first
    load: Callable[[], type[ReviewFile]]  # imports what reads and writes it, when it is needed
    delimiter: str | None = None  # between fields; None where records have no delimiters
    # Whether files can be streamed, compressed as a whole, and be in any encoding. Others compress
    # what they hold by themselves, such as Parquet.
    is_text: bool = True
    what: str = "a file"  # as in "a Parquet file cannot be read as a stream", if it is not text
    can_write: bool = True  # otherwise outputs are CSV, unless another format is named

    @property
    def written(self) -> Format:
        """The format of an output for which no other one is named."""
        return self if self.can_write else FORMATS["csv"]


def _csv() -> type[ReviewFile]:
    from toolkit.records.csv import DelimitedFile

    return DelimitedFile


def _json_lines() -> type[ReviewFile]:
    from toolkit.records.json_lines import JsonLinesFile

    return JsonLinesFile


def _json() -> type[ReviewFile]:
    from toolkit.records.json_array import JsonFile

    return JsonFile


def _excel() -> type[ReviewFile]:
    from toolkit.records.excel import ExcelFile

    return ExcelFile


def _parquet() -> type[ReviewFile]:
    from toolkit.records.parquet import ParquetFile

    return ParquetFile


def _arrow() -> type[ReviewFile]:
    from toolkit.records.arrow import ArrowFile

    return ArrowFile


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("csv", (".csv",), _csv, delimiter=","),
        Format("tsv", (".tsv",), _csv, delimiter="\t"),
        Format("jsonl", (".jsonl", ".ndjson"), _json_lines),
        Format("json", (".json",), _json),
        Format("parquet", (".parquet",), _parquet, is_text=False, what="a Parquet file"),
        Format("arrow", (".arrow", ".feather"), _arrow, is_text=False, what="an Arrow file"),
        Format(
            "xlsx",
            (".xlsx", ".xlsm"),
            _excel,
            is_text=False,
            what="an Excel workbook",
            can_write=False,
        ),
    )
}


def endings() -> dict[str, Format]:
    """Each ending of a file name, and its format."""
    return {ending: each for each in FORMATS.values() for ending in each.endings}


def format_called(name: str) -> Format:
    """Give the format with a name; raises `UsageError` if there is none."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(path: Path, asked: str | None = None, option: str = "--format") -> Format:
    """Tell the format of a file: the one asked for, or the one of its name.

    Raises `UsageError`, which names the option, if there is none or it cannot be compressed, and
    `InputError` for an input that is not there, such as an archive.
    """
    is_nameless = path == STDIN or (option == "--format" and is_stream(path) and not path.suffix)
    if asked is None and is_nameless:
        name = "standard input" if path == STDIN else f"{path}: a pipe"
        raise UsageError(
            f"{name} has no name to tell its format. Name the format with --format: "
            f"{', '.join(FORMATS)}"
        )
    if asked is None and is_archive(path):
        path = only_member(path, endings())
    ending = format_ending(path)
    found = endings().get(ending.lower()) if asked is None else format_called(asked)
    if found is None:
        if option == "--format" and not (is_in_store(path) or is_there(file_of(path))):
            raise InputError(f"{path}: no such file")
        raise UsageError(f"{path}: unknown ending {ending!r}{_remedy_of_ending(path, option)}")
    if option != "--format" and not found.can_write:
        more = ", or name that with --output-format" if option == "--output-format" else "."
        raise UsageError(
            f"{path}: {found.name} can be read, but not written. Name an output of another format "
            f"with --output, such as one that ends in .csv{more}"
        )
    if compression_of(path) and not found.is_text:
        raise UsageError(
            f"{path}: files of the format {found.name} are compressed internally. Remove "
            f"{path.suffix} from the name"
        )
    return found


def open_reviews(
    path: Path, options: ReadOptions, columns: tuple[Column, ...] | None = None
) -> ReviewFile:
    """Open a file of reviews, `STDIN` for standard input, and read its header.

    ``columns`` are those of a table; None is for scoring. Raises `UsageError` for a column or an
    option that does not fit the file, and `InputError` if it is empty or cannot be read.
    """
    if not is_in_store(path):
        _check_not_a_folder(path)
        return _opened(path, options, columns)
    try:
        return _opened(path, options, columns)
    except (InputError, UsageError):  # to look before would take a request
        _check_not_a_folder(path)
        raise


def _check_not_a_folder(path: Path) -> None:
    if path != STDIN and is_a_folder(path):
        raise InputError(f"{path}: a folder, expected a file of reviews")


def _opened(path: Path, options: ReadOptions, columns: tuple[Column, ...] | None) -> ReviewFile:
    if is_archive(path):
        path = only_member(path, endings())
    own = format_of(path, options.format)
    _check_options(path, options, own)
    reading = options
    if own.delimiter is not None:
        reading = replace(options, usual_delimiter=own.delimiter)
    return own.load().opened(path, reading, columns)


def _check_is_file(path: Path, own: Format) -> None:
    """Raise an error if a file that is read here and there is a stream, or of another format."""
    if path != STDIN and inside_archive(path) is not None:
        raise UsageError(f"{path}: {own.what} is not read inside an archive. Unpack it first")
    if is_stream(path):
        name = "standard input" if path == STDIN else path
        raise UsageError(f"{name}: {own.what} cannot be read as a stream. Save it to a file first.")
    data = first_bytes(path)
    kind = kind_of(data)
    if kind is not None and kind.compression is not None:
        raise InputError(f"{path}: is {kind.what}, and not {own.what}. Rename it")
    check_kind(path, data, read_as=(own.name,), compression=None, is_named=False)


_TAR_ENDINGS = (".tar", ".tgz", ".tbz2", ".txz", ".tzst")


def _remedy_of_ending(path: Path, option: str) -> str:
    """Say what to do with a file of an unknown ending; of an input, also what it is."""
    is_input = option == "--format"
    is_file = is_input and is_a_file(path)
    is_tar = format_ending(path).lower() in _TAR_ENDINGS
    if is_file and (kind := TAR if is_tar else kind_of(first_bytes(path))) is not None:
        return f", but this is {kind.what}. {kind.remedy}"
    known = [each for each, form in endings().items() if is_input or form.can_write]
    folder = " For a folder, end it with /." if option == "--output-format" else ""
    named = "" if option == "--output" else f", or name the format with {option}"
    return f". Use {', '.join(known)} (and then {', '.join(COMPRESSIONS)}){named}.{folder}"


def _check_options(path: Path, options: ReadOptions, own: Format) -> None:
    """Raise `UsageError` for an option that is for files of another format."""
    if options.is_delimited and own.delimiter is None:
        if not options.header:
            raise UsageError(f"{path}: only delimited files can have no header, not {own.name}")
        raise UsageError(
            f"{path}: --quote, --escape and --skip-lines are for delimited files, not for "
            f"{own.name}"
        )
    if not own.is_text:
        _check_is_file(path, own)
    if options.sheet is not None and own.name != "xlsx":
        raise UsageError(f"{path}: --sheet is for Excel workbooks, not for {own.name}")
    if options.encoding is not None and not own.is_text:
        raise UsageError(f"{path}: --encoding is for files of text, not for {own.name}")


def beside(path: Path, options: ReadOptions, *, encoding: str | None = None) -> ReadOptions:
    """Say how a file that belongs to another one is read, such as its scores.

    Its name tells its format, or else the options do; `toolkit score` writes UTF-8.
    """
    is_known = format_ending(path).lower() in endings()
    name = None if is_known else options.format
    own = format_of(path, name)
    if own.delimiter is None:
        options = replace(options, quote='"', escape=None, skip_lines=0)
    return replace(
        options,
        format=name,
        delimiter=options.delimiter if own.delimiter else None,
        encoding=encoding if own.is_text else None,
        header=options.header or own.delimiter is None,
    )


def output_of(reviews: ReviewFile, own: Format, target: Format, delimiter: str | None) -> Output:
    """Choose how the scored records of a file are written; `UsageError` if that cannot be.

    The delimiter is the one that was asked for: of the input, or else of the output.
    """
    if own == target:
        return reviews.output()
    mark = delimiter if own.delimiter is None else None  # else it is the one of the input
    return reviews.output_in(target.load(), mark or target.delimiter)

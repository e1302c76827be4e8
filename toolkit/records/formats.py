"""The one registry of formats: their names, endings and files of code.

To add a format, write a subclass of `ReviewFile` in a file of its own and add an entry to
`FORMATS`; a format whose records are lines of delimited fields needs the entry alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import InputError, UsageError
from toolkit.files import is_a_file, is_a_folder
from toolkit.records.archives import COMPRESSIONS, compression_of, format_ending
from toolkit.records.inputs import Input, PathKind
from toolkit.records.kinds import TAR, check_kind, first_bytes, kind_of
from toolkit.records.options import ReadOptions

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
    """Return the format with a name; raise `UsageError` for an unknown format."""
    if name not in FORMATS:
        raise UsageError(f"unknown format {name!r}. Choose from: {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(source: Path | Input, asked: str | None = None) -> Format:
    """Return the format of an input: the format asked for, or the format of its name.

    Raises `UsageError` for an unknown format or a compressed file of a format that does not allow
    it, and `InputError` if the input does not exist.
    """
    source = Input.of(source)
    is_nameless = source.is_stdin or (source.is_stream and not source.path.suffix)
    if asked is None and is_nameless:
        name = source.name if source.is_stdin else f"{source}"
        raise UsageError(
            f"{name}: its format is unknown. Name it with --format: {', '.join(FORMATS)}"
        )
    if asked is None and source.is_archive:
        source = source.only_member(endings())
    found = _format_of_name(source.path, asked)
    if found is None:
        if source.kind is PathKind.MISSING:
            raise InputError(f"{source}: no such file")
        raise _unknown_ending(source.path, _remedy_of_input(source))
    _check_compression(source.path, found)
    return found


def output_format_of(path: Path, asked: str | None = None, option: str = "--output") -> Format:
    """Return the format of an output: the format asked for, or the format of its name.

    Raises `UsageError`, which names the option, if the format is unknown, cannot be written, or
    cannot be compressed.
    """
    found = _format_of_name(path, asked)
    if found is None:
        named = "" if option == "--output" else f", or name the format with {option}"
        folder = " For a folder, end it with /." if option == "--output-format" else ""
        known = [each for each, form in endings().items() if form.can_write]
        raise _unknown_ending(path, _remedy_of_name(known, f"{named}.{folder}"))
    if not found.can_write:
        more = ", or name that with --output-format" if option == "--output-format" else "."
        raise UsageError(
            f"{path}: {found.name} can be read, but not written. Name an output of another format "
            f"with --output, such as one that ends in .csv{more}"
        )
    _check_compression(path, found)
    return found


def _format_of_name(path: Path, asked: str | None) -> Format | None:
    return endings().get(format_ending(path).lower()) if asked is None else format_called(asked)


def _check_compression(path: Path, found: Format) -> None:
    """Raise `UsageError` for a compressed file of a format that compresses internally."""
    if compression_of(path) and not found.is_text:
        raise UsageError(
            f"{path}: files of the format {found.name} are compressed internally. Remove "
            f"{path.suffix} from the name"
        )


def open_reviews(
    source: Path | Input, options: ReadOptions, columns: tuple[Column, ...] | None = None
) -> ReviewFile:
    """Open a file of reviews, `STDIN` for standard input, and read its header.

    ``columns`` are the columns to read; None reads what scoring needs. Raises `UsageError` for a
    column or an option that does not fit the file, and `InputError` if it is empty or unreadable.
    """
    source = Input.of(source)
    if source.kind is PathKind.FOLDER:
        raise _is_a_folder(source)
    try:
        return _opened(source, options, columns)
    except (InputError, UsageError):
        # To look before opening would cost a request for each object.
        if source.is_in_store and is_a_folder(source.path):
            raise _is_a_folder(source) from None
        raise


def _is_a_folder(source: Input) -> InputError:
    return InputError(f"{source}: a folder, expected a file of reviews")


def _opened(source: Input, options: ReadOptions, columns: tuple[Column, ...] | None) -> ReviewFile:
    if source.is_archive:
        source = source.only_member(endings())
    own = format_of(source, options.format)
    _check_options(source, options, own)
    reading = options
    if own.delimiter is not None:
        reading = replace(options, usual_delimiter=own.delimiter)
    return own.load().opened(source, reading, columns)


def _check_is_file(source: Input, own: Format) -> None:
    """Raise an error if an input that has to be a plain file of a format is something else."""
    if source.archive is not None:
        raise UsageError(f"{source}: {own.what} cannot be read inside an archive. Unpack it first")
    if source.is_stream:
        raise UsageError(
            f"{source.name}: {own.what} cannot be read as a stream. Save it to a file first."
        )
    data = first_bytes(source.path)
    kind = kind_of(data)
    if kind is not None and kind.compression is not None:
        raise InputError(f"{source}: is {kind.what}, and not {own.what}. Rename it")
    check_kind(source, data, read_as=(own.name,), compression=None, is_named=False)


_TAR_ENDINGS = (".tar", ".tgz", ".tbz2", ".txz", ".tzst")


def _unknown_ending(path: Path, remedy: str) -> UsageError:
    return UsageError(f"{path}: unknown ending {format_ending(path)!r}{remedy}")


def _remedy_of_input(source: Input) -> str:
    """Return what to do with an input of an unknown ending, by what it holds."""
    path = source.path
    is_tar = format_ending(path).lower() in _TAR_ENDINGS
    if is_a_file(path) and (kind := TAR if is_tar else kind_of(first_bytes(path))) is not None:
        return f", but this is {kind.what}. {kind.remedy}"
    return _remedy_of_name([*endings()], ", or name the format with --format.")


def _remedy_of_name(known: Sequence[str], more: str) -> str:
    return f". Use {', '.join(known)} (and then {', '.join(COMPRESSIONS)}){more}"


def _check_options(source: Input, options: ReadOptions, own: Format) -> None:
    """Raise `UsageError` for an option that is for files of another format."""
    if options.is_delimited and own.delimiter is None:
        if not options.header:
            raise UsageError(f"{source}: --no-header is for delimited files, not for {own.name}")
        raise UsageError(
            f"{source}: --quote, --escape and --skip-lines are for delimited files, not for "
            f"{own.name}"
        )
    if not own.is_text:
        _check_is_file(source, own)
    if options.sheet is not None and own.name != "xlsx":
        raise UsageError(f"{source}: --sheet is for Excel workbooks, not for {own.name}")
    if options.encoding is not None and not own.is_text:
        raise UsageError(f"{source}: --encoding is for text files, not for {own.name}")


def beside(path: Path, options: ReadOptions, *, encoding: str | None = None) -> ReadOptions:
    """Return how to read a file that belongs to another file, such as its scores.

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
    """Choose how the scored records of a file are written; `UsageError` if they cannot be.

    The delimiter is the one that was asked for: of the input, or else of the output.
    """
    if own == target:
        return reviews.output()
    mark = delimiter if own.delimiter is None else None  # else it is the one of the input
    return reviews.output_in(target.load(), mark or target.delimiter)

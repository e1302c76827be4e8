"""Where labelled reviews come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from toolkit.errors import InputError, UsageError
from toolkit.files import is_a_folder, is_there, path_of
from toolkit.records.read_options import STDIN, LabelNames, ReadOptions
from toolkit.training.sources import acl_imdb, imdb, labelled_file
from toolkit.training.sources.reviews import Reviews

Part = Literal["train", "test"]

IMDB = "imdb"


def load(data: str, reading: ReadOptions, part: Part = "train") -> Reviews:
    """Read labelled reviews: `imdb`, an `aclImdb` folder, or a labelled file of any format."""
    if data == IMDB:
        return imdb.load(part)
    path = path_of(data)
    if is_a_folder(path):
        return acl_imdb.load(path, part)
    if path != STDIN and not is_there(path):
        raise InputError(
            f"{path}: no such file or folder. Give a labelled CSV, JSONL or Parquet file, "
            f"an aclImdb folder, or '{IMDB}' for the reviews that Keras downloads."
        )
    return labelled_file.load(path, reading)


def check_test_part(data: str, test_data: Path | None) -> None:
    """Raise `UsageError` if a test was asked for and no reviews are there to test on."""
    if test_data is None and _has_columns(data):
        raise UsageError(
            f"--test: {data} has no test part. Name labelled reviews to test on with --test-data."
        )


def check_columns(
    reading: ReadOptions,
    data: str,
    test_data: Path | None,
    unlabelled: Sequence[Path] = (),
    teachers: Sequence[Path] = (),
    validation_data: Path | None = None,
) -> None:
    """Raise `UsageError` if columns or ways to read are named and no file has a use for them."""
    is_file = _has_columns(data)
    others = [path for path in (test_data, validation_data) if path is not None]
    is_used = is_file or any(_has_columns(str(path)) for path in others)
    is_read = is_file or any(_has_columns(str(path)) for path in unlabelled)
    columns = reading.columns
    named = {
        "--text-column": columns.text is not None and not (is_used or is_read or teachers),
        "--label-column": columns.label is not None and not is_used,
        "--positive, --negative, --positive-from": reading.labels != LabelNames() and not is_used,
        "--group-column": columns.group is not None and not is_file,
        "--balance-column": columns.balance is not None and not is_file,
        "--topic-column": columns.topic is not None and not is_file,
        "--stars-column": columns.stars is not None and not is_used,
        "--id-column": columns.id is not None and not is_read,
        "--format": reading.format is not None and not (is_used or is_read or teachers),
        "--delimiter": reading.delimiter is not None and not (is_used or is_read or teachers),
        "--quote, --escape, --skip-lines": (reading.quote, reading.escape, reading.skip_lines)
        != ('"', None, 0)
        and not (is_used or is_read or teachers),
        "--encoding": reading.encoding is not None and not (is_used or is_read),
        "--no-header": not reading.header and not (is_used or is_read or teachers),
    }
    useless = [option for option, found in named.items() if found]
    if useless:
        source = f"'{IMDB}'" if data == IMDB else f"{data}, an aclImdb folder,"
        groups = "" if data == IMDB else " Its groups are the films, without being asked for."
        raise UsageError(
            f"{', '.join(useless)}: {source} has no columns.{groups} Leave this out, or give a "
            "labelled file."
        )


def _has_columns(data: str) -> bool:
    return data != IMDB and not is_a_folder(path_of(data))

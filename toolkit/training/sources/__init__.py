"""Where labelled reviews come from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from toolkit.errors import InputError, UsageError
from toolkit.training.columns import ColumnNames
from toolkit.training.sources import acl_imdb, imdb, labelled_file
from toolkit.training.sources.reviews import Reviews

Part = Literal["train", "test"]

IMDB = "imdb"


def load(data: str, columns: ColumnNames, part: Part = "train") -> Reviews:
    """Read labelled reviews.

    Parameters
    ----------
    data : str
        `imdb`, the path of an `aclImdb` folder, or the path of a labelled file.
    columns : ColumnNames
        Where a labelled file has its texts, labels and groups.
    part : Part
        The part to read of a source that has two.

    Returns
    -------
    Reviews
        In an order that depends on the source alone.

    Raises
    ------
    InputError
        If there is nothing at the path, or not what it should be.
    """
    if data == IMDB:
        return imdb.load(part)
    path = Path(data)
    if path.is_dir():
        return acl_imdb.load(path, part)
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder. Give a labelled CSV, JSONL or Parquet file, "
            f"an aclImdb folder, or '{IMDB}' for the reviews that Keras downloads."
        )
    return labelled_file.load(path, columns)


def check_test_part(data: str, test_data: Path | None) -> None:
    """Raise `UsageError` if a test was asked for and no reviews are there to test on."""
    if test_data is None and data != IMDB and not Path(data).is_dir():
        raise UsageError(
            f"--test: {data} has no test part. Name labelled reviews to test on with --test-data."
        )

"""Read reviews, labelled or not: from IMDB, or from files with one review per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from toolkit.classes import is_positive
from toolkit.errors import InputError, TrainingError, UsageError
from toolkit.files import is_a_folder, is_there
from toolkit.records.columns import option_of
from toolkit.records.formats import beside
from toolkit.records.labelled import Opinions, read_labelled
from toolkit.records.labels import Targets
from toolkit.records.options import STDIN, ReadOptions
from toolkit.records.table import read_table
from toolkit.stores.paths import path_of
from toolkit.training.imdb import load_acl_imdb, load_acl_imdb_unlabelled, load_imdb
from toolkit.training.options import TrainingOptions
from toolkit.training.reviews import (
    Reviews,
    UnlabelledReviews,
    domain_codes,
    group_codes,
    joined,
    known_or_nan,
)

Part = Literal["train", "test"]
IMDB = "imdb"


def load_labelled(path: Path, reading: ReadOptions) -> Reviews:
    """Read a labelled file, or standard input.

    Rows without text are left out and counted; rows with a neutral label are kept separately. A
    text without a label is an error, as the column may be wrong, unless wrong labels are skipped.
    """
    found = read_labelled(path, reading, "stars", "group", "balance")
    table = found.table
    opinions = found.opinions(skips_missing=False)
    labels = opinions.labels
    groups = table.at("group")
    domains = table.at("balance")
    # Neutral reviews have the same groups and domains, so both are numbered together.
    everything = Reviews(
        name=path.name,
        texts=table["text"],
        labels=np.zeros(table.rows, np.int8),
        groups=None if groups is None else group_codes(groups),
        domains=None if domains is None else domain_codes(domains),
        stars=_stars_of_all(opinions, table.rows),
    )
    targets = labels.targets
    return replace(
        everything.take(labels.rows),
        labels=is_positive(targets).astype(np.int8),
        without_text=found.without_text,
        without_label=len(found.rows) - len(opinions.rows),
        soft_labels=targets if np.any((targets > 0) & (targets < 1)) else None,
        neutral=everything.take(labels.neutral) if len(labels.neutral) else None,
        label_kind=labels.kind,
        label_meaning=labels.meaning,
        stars_meaning="" if opinions.stars is None else opinions.stars.meaning,
    )


def _stars_of_all(opinions: Opinions, rows: int) -> Targets | None:
    """Return the stars of all rows of a file, NaN where a row has no text, label or stars."""
    if opinions.stars is None:
        return None
    stars = np.full(rows, np.nan, np.float32)
    stars[opinions.rows] = opinions.stars.stars
    return stars


def load(data: str, reading: ReadOptions, part: Part = "train") -> Reviews:
    """Read labelled reviews: `imdb`, an `aclImdb` folder, or a labelled file of any format."""
    if data == IMDB:
        return load_imdb(part)
    path = path_of(data)
    if is_a_folder(path):
        return load_acl_imdb(path, part)
    if path != STDIN and not is_there(path):
        raise InputError(
            f"{path}: no such file or folder. Give a labelled CSV, JSONL or Parquet file, "
            f"an aclImdb folder, or '{IMDB}' for the reviews that Keras downloads."
        )
    return load_labelled(path, reading)


def check_columns(options: TrainingOptions) -> None:
    """Raise `UsageError` for options of columns or reading that no file can use.

    Also raised for --test if there are no test reviews.
    """
    data = options.data
    if options.test and options.test_data is None and has_columns(data):
        raise UsageError(
            f"--test: {data} has no test part. Name labelled reviews to test on with --test-data."
        )
    if useless := _useless_options(options):
        source = f"'{IMDB}'" if data == IMDB else f"{data}, an aclImdb folder,"
        groups = "" if data == IMDB else " It is always grouped by film."
        raise UsageError(
            f"{', '.join(useless)}: {source} has no columns.{groups} Leave this option out, or "
            "give a labelled file."
        )


def _useless_options(options: TrainingOptions) -> list[str]:
    """Return the options of columns and reading that no file of a training can use."""
    reading = options.reading
    is_file = has_columns(options.data)
    others = [path for path in (options.test_data, options.validation_data) if path is not None]
    has_labels = is_file or any(has_columns(str(path)) for path in others)
    has_reviews = has_labels or any(has_columns(str(path)) for path in options.unlabelled)
    has_rows = has_reviews or bool(options.teachers)
    usual = ReadOptions()
    columns = {"group": is_file, "balance": is_file}
    columns |= {"text": has_rows, "label": has_labels, "stars": has_labels}
    ways = {
        "--positive, --negative, --positive-from, --skip-wrong-labels": ("labels", has_labels),
        "--encoding": ("encoding", has_reviews),
        "--strip-ending": ("strip_endings", has_rows),
        "--no-header": ("header", has_rows),
        "--null, --no-null": ("null_words", has_rows),
    }
    for name in ("format", "delimiter", "quote", "escape", "skip_lines", "sheet"):
        ways[f"--{name.replace('_', '-')}"] = name, has_rows
    useless = [
        option_of(role)
        for role, has_use in columns.items()
        if not has_use and getattr(reading.columns, role) is not None
    ]
    useless += [
        option
        for option, (name, has_use) in ways.items()
        if not has_use and getattr(reading, name) != getattr(usual, name)
    ]
    return useless


def has_columns(data: str) -> bool:
    """Check whether the data are a file: neither `imdb` nor an `aclImdb` folder."""
    return data != IMDB and not is_a_folder(path_of(data))


def load_unlabelled(path: Path, reading: ReadOptions) -> UnlabelledReviews:
    """Read a file, or `train/unsup` of a folder; raise `TrainingError` if no row has a text."""
    if is_a_folder(path):
        reviews = load_acl_imdb_unlabelled(path)
    else:
        reading = beside(path, reading, encoding=reading.encoding)
        table = read_table(path, reading, reading.columns.of("text"))
        reviews = UnlabelledReviews(path.name, table["text"])
    found = reviews.with_text()
    if not len(found):
        raise TrainingError(
            f"{path}: none of its {len(reviews)} rows has a text. Give unlabelled reviews, or "
            "leave --unlabelled out."
        )
    return found


def concatenate(parts: Sequence[UnlabelledReviews]) -> UnlabelledReviews:
    """Join the reviews of one or more sources."""
    teacher = None
    if any(part.teacher is not None for part in parts):
        teacher = np.concatenate([known_or_nan(part.teacher, len(part)) for part in parts])
    return UnlabelledReviews(
        name=", ".join(part.name for part in parts),
        texts=joined([part.texts for part in parts]),
        teacher=teacher,
        without_text=sum(part.without_text for part in parts),
    )

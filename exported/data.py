"""The reviews that the general models learn from: films and all other domains in one table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exported.sources import OPEN_ONLY, load_sources
from toolkit.errors import InputError

FILMS = "films"
HELD_OUT = "V"  # the fold that no model is fitted to
HALVES = "AB"  # of the rest: a teacher is fitted to one and labels the other
HELD_OUT_PER_MILLE = 60  # of the groups

SCHEMA = pa.schema(
    [
        ("id", pa.large_string()),
        ("domain", pa.large_string()),
        ("source", pa.large_string()),
        ("group", pa.large_string()),
        ("fold", pa.large_string()),
        ("text", pa.large_string()),
        ("stars", pa.float32()),
        ("label", pa.int8()),
    ]
)

_IMDB = "imdb"
# Sources whose ids name a text of a review or of a person, not what belongs together.
_TWO_TEXTS_A_REVIEW = ("booking", "glassdoor")  # `17p` and `17n`
_MANY_TEXTS_A_NAME = ("druglib", "is22-unl", "ratemyprofessors")  # `NAME-17`


def join(data: Path, *, only_open: bool = False) -> pa.Table:
    """Join the films and the reviews of the other domains.

    Parameters
    ----------
    data : Path
        The folder with `imdb/train.parquet` and `reviews/reviews.parquet`.
    only_open : bool
        Take the sources with an open licence alone (`exported/sources.csv`), without films.

    Returns
    -------
    pa.Table
        The columns of `SCHEMA`, a row per review. Stars are from 1 to 5. `label` is 1 or 0, null for
        neutral and unlabelled reviews. `group` names the reviews that belong together: those of a
        film, of an author, of a product. `fold` is that of the group: `HELD_OUT`, or one of `HALVES`.

    Raises
    ------
    InputError
        If a file is not there or lacks a column.
    """
    others = _read(
        data / "reviews" / "reviews.parquet", ("id", "domain", "source", "text", "stars", "label")
    )
    if only_open:
        free = [each.source for each in load_sources(OPEN_ONLY)]
        return _others(others.filter(pc.is_in(others["source"], pa.array(free, pa.large_string()))))
    films = _read(data / "imdb" / "train.parquet", ("id", "movie", "text", "stars", "label"))
    return pa.concat_tables([_films(films), _others(others)])


def group_of(source: str, name: str) -> str:
    """Name the group of a review by its id."""
    body = name.split(":", 1)[-1]
    if source.startswith(_TWO_TEXTS_A_REVIEW):
        body = body.rstrip("pn")
    elif source in _MANY_TEXTS_A_NAME:
        body = body.rsplit("-", 1)[0]
    return f"{source}:{body}"


def fold_of(group: str) -> str:
    """Name the fold of a group, which depends on its name alone."""
    number = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 1000
    return HELD_OUT if number < HELD_OUT_PER_MILLE else HALVES[number % 2]


def _films(reviews: pa.Table) -> pa.Table:
    groups = [f"{_IMDB}:{movie}" for movie in reviews["movie"].to_pylist()]
    return _table(
        id=[f"{_IMDB}:{name}" for name in reviews["id"].to_pylist()],
        domain=[FILMS] * len(reviews),
        source=[_IMDB] * len(reviews),
        group=groups,
        text=reviews["text"],
        stars=[stars / 2 for stars in reviews["stars"].to_pylist()],
        label=reviews["label"],
    )


def _others(reviews: pa.Table) -> pa.Table:
    names = zip(reviews["source"].to_pylist(), reviews["id"].to_pylist(), strict=True)
    taken = {name: reviews[name] for name in ("id", "domain", "source", "text", "stars", "label")}
    return _table(group=[group_of(source, name) for source, name in names], **taken)


def _table(group: list[str], **columns: Iterable[object]) -> pa.Table:
    """Build a table of `SCHEMA` with the folds of the groups."""
    folds = {name: fold_of(name) for name in dict.fromkeys(group)}
    columns |= {"group": group, "fold": [folds[name] for name in group]}
    return pa.table([_as(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def _as(values: Iterable[object], kind: pa.DataType) -> pa.ChunkedArray:
    if isinstance(values, pa.ChunkedArray):
        return values.cast(kind)
    return pa.chunked_array([pa.array(values, kind)])


def _read(path: Path, columns: tuple[str, ...]) -> pa.Table:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Name its folder in TOOLKIT_DATA.")
    found = pq.read_schema(path).names
    missing = [name for name in columns if name not in found]
    if missing:
        raise InputError(f"{path}: no column '{missing[0]}' (found: {', '.join(found)}).")
    return pq.read_table(path, columns=list(columns))

"""Releases read from TOML files, whose keys are the attributes of `Release`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import UsageError
from toolkit.model.release import USES, DataSet, Release, Teacher
from toolkit.model.typed_json import decode

_TABLES = {"data_sets": DataSet, "teachers": Teacher}
_LINE = "one line of text of 1,000 characters at most"
_PLAIN = "up to 100 letters, digits and _ . + -, in quotes"
_EXPECTED = {
    "model_name": f"{_PLAIN}, such as 'shop-2026.11'",
    "model_version": f"{_PLAIN}, such as '2026.11'",
    "date": "a day, such as 2026-11-26",
    "language": "a tag such as 'en' or 'pt-BR'",
    "licence": "an SPDX expression, such as 'MIT' or 'LicenseRef-ours'",
    "repository": "a URL that starts with https:// or http://, without a password",
    "use": f"one of {', '.join(USES)}",
}

T = TypeVar("T", Release, DataSet, Teacher)


def load_release(path: Path) -> Release:
    """Read a release from a TOML file; the `UsageError` says where the file is wrong."""
    return release_of(load_toml(path), str(path))


def chosen_release(path: Path | None, version: str | None) -> Release:
    """Return the release of a file, with another version if given; raises `UsageError`."""
    release = Release() if path is None else load_release(path)
    if version is None:
        return release
    given = _made(Release, {"model_version": version}, "--model-version")
    return replace(release, model_version=given.model_version)


def load_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; the `UsageError` says where it is not TOML."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file. Name a TOML file with --release.") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8, at byte {error.start:,}. Save it as UTF-8.") from None
    except RecursionError:
        raise UsageError(f"{path}: not TOML: brackets are nested too deeply") from None
    except ValueError as error:  # also of a number of 5,000 digits
        raise UsageError(f"{path}: not TOML: {error}") from None


def release_of(table: Mapping[str, Any], place: str) -> Release:
    """Make a release from parsed TOML; the `UsageError` names the wrong key and the place."""
    found = dict(table)
    for key, kind in _TABLES.items():
        if key in found:
            found[key] = _tables(kind, found[key], f"{place}: [[{key}]]")
    release = _made(Release, {key: found[key] for key in found if key not in _TABLES}, place)
    return replace(release, **{key: found[key] for key in _TABLES if key in found})


def _tables(kind: type[T], tables: Any, place: str) -> tuple[T, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{place}: is {tables!r:.50}, expected tables, each with this heading")
    return tuple(_made(kind, table, f"{place} {n}") for n, table in enumerate(tables, 1))


def _made(kind: type[T], table: Mapping[str, Any], place: str) -> T:
    names = [entry.name for entry in fields(kind)]
    for key in table:
        if key not in names:
            close = get_close_matches(key, names, n=1)
            hint = f", did you mean {close[0]!r}?" if close else "."
            raise UsageError(f"{place}: no key {key!r:.50}{hint} There are: {', '.join(names)}")
    # TOML has days of its own; a day with a time is not one.
    days = {key: str(value) for key, value in table.items() if type(value) is date}
    try:
        return decode(kind, {**table, **days})
    except ValueError as error:
        key, _, _ = str(error).partition(" ")
        raise UsageError(f"{place}: {error}, expected {_EXPECTED.get(key, _LINE)}") from None

"""What the shipped models say of their release: `releases.toml`, with the data sets of `sources.csv`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exported.sources import FILMS_ONLY, load_sources
from toolkit.export.release_file import load_toml, release_of
from toolkit.model import Release

RELEASES = Path(__file__).with_name("releases.toml")

# Files of these versions count sources whose copy is under another licence as open; the next version does not.
_OTHER_AS_OPEN = ("2026.12", "2026.12.1")


def shipped_release(model: str) -> Release:
    """Give the release of a shipped model by its name; raises `UsageError` if the table is wrong."""
    tables = load_toml(RELEASES)
    found: dict[str, Any] = {}
    for name in ("all", "films" if model == FILMS_ONLY else "general", model):
        found |= tables.get(name, {})
    found.setdefault("model_name", f"{model}-{found['model_version']}")
    usual = "open" if found["model_version"] in _OTHER_AS_OPEN else None
    data_sets = [
        {"name": each.source, "origin": each.upstream, "terms": each.terms}
        | ({"use": use} if (use := each.use or usual) else {})
        for each in load_sources(model)
    ]
    found["data_sets"] = data_sets + found.get("data_sets", [])
    return release_of(found, f"{RELEASES} for {model}")

"""What the shipped models say of their release: `releases.toml`, with the data sets of `sources.csv`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exported.sources import FILMS_ONLY, load_sources
from toolkit.export.export_run import load_toml, release_of
from toolkit.model import Release

RELEASES = Path(__file__).with_name("releases.toml")


def shipped_release(model: str) -> Release:
    """Give the release of a shipped model by its name; raises `UsageError` if the table is wrong."""
    tables = load_toml(RELEASES)
    found: dict[str, Any] = {}
    for name in ("all", "films" if model == FILMS_ONLY else "general", model):
        found |= tables.get(name, {})
    found.setdefault("model_name", f"{model}-{found['model_version']}")
    data_sets = [
        {"name": each.source, "origin": each.upstream, "terms": each.terms, "use": each.use}
        for each in load_sources(model)
    ]
    found["data_sets"] = data_sets + found.get("data_sets", [])
    return release_of(found, f"{RELEASES} for {model}")

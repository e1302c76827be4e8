"""The sources of the training reviews and their terms, from `sources.csv`: a table, and counts."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from exported.pages import with_generated
from toolkit.model.release import USES

SOURCES = Path(__file__).with_name("sources.csv")

OTHER = "other"  # the use where an open licence is stated, but another one for the copy

# What is above this line of SOURCES.md is written by hand.
MARKER = "<!-- Below: written by exported/make.py from sources.csv. -->"


@dataclass(frozen=True)
class Source:
    """One row of `sources.csv`."""

    domain: str
    source: str
    upstream: str
    repository: str  # where this copy is from
    negative: int
    neutral: int
    positive: int
    unlabelled: int
    terms: str  # of the reviews
    repository_licence: str
    use: str | None  # a key of `USES`; None for other terms, in the file "other"

    @property
    def labelled(self) -> int:
        """The reviews that have a label."""
        return self.negative + self.positive


# What a model learned from, unless from all sources: films alone, or those with an open licence.
FILMS_ONLY, OPEN_ONLY = "conv1d", "reviews-open"


def load_sources(model: str | None = None) -> list[Source]:
    """Read all sources, or those that a shipped model learned from."""
    with SOURCES.open(encoding="utf-8", newline="") as file:
        found = [_source(row) for row in csv.DictReader(file)]
    if model == FILMS_ONLY:
        return [each for each in found if each.domain == "films"]
    return [each for each in found if model != OPEN_ONLY or each.use == "open"]


def sources_table(sources: Iterable[Source]) -> str:
    """Write the sources as a Markdown table, one row each."""
    lines = [
        "| domain / source | upstream | copy from | negative | neutral | positive | unlabelled | terms of the reviews | licence of the copy | use |",
        "|---|---|---|---:|---:|---:|---:|---|---|---|",
    ]
    lines += [
        f"| {each.domain} / {each.source} | {each.upstream} | {each.repository or '–'} | "  # noqa: RUF001
        f"{each.negative:,} | {each.neutral:,} | {each.positive:,} | {each.unlabelled:,} | "
        f"{each.terms} | {each.repository_licence or '–'} | {each.use or OTHER} |"  # noqa: RUF001
        for each in sources
    ]
    return "\n".join(lines) + "\n"


def terms_lines(sources: list[Source]) -> str:
    """Say how many sources and labelled reviews have which kind of terms, as a Markdown list."""
    lines = []
    other = "an open licence is stated, but the copy is under another one"
    for use, meaning in (*USES.items(), (None, other)):
        chosen = [each for each in sources if each.use == use]
        if not chosen:
            continue
        names = (
            f": {', '.join(each.source for each in chosen)}" if use in ("research", None) else ""
        )
        reviews = sum(each.labelled for each in chosen)
        lines.append(f"- {len(chosen)} sources, {reviews:,} labelled reviews: {meaning}{names}")
    return "\n".join(lines)


def with_sources(page: str) -> str:
    """Replace what is below `MARKER` in a page by the table of all sources."""
    return with_generated("SOURCES.md", page, MARKER, f"\n{sources_table(load_sources())}")


def _source(row: dict[str, str]) -> Source:
    counts = {
        name: int(row.pop(name)) for name in ("negative", "neutral", "positive", "unlabelled")
    }
    if (use := row.pop("use")) not in (*USES, OTHER):
        raise ValueError(f"{SOURCES}: use {use!r}, expected one of {', '.join(USES)}, {OTHER}")
    return Source(use=None if use == OTHER else use, **row, **counts)  # type: ignore[arg-type]

"""Pages whose upper part is written by hand and whose lower part is generated."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import groupby

from toolkit.text.rule import RULES

TOKENS_MARKER = "<!-- What follows is generated. -->"
# Unicode has no names for these.
_CONTROLS = {
    9: "tab",
    10: "line feed",
    11: "vertical tab",
    12: "form feed",
    13: "carriage return",
    0x85: "next line",
}


def with_generated(name: str, page: str, marker: str, generated: str) -> str:
    """Replace what is below the line `marker` in a page."""
    by_hand, found, _ = page.partition(marker)
    if not found:
        raise ValueError(f"exported/{name}: the line {marker!r} is missing")
    return f"{by_hand}{found}\n{generated}"


def with_code_points(page: str, rules: Mapping[str, int]) -> str:
    """Replace what is below `TOKENS_MARKER`: the versions of the token rule, which models have which, and its code points."""
    lines = ["", "| version | models | ends at NUL | tags | entities |", "|--:|---|---|---|--:|"]
    for number, rule in RULES.items():
        of = ", ".join(f"`{name}`" for name, version in rules.items() if version == number)
        answers = ("yes" if each else "no" for each in (rule.ends_at_nul, rule.has_markup))
        lines.append(
            f"| {number} | {of or 'files of the formats 1 and 2'} | {' | '.join(answers)} | {len(rule.entities)} |"
        )
    lines += ["", "| code point | what it is | from version |", "|---|---|--:|"]
    lines += [f"| {codes} | {what} | {version} |" for codes, what, version in _rows()]
    lines += [
        "",
        "The entities of version 3, of which those with numbers are of every separator and apostrophe:",
        "",
    ]
    entities = RULES[3].entities.items()
    named = (f"`{name}` U+{ord(char):04X}" for name, char in entities if name[1] != "#")
    lines += [f"{', '.join(named)}.", ""]
    numbers = (f"`{name}`" for name, _ in entities if name[1] == "#")
    lines.append(f"{', '.join(numbers)}.")
    return with_generated("TOKENS.md", page, TOKENS_MARKER, "\n".join(lines) + "\n")


def _rows() -> Iterator[tuple[str, str, int]]:
    """Give code points, what they are, and the version from which on; emoji that follow each other are one row."""
    found: dict[int, tuple[str, int]] = {}
    for version, rule in RULES.items():
        kinds = {"separator": rule.separators, "apostrophe": rule.apostrophes, "emoji": rule.emoji}
        for kind, characters in kinds.items():
            for character in characters:
                found.setdefault(ord(character), (kind, version))
    codes = sorted(found)
    for _, group in groupby(
        enumerate(codes), lambda each: each[1] - each[0] if found[each[1]][0] == "emoji" else each
    ):
        run = [code for _, code in group]
        kind, version = found[run[0]]
        name = _CONTROLS.get(run[0]) or unicodedata.name(chr(run[0])).lower()
        yield (
            f"U+{run[0]:04X}" if len(run) == 1 else f"U+{run[0]:04X} to U+{run[-1]:04X}",
            kind if kind == "emoji" else f"{kind}: {name}",
            version,
        )

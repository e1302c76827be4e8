"""Draw the badges of the README from `pyproject.toml`: no server is asked, and all are true."""

from __future__ import annotations

import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

from toolkit import __version__

PROJECT = Path(__file__).parents[2]
BADGES = PROJECT / ".github" / "badges.svg"

_HEIGHT, _GAP, _LETTER, _PADDING = 20, 6, 6.6, 12  # pixels


def facts() -> dict[str, str]:
    """Give what the badges say."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    minors = [
        int(each.rpartition(".")[2])
        for each in project["project"]["classifiers"]
        if each.startswith("Programming Language :: Python :: 3.")
    ]
    return {
        "version": __version__,
        "Python": f"3.{min(minors)} to 3.{max(minors)}",
        "licence": project["project"]["license"],
        "types": "mypy strict" if project["tool"]["mypy"]["strict"] else "mypy",
    }


def badges() -> str:
    """Draw them in a row."""
    x, drawn = 0, ""
    for name, value in facts().items():
        left, right = (round(len(each) * _LETTER) + _PADDING for each in (name, value))
        for start, width, colour, text in (
            (x, left, "#444", name),
            (x + left, right, "#1a6b3c", value),
        ):
            drawn += (
                f'<rect x="{start}" width="{width}" height="{_HEIGHT}" fill="{colour}"/>'
                f'<text x="{start + width / 2}" y="14" fill="#fff">{escape(text)}</text>\n'
            )
        x += left + right + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{x - _GAP}" height="{_HEIGHT}" '
        'font-family="Verdana, DejaVu Sans, sans-serif" font-size="11" text-anchor="middle">\n'
        f"{drawn}</svg>\n"
    )

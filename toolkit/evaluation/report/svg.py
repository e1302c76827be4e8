"""Figures of matplotlib as SVG within an HTML page, in the colours of the page.

The colours are drawn as numbers that nothing else has, and replaced by variables of the page's
style sheet, so that one figure suits a light and a dark page. Its text stays text, in the page's
font. Nothing refers to anything outside: comments, metadata and namespaces are left out.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, GRID = "#000001", "#000002", "#000003"
_VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", GRID: "var(--line)"}
_SERIES = 8  # colours in the style sheet

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "toolkit",  # the same figure gives the same bytes
    "text.parse_math": False,  # a dollar sign in a name is one
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
}


def series(number: int) -> str:
    """The colour of a model, by its number from 0."""
    return f"#0001{number % _SERIES:02x}"


def style() -> Any:
    """Give the context in which figures are drawn."""
    # Matplotlib says when it builds its font cache, which does not concern who reads a report.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib as mpl

    return mpl.rc_context(_STYLE)


def as_svg(figure: Figure, name: str) -> str:
    """Write a figure, in the context of `style`, as ``svg``; no other of the page has its name."""
    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        # The text is drawn in the font of the page, so what Matplotlib's own lacks is not missing.
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font", UserWarning)
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"| version="1.1"', "", text)
    text = text.replace("xlink:href", "href")
    # Names are looked up in the whole page.
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'^<svg width="[^"]*" height="[^"]*"', "<svg", text)
    text = re.sub(r"^<svg ([^>]*)>", r'<svg \1 aria-hidden="true">', text)
    text = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    text = re.sub("#0001([0-9a-f]{2})", lambda m: f"var(--series-{int(m[1], 16)})", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return re.sub(r"\n\s*", "\n", text).strip()

"""Draw the picture of the README: what `make demo` shows, as an SVG.

Run as ``python .ci/docs/picture.py > examples/demo.svg``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PROJECT = Path(__file__).parents[2]
WIDTH = 104
COMMAND = "toolkit score examples/reviews.csv -o reviews.scored.csv"


def record() -> str:
    """Run the demo in a folder of its own, and give what a terminal would show."""
    environment = os.environ | {
        "COLUMNS": str(WIDTH),
        "FORCE_COLOR": "1",
        "PYTHONPATH": str(PROJECT),
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "examples").symlink_to(PROJECT / "examples")
        score = [sys.executable, "-m", "toolkit", *COMMAND.split()[1:]]
        show = [sys.executable, "examples/show.py", "reviews.scored.csv"]
        shown = [
            subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=True
            )
            for command in (score, show)
        ]
    return f"$ {COMMAND}\n" + "\n".join(part.stderr + part.stdout for part in shown)


def draw(terminal: str) -> str:
    """Draw terminal output, with the fonts that the reader has."""
    console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(Text.from_ansi(terminal))
    template = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="toolkit score", code_format=template, unique_id="demo")


if __name__ == "__main__":
    sys.stdout.write(draw(record()))

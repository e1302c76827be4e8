"""Show the scored reviews of a CSV file on the terminal.

python examples/show.py reviews.scored.csv
"""

import csv
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS = {"positive": "green", "negative": "red"}


def main() -> None:
    table = Table("id", "sentiment", "probability", "text", box=box.SIMPLE)
    with Path(sys.argv[1]).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sentiment = row["predicted_sentiment"]
            table.add_row(
                row["id"],
                Text(sentiment or "no text", style=COLOURS.get(sentiment, "dim")),
                f"{float(row['positive_probability']):.3f}" if sentiment else "",
                Text(" ".join(row["text"].split()), no_wrap=True, overflow="ellipsis"),
            )
    Console().print(table)


if __name__ == "__main__":
    main()

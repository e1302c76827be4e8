"""The comparison on one page of exported/ACCURACY.md, from the rows that quality.json keeps.

The part of the page between two marks is replaced; without them, the tables are only printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from examples.benchmarks.page import percent, table, write_between
from examples.benchmarks.quality_tables import title
from examples.benchmarks.sources import PROJECT

PAGE = PROJECT / "exported" / "ACCURACY.md"
BEGIN = "<!-- Comparison: written by make bench PARTS=quality. -->"
END = "<!-- End of the comparison. -->"
NOT_CLEAR = ("ironic",)  # kinds of everyday reviews

Row = dict[str, Any]

_NOTE = """\
Balanced accuracy in %. "Held out" is the mean over {groups} domains, each counting the same, of
{reviews:,} labelled reviews of films, products and others that were kept out of training (a model
trained on films alone has seen these films); log loss and calibration error (of the probability of
positive, both labels weighing the same) are means over these domains, too. "Clear" everyday
reviews are those of `tests/everyday_reviews.jsonl` that have a label and are not ironic, without
the later ones of the part `order`. The last
{peers} models are not ours; they are trained on the same labels, but for VADER, which is a list of
words and learns nothing.
"""


def write_page(results: dict[str, Any]) -> None:
    """Replace the comparison in the page, and print it."""
    written = comparison({name: part["rows"] for name, part in results.items()})
    write_between(PAGE, BEGIN, END, written)


def comparison(rows: dict[str, list[Row]]) -> str:
    """Write a table of all models, and one by domain; what was not measured is left out."""
    measured = {name: [row for row in part if "skipped" not in row] for name, part in rows.items()}
    held_out = measured.get("held-out", [])
    columns = [column for column in _COLUMNS if measured.get(column[1])]
    names = [(row["name"], title(row)) for row in held_out or next(iter(measured.values()))]
    lines = [
        [shown, *(figure(_row(measured[data], name)) for _, data, figure in columns)]
        for name, shown in names
    ]
    parts = [table(["", *(head for head, *_ in columns)], lines)]
    if held_out:
        peers = sum(row["is_peer"] for row in held_out)
        groups = (held_out[0]["macro_mean"] or {"groups": 0})["groups"]
        reviews = held_out[0]["reviews"]
        parts.append(_NOTE.format(groups=groups, reviews=reviews, peers=peers))
        parts.append(_by_domain(held_out))
    return "\n".join(parts)


def _by_domain(rows: Sequence[Row]) -> str:
    """Write a line for each domain, the largest first."""
    found = [{part["name"]: part for part in row["groups"]} for row in rows]
    largest = sorted(found[0].values(), key=lambda part: (-part["reviews"], part["name"]))
    lines = [
        [
            part["name"],
            f"{part['reviews']:,}",
            f"{part['positive'] / part['reviews']:.0%}",
            *(percent(each[part["name"]]["balanced_accuracy"]) for each in found),
        ]
        for part in largest
    ]
    return table(["held out, by domain", "reviews", "positive", *map(title, rows)], lines)


def _row(rows: Sequence[Row], name: str) -> Row | None:
    return next((row for row in rows if row["name"] == name), None)


def _mean(key: str, digits: int | None = None) -> Callable[[Row | None], str]:
    def figure(row: Row | None) -> str:
        if row is None or row["macro_mean"] is None:
            return ""
        value = row["macro_mean"][key]
        return percent(value) if digits is None else f"{value:.{digits}f}"

    return figure


def _group(name: str) -> Callable[[Row | None], str]:
    def figure(row: Row | None) -> str:
        parts = {} if row is None else {part["name"]: part for part in row["groups"]}
        return percent(parts[name]["balanced_accuracy"]) if name in parts else ""

    return figure


def _clear(row: Row | None) -> str:
    """The accuracy on everyday reviews of clear kinds, of which half are positive."""
    parts = [] if row is None else [p for p in row["groups"] if p["name"] not in NOT_CLEAR]
    reviews = sum(part["reviews"] for part in parts)
    return percent(sum(part["right"] for part in parts) / reviews) if reviews else ""


def _balanced(row: Row | None) -> str:
    return "" if row is None else percent(row["metrics"]["balanced_accuracy"])


def _size(row: Row | None) -> str:
    return "" if row is None else f"{row['bytes'] / 1e6:.3g}"


# Head, which data it is of, and what is shown of a model's row there.
_COLUMNS: list[tuple[str, str, Callable[[Row | None], str]]] = [
    ("held out", "held-out", _mean("balanced_accuracy")),
    ("of these films", "held-out", _group("films")),
    ("IMDB test", "test", _balanced),
    ("books", "amazon_books", _balanced),
    ("Amazon", "amazon_sentences", _balanced),
    ("Yelp", "yelp_sentences", _balanced),
    ("everyday, clear", "everyday", _clear),
    ("negated", "everyday", _group("negated")),
    ("order of words", "order", _balanced),
    ("log loss", "held-out", _mean("log_loss", 3)),
    ("calibration error", "held-out", _mean("balanced_calibration_error", 3)),
    ("MB", "held-out", _size),
]

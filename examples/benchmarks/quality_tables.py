"""The tables of the benchmark of quality, from the rows that quality.json keeps."""

from __future__ import annotations

from typing import Any

from examples.benchmarks.quality_peers import PEERS
from examples.benchmarks.results import Rows, show

NOTE = """
Thresholds are the models' own, and 0.5 for the peers. p is of McNemar's test; * exact binomial. The
best peer is picked by the same reviews, which is in its favour."""


def print_tables(name: str, rows: Rows) -> None:
    """Print the metrics, ours compared with the best peer, and the accuracy by length."""
    measured = [row for row in rows if "skipped" not in row]
    print_metrics(name, measured)
    if compared := [row for row in measured if "comparison" in row]:
        print_comparisons(name, compared)
        print(NOTE)
    print_lengths(name, measured)
    if measured[0].get("groups"):
        print_groups(name, measured)
    for row in rows:
        if row not in measured:
            print(f"\nleft out: {row['title']}: {row['skipped']}")


def print_metrics(name: str, rows: Rows) -> None:
    """Print what is known of the answers, with the size of the model's file."""
    header = ["", "accuracy (95 %)", "balanced accuracy", "AUC", "log loss", "calibration error"]
    show(
        f"{name}: {rows[0]['reviews']:,} reviews",
        [*header, "MB"],
        [
            [
                title(row),
                f"{_percent(row['metrics']['accuracy'])} ({_interval(row)})",
                _percent(row["metrics"]["balanced_accuracy"]),
                _figure(row["metrics"]["auc"]),
                _figure(row["metrics"]["log_loss"]),
                _figure(row["metrics"]["calibration_error"]),
                f"{row['bytes'] / 1e6:.2f}",
            ]
            for row in rows
        ],
    )


def print_comparisons(name: str, rows: Rows) -> None:
    """Print how our models compare with the best peer: positive differences are in our favour."""
    best = PEERS[rows[0]["comparison"]["best"]].title
    show(
        f"{name}: compared with the best peer, {best}",
        ["", "it alone right", "best peer alone right", "difference, points", "95 %", "p"],
        [
            [
                title(row),
                f"{found['only_model_right']:,}",
                f"{found['only_best_right']:,}",
                f"{-100 * found['difference']:+.2f}",
                f"{-100 * found['high']:+.2f} to {-100 * found['low']:+.2f}",
                _p_value(found["p_value"]) + (" *" if found["is_exact"] else ""),
            ]
            for row in rows
            for found in (row["comparison"],)
        ],
    )


def print_lengths(name: str, rows: Rows) -> None:
    """Print the accuracy by the length of the review."""
    parts = [f"{part['name']} ({part['reviews']:,})" for part in rows[0]["lengths"]]
    show(
        f"{name}: accuracy by length in tokens",
        ["", *parts],
        [[title(row), *(_percent(part["accuracy"]) for part in row["lengths"])] for row in rows],
    )


def print_groups(name: str, rows: Rows) -> None:
    """Print the balanced accuracy of each group, the accuracy where there is none; the mean."""
    parts = zip(
        *(sorted(row["groups"], key=lambda part: part["name"]) for row in rows), strict=True
    )
    lines = [
        [f"{each[0]['name']} ({each[0]['reviews']:,})", *map(_balanced, each)] for each in parts
    ]
    if all(row["macro_mean"] for row in rows):
        means = [_percent(row["macro_mean"]["balanced_accuracy"]) for row in rows]
        lines.append([f"mean of {rows[0]['macro_mean']['groups']}", *means])
    show(f"{name}: balanced accuracy by group", ["", *map(title, rows)], lines)


def _balanced(part: dict[str, Any]) -> str:
    if part["balanced_accuracy"] is None:
        return f"({_percent(part['accuracy'])})"
    return _percent(part["balanced_accuracy"])


def title(row: dict[str, Any]) -> str:
    """Name a model: ours by its file, in code."""
    return row["title"] if row["is_peer"] else f"`{row['name']}`"


def _interval(row: dict[str, Any]) -> str:
    low, high = row["metrics"]["accuracy_interval"]
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _p_value(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"

"""The benchmark of few labels, on rows made up for it."""

from __future__ import annotations

from typing import Any

import pytest

from examples.benchmarks import adapt, adapt_page


def make_row(way: str, domain: str, labels: int, draw: int, balanced: float) -> dict[str, Any]:
    facts = {"way": way, "domain": domain, "labels": labels, "draw": draw, "seconds": 0.5}
    kept = {"kept": "words"} if way == "adapted" else {}
    return {**facts, "balanced_accuracy": balanced, "log_loss": 1 - balanced, **kept}


def test_tables_count_domains_alike() -> None:
    rows = [make_row("as it is", "tea", 20, draw, 0.8) for draw in range(3)]
    rows += [make_row("as it is", "taxis", 20, 0, 0.6), make_row("as it is", "tea", 500, 0, 0.8)]
    rows += [make_row("adapted", "tea", 20, draw, 0.9) for draw in range(3)]
    rows += [make_row("adapted", "taxis", 20, 0, 0.59), make_row("adapted", "tea", 500, 0, 0.95)]
    found = adapt_page.tables("set 9", rows)
    assert "**Set 9.**" in found
    assert "2 domains (500 labels: 1)" in found
    assert "| the start as it is | 70.0 | 80.0 |" in found
    assert "| **`train --from`** | 74.5 | 95.0 |" in found
    assert "| worst domain | -1.0 points | +15.0 points |" in found
    assert "| worst draw | -1.0 points | +15.0 points |" in found
    assert "| changed, of these lower log loss | 4, 3 | 1, 1 |" in found
    assert "| kept: words | 4 | 1 |" in found


def test_starts_that_are_not_there(tmp_path: Any) -> None:
    with pytest.raises(SystemExit, match="with --keep"):
        adapt.main()
    with pytest.raises(SystemExit, match=r"has no run\. Make it: unseen --set 2"):
        adapt.main(keep=tmp_path)

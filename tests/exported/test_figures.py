"""The cards show what the benchmark measured by kind and by domain."""

from __future__ import annotations

from typing import Any

from exported.figures import figures_by_group

RESULTS: dict[str, Any] = {
    "everyday": {
        "rows": [
            {"name": "reviews", "groups": [{"name": "doubly_negated", "accuracy": 0.875}]},
            {"name": "conv1d", "groups": [{"name": "doubly_negated", "accuracy": 0.5}]},
        ]
    },
    "held-out": {
        "rows": [
            {
                "name": "reviews",
                "groups": [
                    {"name": "hotels", "balanced_accuracy": 0.9321},
                    {"name": "beer", "balanced_accuracy": None},
                    {"name": "apps", "balanced_accuracy": 0.9},
                ],
            },
            {"name": "conv1d", "skipped": "needs a file"},
        ]
    },
}


def test_groups_are_listed_with_their_figures() -> None:
    assert figures_by_group("reviews", RESULTS) == (
        "\n- Held-out reviews by domain, balanced accuracy in %: apps 90.0, hotels 93.2\n"
        "- Everyday reviews by kind, accuracy in %: doubly negated 87.5\n"
    )


def test_domains_that_were_trained_on_are_left_out() -> None:
    found = figures_by_group("reviews", RESULTS, trained_on=["hotels"])
    assert "accuracy in %: apps 90.0\n" in found


def test_what_was_not_measured_is_left_out() -> None:
    assert figures_by_group("conv1d", RESULTS) == (
        "\n- Everyday reviews by kind, accuracy in %: doubly negated 50.0\n"
    )
    assert figures_by_group("reviews-small", RESULTS) == ""
    assert figures_by_group("reviews", {}) == ""

from __future__ import annotations

from math import comb, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from toolkit.evaluation import comparison
from toolkit.evaluation.comparison import (
    Comparison,
    compare,
    compare_counts,
    compare_with_constant,
    constant_warning,
)
from toolkit.evaluation.metrics import measure


def compared(both: int, only_model: int, only_best: int, neither: int = 0) -> Comparison:
    best = [True] * (both + only_best) + [False] * (only_model + neither)
    model = [True] * both + [False] * only_best + [True] * only_model + [False] * neither
    return compare("a", np.array(model), "b", np.array(best))


@given(st.integers(0, 30), st.integers(0, 12), st.integers(0, 12))
def test_few_are_distinguished_by_the_binomial_test(both: int, b: int, c: int) -> None:
    found = compared(both + 1, b, c)
    n = b + c
    tail = sum(comb(n, k) for k in range(min(b, c) + 1)) / 2**n
    assert found.is_exact == (n < 25)
    assert found.p_value == pytest.approx(min(2 * tail, 1.0) if n else 1.0)
    assert (found.only_model_right, found.only_reference_right) == (b, c)
    assert found.difference == pytest.approx((b - c) / (both + 1 + n))


def test_many_are_distinguished_by_chi_squared() -> None:
    """The example of Edwards' correction: (|121 - 59| - 1)² / 180 = 20.67."""
    found = compared(0, 121, 59, 134)
    assert not found.is_exact
    assert found.p_value == pytest.approx(5.45e-6, rel=0.01)
    assert compared(100, 20, 20).p_value == 1.0


@given(st.integers(0, 500), st.integers(0, 60), st.integers(0, 60), st.integers(1, 500))
def test_intervals_hold_the_difference_and_turn_with_it(a: int, b: int, c: int, d: int) -> None:
    found, turned = compared(a, b, c, d), compared(a, c, b, d)
    low, high = found.interval
    assert -1 <= low < found.difference < high <= 1
    assert turned.interval == pytest.approx((-high, -low))
    assert turned.p_value == pytest.approx(found.p_value)


@pytest.mark.parametrize(
    ("b", "c", "others"), [(20, 10, 70), (7, 1, 13), (60, 10, 930), (3, 0, 97), (0, 0, 40)]
)
def test_the_ends_are_the_last_differences_that_the_score_test_allows(
    b: int, c: int, others: int
) -> None:
    """At each end, by the shares that are likeliest there, the counts are 1.96 errors away."""
    n = b + c + others
    for end in compared(others, b, c).interval:

        def unlikely(share: float, end: float = end) -> float:
            parts = ((b, share + end), (c, share), (others, 1 - 2 * share - end))
            return -sum(count * log(max(part, 1e-300)) for count, part in parts if count)

        room = (max(0.0, -end), (1 - end) / 2)
        share = minimize_scalar(unlikely, bounds=room, method="bounded", options={"xatol": 1e-9}).x
        error = sqrt(n * (2 * share + end - end**2))
        assert abs(b - c - n * end) - 1 == pytest.approx(1.959964 * error, rel=1e-3)


def test_an_interval_without_correction_is_that_of_tango(monkeypatch: pytest.MonkeyPatch) -> None:
    """His method gives 0.026 to 0.517 for 7 against 1 of 21 (Fagerland and others 2014)."""
    monkeypatch.setattr(comparison, "_CORRECTION", 0)
    assert compared(13, 7, 1).interval == pytest.approx((0.026, 0.517), abs=5e-4)


@pytest.mark.parametrize("others", [0, 5, 100, 10**7])
def test_an_interval_holds_zero_where_the_difference_may_be_chance(others: int) -> None:
    """13 against 4 is the only case of which the exact test is surer."""
    odd = set()
    for count in range(1, 120):
        for b in range(count + 1):
            found = compare_counts("a", "b", b, count - b, count + others)
            low, high = found.interval
            if (low <= 0 <= high) != (found.p_value >= 0.05):
                odd.add((b, count - b))
    assert odd == {(13, 4), (4, 13)}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_constant_is_compared_by_the_counts_of_the_metrics(
    pairs: list[tuple[bool, bool]],
) -> None:
    labels, called = np.array(pairs).T
    found = compare_with_constant(
        "m", measure(labels.astype(np.int8), called.astype(np.float32), 0.5)
    )
    majority = 2 * labels.sum() >= len(labels)
    name = "always positive" if majority else "always negative"
    expected = compare("m", labels == called, name, labels == majority)
    assert found == (expected if 0 < labels.sum() < len(labels) else None)


def test_a_small_lead_over_a_constant_is_warned_of() -> None:
    """52 of 100 are right, and 51 are negative."""
    labels = np.array([0] * 51 + [1] * 49, np.int8)
    right = np.array([True] * 27 + [False] * 24 + [True] * 25 + [False] * 24)
    metrics = measure(labels, np.where(right, labels, 1 - labels).astype(np.float32), 0.5)
    assert str(constant_warning("the network", metrics, "held-out")).startswith(
        "the network is not clearly better than always answering negative on the held-out "
        "reviews: its accuracy is 52.00%, and the constant answer has 51.00%"
    )
    assert constant_warning("m", measure(labels, labels.astype(np.float32), 0.5)) is None
    (text,) = {
        constant_warning("m", measure(labels[:9], right[:9].astype(np.float32), 0.5), "test")
    }
    assert str(text).startswith("All test reviews are negative: these figures do not show")


def test_no_warning_of_a_model_that_recognizes_both_labels_and_is_more_accurate() -> None:
    """89 of 110 are right, against 87 that are positive: 80.9 and 79.1 %."""
    labels = np.array([1] * 87 + [0] * 23, np.int8)
    right = np.array([True] * 73 + [False] * 14 + [True] * 16 + [False] * 7)
    metrics = measure(labels, np.where(right, labels, 1 - labels).astype(np.float32), 0.5)
    found = compare_with_constant("m", metrics)
    assert found is not None
    assert found.interval[0] < 0 < found.difference
    assert constant_warning("m", metrics) is None
    # One that is less accurate than the constant is told of.
    right[:4] = False
    metrics = measure(labels, np.where(right, labels, 1 - labels).astype(np.float32), 0.5)
    assert str(constant_warning("m", metrics)).startswith("m recognizes both labels on these")

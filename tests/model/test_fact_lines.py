"""The facts of a model in words."""

from __future__ import annotations

import pytest

from toolkit.errors import counted
from toolkit.model.fact_lines import calibration_line, threshold_line
from toolkit.model.facts import Calibration, ThresholdChoice, ThresholdReached


@pytest.mark.parametrize(
    ("calibration", "line"),
    [
        (
            Calibration(0.8, 0.1, 100, 0.05, 0.01, by_probability=True),
            "logit · 0.800 +0.100, fitted on 100 held-out reviews, "
            "calibration error 0.0100, 0.0500 before",
        ),
        (
            Calibration(0.8, 0, 31, 0.0251, note="scale only: few", by_probability=True),
            "logit · 0.800 +0.000, fitted on 31 held-out reviews, "
            "calibration error 0.0251 before; scale only: few",
        ),
        (
            Calibration(1, 0, 100, 0.1423, 0.1423, note="not calibrated: why", by_probability=True),
            "not calibrated: why (calibration error 0.1423 on 100 held-out reviews)",
        ),
        (Calibration(0.8, 0.1), "logit · 0.800 +0.100"),
        (
            Calibration(0.8, 0.1, error=0.01),
            "logit · 0.800 +0.100, calibration error by confidence 0.0100",
        ),
    ],
)
def test_calibration(calibration: Calibration, line: str) -> None:
    assert calibration_line(calibration) == line


def test_a_threshold() -> None:
    reached = ThresholdReached(100, 0.6, None, 0.25, 0.4, 0.55, 0.5, is_calibrated=True)
    assert threshold_line(0.5, ThresholdChoice("given", reached)) == (
        "0.5 (given): accuracy 60.00% (balanced 55.00%, majority baseline 50.00%), recall 25.00%, "
        "F1 40.00% on 100 held-out reviews after calibration on the same reviews"
    )


def test_one_thing_is_no_plural() -> None:
    assert [counted(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]

"""What makes the figures of a training worth less than they seem."""

from __future__ import annotations

from toolkit.evaluation.metrics import measure
from toolkit.evaluation.tables import constant_warning
from toolkit.training.reporter import Reporter
from toolkit.training.result import Outcome


def warn(outcome: Outcome, reporter: Reporter) -> None:
    """Say what makes scores look better than they are, and where a constant does as well."""
    warn_of_copies(outcome, reporter)
    held_out, test = outcome.held_out, outcome.test
    measured = {"test": test}
    if held_out is not None:
        measured["held-out"] = measure(held_out.labels, held_out.probability, 0.5)
    for kind, found in measured.items():
        warning = None if found is None else constant_warning("the network", found, kind)
        if warning is not None:
            reporter.warning(
                f"{warning} Train on more reviews, above all with the less frequent label, or for "
                "more epochs."
            )


def warn_of_copies(outcome: Outcome, reporter: Reporter) -> None:
    """Say that reviews to measure on were fitted on, too."""
    copies = outcome.copies
    if copies.held_out_in_fitted:
        reporter.warning(
            f"{copies.held_out_in_fitted:,} held-out reviews have the same text as fitted ones: "
            "the validation scores look better than they are. Remove the copies"
            f"{', or keep them together with --group-column' * (outcome.read.validation is None)}."
        )
    if copies.test_in_training and outcome.read.test is not None:
        reporter.warning(
            f"{copies.test_in_training:,} of {len(outcome.read.test):,} test reviews have the "
            "same text as reviews to train on: the test scores look better than they are. Test on "
            "other reviews."
        )

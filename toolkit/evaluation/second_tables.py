"""The tables and sentences about a second model, which the terminal and the page show alike."""

from __future__ import annotations

from toolkit.errors import counted
from toolkit.evaluation.cells import UNDEFINED, Cell, Row, Table, percent, table_of
from toolkit.evaluation.comparison import difference_in_points
from toolkit.evaluation.second_opinion import FEWEST_OF_GROUP, BestRange, SecondEvaluation
from toolkit.model.ranges import Range

CURVE_NOTE = (
    "Each row asks the second model for the reviews in a range around the threshold, and takes its "
    "answer, or the mean of both logits. These ranges do not depend on the labels, so their "
    "figures are not optimistic. Time is processor time per review, of both models."
)
BEST_NOTE = (
    "The best range is the smallest that is as accurate as the best one tried, up to a standard "
    "error. Its figures are by cross-validation: each half of the reviews chooses a range, which "
    "is measured on the other half. The range itself is chosen on all reviews."
)
GROUPS_NOTE = (
    f"Groups with {FEWEST_OF_GROUP} reviews or more, each with a range of its own, chosen and "
    "measured in the same way. A dash: no gain beyond chance (p < 0.05). One of twenty groups has "
    "such a gain by chance."
)


def title(found: SecondEvaluation) -> str:
    """Return the title of the part about the second model."""
    return f"{found.second} where {found.first} is unsure"


def verdict(found: SecondEvaluation) -> str:
    """Return a sentence on how much the second model helps, and when it is asked."""
    best = found.best
    change = _change(best)
    if best.helps:
        return (
            f"The second model helps: asked for {percent(best.share, 1)} of the reviews, it raises "
            f"the accuracy from {percent(best.accuracy_alone)} to {percent(best.accuracy)} "
            f"({change})."
        )
    if not best.share:
        return "The second model does not help here: no range makes the answers more accurate."
    return (
        f"The second model does not help here: asked for {percent(best.share, 1)} of the reviews, "
        f"it changes the accuracy from {percent(best.accuracy_alone)} to "
        f"{percent(best.accuracy)} ({change}). That may be chance."
    )


def advice(found: SecondEvaluation) -> str:
    """Return the options of `toolkit score` for the best range; empty if there is none."""
    if found.best.unsure is None:
        return ""
    options = []
    if found.first_option is not None:
        options.append(f"--model {found.first_option}")
    if found.threshold is not None:
        options.append(f"--threshold {found.threshold:.7g}")
    options.append(f"--second {found.option}")
    options.append(f"--unsure {written(found.best.unsure)}")
    if found.best.takes_mean:
        options.append("--second-mean")
    return " ".join(options)


def halves_note(found: SecondEvaluation) -> str:
    """Return which range each half chose, to see how sure the best one is."""
    first, second = (written(each) for each in found.best.of_halves)
    return f"One half of the reviews chose {first}, the other half {second}."


def threshold_note(found: SecondEvaluation) -> str:
    """Return a note that the second model's own threshold is not used; empty if it is equal."""
    own = found.threshold_of_second
    if own is None:
        return ""
    used = f"that of {found.first}" if found.threshold is None else f"{found.threshold:g}"
    return f"The threshold of {found.second}, {own:g}, is not used: {used} is."


def curve_table(found: SecondEvaluation) -> Table:
    """Make a table with a row per share of the reviews."""
    best = max(max(each.accuracy, each.mean_accuracy) for each in found.curve)
    rows: list[Row] = []
    for each in found.curve:
        figures = ((each.accuracy, each.log_loss), (each.mean_accuracy, each.mean_log_loss))
        cells = [
            Cell(percent(accuracy), f"{loss:.4f}", is_best=accuracy == best)
            for accuracy, loss in figures
        ]
        rows.append(
            [percent(each.share, 1), written(each.unsure), milliseconds(each.seconds), *cells]
        )
    accuracies = ("accuracy, log loss", "with the mean")
    return table_of(("asked", "range", "time", *accuracies), rows)


def groups_table(found: SecondEvaluation) -> Table | None:
    """Make a table with the best range of each large group; None without such groups."""
    if not found.groups:
        return None
    rows: list[Row] = []
    for each in found.groups:
        difference, interval = difference_in_points(each.comparison)
        rows.append(
            [
                each.name,
                f"{each.reviews:,}",
                percent(each.accuracy_alone, 1),
                percent(each.accuracy, 1),
                Cell(difference, detail=interval),
                percent(each.share, 1),
                _range_of(each),
            ]
        )
    return table_of(("group", "reviews", "alone", "both", "gain", "asked", "range"), rows)


def groups_sentence(found: SecondEvaluation) -> str:
    """Return in which groups the second model does not help; empty without such groups."""
    without = [each.name for each in found.groups if not each.helps]
    if not without:
        return ""
    return (
        "The second model does not help, or there are too few reviews to tell, in "
        f"{counted(len(without), 'group')} of {len(found.groups)}: {', '.join(without)}."
    )


def written(unsure: Range | None) -> str:
    """Write a range as `toolkit score --unsure` takes it."""
    return UNDEFINED if unsure is None else "{:.7g}:{:.7g}".format(*unsure)


def milliseconds(seconds: float) -> str:
    """Write a time in milliseconds."""
    return f"{1000 * seconds:#.3g}".rstrip(".") + " ms"


def _range_of(best: BestRange) -> str:
    if best.unsure is None:
        return UNDEFINED
    return written(best.unsure) + (", mean" if best.takes_mean else "")


def _change(best: BestRange) -> str:
    difference, interval = difference_in_points(best.comparison)
    return (
        f"{difference} points, 95% interval {interval}; log loss {best.log_loss_alone:.4f} to "
        f"{best.log_loss:.4f}; {milliseconds(best.seconds)} per review"
    )

"""What a comparison of two models means, in words."""

from __future__ import annotations

from toolkit.errors import counted
from toolkit.evaluation.differences.changes import SURE, Changes, Counts


def verdict(counts: Counts) -> str | None:
    """Say whether the new model is better or worse; None where no label is known."""
    found = counts.comparison
    if found is None:
        return None
    low, high = (points(end) for end in found.interval)
    figures = (
        f"{points(found.difference)} points (95% interval {low} to {high}), {p_of(found.p_value)}"
    )
    if found.p_value < SURE:
        return f"NEW is {'better' if found.difference > 0 else 'worse'}: {figures}."
    if not found.difference:
        return f"No difference: {figures}."
    return f"The difference may be chance: {figures}."


def changed_labels(counts: Counts) -> str:
    """Say how many labels change."""
    share = counts.changed / counts.answered if counts.answered else 0.0
    line = (
        f"{counts.changed:,} of {counts.answered:,} labels change ({share:.2%}): "
        f"{counts.to_positive:,} to positive, {counts.to_negative:,} to negative"
    )
    if counts.gained:
        line += f", {counts.gained:,} from no label"
    if counts.lost:
        line += f", {counts.lost:,} to no label"
    return f"{line}."


def who_is_right(counts: Counts) -> str | None:
    """Say who is right where the two answers differ; None where no label is known."""
    differ = counts.only_old_right + counts.only_new_right
    if not counts.labelled:
        return None
    if not differ:
        return f"The models give the {counted(counts.labelled, 'labelled row')} the same labels."
    return (
        f"Where their answers differ, on {counted(differ, 'labelled row')}, NEW is right on "
        f"{counts.only_new_right:,} and OLD on {counts.only_old_right:,}."
    )


def distances(changes: Changes) -> list[tuple[str, str]]:
    """Say how far probabilities and stars move: names, and what to say of them."""
    rows = []
    if (found := changes.probability) is not None:
        line = f"median {found.median:.3f}, 95% of the rows up to {found.most:.3f}, largest "
        rows.append(("change of the probability", f"{line}{found.largest:.3f}"))
    if (found := changes.stars) is not None:
        line = f"median {found.median:.2f}, 95% of the rows up to {found.most:.2f}, largest "
        more = f"; rounded, {changes.other_whole_stars:,} of {found.rows:,} rows have other stars"
        rows.append(("change of the stars", f"{line}{found.largest:.2f}{more}"))
    return rows


def points(share: float) -> str:
    """Such as ``+6.6``, of 100."""
    return f"{100 * share:+.1f}"


def p_of(value: float) -> str:
    """Such as ``p < 0.001`` or ``p = 0.38``."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.{2 if value >= 0.1 else 3}f}"

"""An evaluation as one page of HTML that needs nothing else: no network, no script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files

from toolkit import __version__
from toolkit.evaluation.markup import Markup, element, join, text
from toolkit.evaluation.mistake_markup import mistakes_of
from toolkit.evaluation.plots import DASHES, Plot, plots
from toolkit.evaluation.result import Evaluation, ModelResult
from toolkit.evaluation.tables import (
    COMPARISON_COLUMNS,
    Cell,
    Table,
    breakdown_table,
    comparison_note,
    comparison_rows,
    coverage_table,
    interval,
    metrics_table,
    percent,
    summary_of,
)

_DEFINITIONS = (
    ("Accuracy", "Share of the reviews that are right, with the 95 % interval of Wilson."),
    ("Balanced accuracy", "The mean of the accuracies on positive and on negative reviews."),
    ("AUC", "How often a positive review gets a higher probability than a negative one."),
    ("F1", "The harmonic mean of precision (of what is called positive, the share that is) and "
           "recall (of what is positive, the share that is called so)."),
    ("Log loss", "The mean of −ln(probability of the true label); probabilities are clipped to "  # noqa: RUF001
                 "1e-7 from 0 and 1."),
    ("Brier score", "The mean squared distance of the probability from the label, 0 or 1."),
    ("Calibration error", "Expected calibration error: the confidence of an answer is the "
                          "probability of the label given; in 15 bins of equal width, the "
                          "distance of mean confidence and accuracy, weighted by reviews."),
    ("Interval of a difference", "For paired answers, by Agresti and Min (2005)."),
    ("Words that misled", "Each word alone is replaced by an unknown one, and the review scored "
                          "again: the effect of a word is how far the log-odds of the wrong label "
                          "fall; where they are a sum over words and pairs, its own part and half "
                          "of its pairs. Only the last words are tried, as many as the model "
                          "reads."),
)  # fmt: skip

_MODELS_IN_HALF_A_PAGE = 2


def page(evaluation: Evaluation) -> str:
    """Write the page.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.

    Returns
    -------
    str
        A whole document; everything from the data is escaped.
    """
    style = (files("toolkit.evaluation") / "report.css").read_text(encoding="utf-8")
    name = evaluation.data.path.name
    head = join(
        Markup('<meta charset="utf-8">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        element("title", text(f"{name}: evaluation")),
        Markup(f"<style>\n{style}</style>"),
    )
    body = element("main", join(*_sections(evaluation)))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n'
        "</html>\n"
    )


def _sections(evaluation: Evaluation) -> Iterator[Markup]:
    yield _header(evaluation)
    if len(evaluation.models) == 1:
        yield _cards(evaluation.models[0])
    yield _metrics(evaluation)
    if evaluation.comparisons:
        yield from _comparison(evaluation)
    yield element("h2", text("Figures"), "new-page")
    yield element("div", join(*(_figure(evaluation, p) for p in plots(evaluation))), "figures")
    yield from _parts(evaluation)
    yield from _coverage(evaluation)
    yield from mistakes_of(evaluation)
    yield element("h2", text("What the figures mean"))
    yield element("dl", join(*(_definition(*each) for each in _DEFINITIONS)))
    yield element("footer", text(f"toolkit evaluate, version {__version__}"))


def _header(evaluation: Evaluation) -> Markup:
    data = evaluation.data
    models = ", ".join(model.name for model in evaluation.models)
    columns = ", ".join(f"{what}: {name}" for what, name in data.columns.items())
    return element(
        "header",
        join(
            element("h1", text(data.path.name)),
            element("p", text(f"{summary_of(data)}, judged by {models}.")),
            element("p", text(f"Columns: {columns}."), "soft"),
        ),
    )


def _metrics(evaluation: Evaluation) -> Markup:
    """The table of the metrics; beside it the confusion matrix, if there is only one."""
    table = join(element("h2", text("Metrics")), _table(evaluation, metrics_table(evaluation)))
    if evaluation.comparisons:
        return table
    title = element("h2", text("Confusion matrix"))
    matrix = join(title, _confusion(evaluation.models[0]))
    return element("div", join(element("div", table), element("div", matrix)), "pair")


def _comparison(evaluation: Evaluation) -> Iterator[Markup]:
    yield element("h2", text("Comparison"))
    yield element("p", text(comparison_note(evaluation)), "soft")
    yield _plain_table(COMPARISON_COLUMNS, comparison_rows(evaluation.comparisons))
    yield element("h2", text("Confusion matrices"))
    yield element("div", join(*map(_confusion, evaluation.models)), "pair")


def _parts(evaluation: Evaluation) -> Iterator[Markup]:
    yield element("h2", text("Accuracy on parts of the reviews"))
    tables = [breakdown_table(each) for each in evaluation.breakdowns]
    sections = [
        element("section", join(element("h3", text(t.title)), _table(evaluation, t, "name")))
        for t in tables
    ]
    is_narrow = len(evaluation.models) <= _MODELS_IN_HALF_A_PAGE
    yield element("div", join(*sections), "pair" if is_narrow else "")


def _coverage(evaluation: Evaluation) -> Iterator[Markup]:
    explanation = (
        "Accuracy if only the surest part of the reviews is answered; below, the range of "
        "probabilities to leave out for it with toolkit score --uncertain."
    )
    yield element("h2", text("If unsure reviews are left unanswered"))
    yield element("p", text(explanation), "soft")
    yield _table(evaluation, coverage_table(evaluation), "reviews answered")


def _cards(model: ModelResult) -> Markup:
    found = model.metrics
    low_high = f"accuracy, {interval(found.accuracy)} at 95 %"
    cards = [(percent(found.accuracy.value), low_high)]
    if found.auc is not None:
        cards.append((f"{found.auc:.4f}", "AUC"))
    cards += [
        (f"{found.log_loss:.4f}", "log loss"),
        (f"{found.calibration_error:.4f}", "calibration error"),
    ]
    boxes = (
        join(element("b", text(figure)), element("span", text(what))) for figure, what in cards
    )
    return element("div", join(*(element("div", box, "card") for box in boxes)), "cards")


def _table(evaluation: Evaluation, table: Table, corner: str = "") -> Markup:
    """A table with a column for each model."""
    names = [model.name for model in evaluation.models]
    heads = names if len(names) > 1 else [names[0] if not table.columns else "accuracy"]
    head = [element("th", text(each)) for each in (corner, *table.columns, *heads)]
    rows = []
    for row in table.rows:
        cells = [element("th", text(row.name))]
        cells += [element("td", text(each)) for each in row.common]
        cells += [
            element("td", _cell(cell), "best" if place in row.best else "")
            for place, cell in enumerate(row.cells)
        ]
        rows.append(element("tr", join(*cells)))
    return _scrolled(head, rows)


def _cell(cell: Cell) -> Markup:
    parts = [text(cell.text)]
    if cell.note:
        parts.append(element("small", text(cell.note)))
    if cell.share is not None:
        bar = Markup(f'<span class="bar"><i style="width:{100 * cell.share:.1f}%"></i></span>')
        parts.append(bar)
    return join(*parts)


def _plain_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Markup:
    return _scrolled(
        [element("th", text(each)) for each in columns],
        [element("tr", join(*(element("td", text(cell)) for cell in row))) for row in rows],
    )


def _scrolled(head: Iterable[Markup], rows: Iterable[Markup], kind: str = "") -> Markup:
    """A table that can be moved sideways where the screen is narrow."""
    content = join(
        element("thead", element("tr", join(*head))),
        element("tbody", join(*rows)),
    )
    return element("div", element("table", content, kind), "scroll")


def _confusion(model: ModelResult) -> Markup:
    m = model.metrics
    rows = [
        ("positive", m.true_positives, m.false_negatives),
        ("negative", m.false_positives, m.true_negatives),
    ]
    body = []
    for name, *counts in rows:
        cells = [element("th", text(name))]
        for count in counts:
            share = f"{count / sum(counts):.1%}".replace("%", " %") if sum(counts) else ""
            cells.append(element("td", join(text(f"{count:,}"), element("small", text(share)))))
        body.append(element("tr", join(*cells)))
    head = [element("th", text(each)) for each in ("label", "called positive", "called negative")]
    title = element("h3", text(f"{model.name}, threshold {model.threshold:.4g}"))
    return element("div", join(title, _scrolled(head, body, "confusion")))


def _figure(evaluation: Evaluation, plot: Plot) -> Markup:
    parts = [element("h3", text(plot.title)), Markup(plot.svg)]
    if len(evaluation.models) > 1:
        keys = (
            _key(number, model.name, DASHES[number % len(DASHES)] if plot.has_dashes else ())
            for number, model in enumerate(evaluation.models)
        )
        parts.append(element("ul", join(*keys), "legend"))
    parts.append(element("figcaption", text(plot.caption)))
    return element("figure", join(*parts))


def _key(number: int, name: str, on_and_off: tuple[float, ...]) -> Markup:
    """An entry of the legend, with the line as it is drawn."""
    dashes = " ".join(f"{2 * length:g}" for length in on_and_off)
    line = Markup(
        '<svg viewBox="0 0 28 8" aria-hidden="true"><path d="M0 4H28" fill="none" stroke-width="3" '
        f'stroke="var(--series-{number % 8})" stroke-dasharray="{dashes or "none"}"/></svg>'
    )
    return element("li", join(line, element("span", text(name))))


def _definition(name: str, meaning: str) -> Markup:
    return join(element("dt", text(name)), element("dd", text(meaning)))

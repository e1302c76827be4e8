"""An evaluation, or a summary, as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from toolkit import __version__
from toolkit.classes import SENTIMENT
from toolkit.evaluation import behaviour, cells, class_tables, second_tables, tables
from toolkit.evaluation.class_comparison import ClassReport, comparison_sections
from toolkit.evaluation.class_evaluate import ClassEvaluation
from toolkit.evaluation.class_metrics import TOP
from toolkit.evaluation.class_summary import ClassSummary, class_headline, class_sections
from toolkit.evaluation.evaluate_models import Evaluation, Mistake
from toolkit.evaluation.figures import DASHES, plots, spark, summary_plots
from toolkit.evaluation.groups import groups_note
from toolkit.evaluation.metrics import METRICS
from toolkit.evaluation.summary import Summary, sections, since_title
from toolkit.evaluation.summary_headline import headline
from toolkit.evaluation.summary_shades import shaded_tables
from toolkit.model.explain import pieces
from toolkit.model.training_facts import PARTS

_HERE = Path(__file__).parent  # of the template and the styles

# HTML has no place for them, not even escaped.
# And what would turn the direction of the text after it.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)

_FEWEST_OF_GROUP = 10  # rows of a group in a table
_FEW_ROWS = 100  # of a file whose figures say little: its reviews are shown instead
_LETTERS_SHOWN = 4000  # of a review whose words were not tried
_FAINT = 0.08  # of the strongest effect: weaker ones are not marked


class Span(NamedTuple):
    """A piece of a review, marked by what it adds to the wrong label."""

    text: str
    effect: float = 0.0  # log-odds; 0: not marked
    strength: float = 0.0  # 0 to 1, as a share of the strongest word


def page(evaluation: Evaluation) -> str:
    """Write the whole page; everything from the data is escaped."""
    return _rendered(
        "report.html.j2",
        evaluation=evaluation,
        labels=SENTIMENT,
        metrics=METRICS,
        behaviour=behaviour,
        parts=PARTS,
        plots={} if evaluation.data.is_suite else plots(evaluation),
        groups_note=groups_note,
        dashes=DASHES,
        spans=spans,
        cells=cells,
        tables=tables,
        second_tables=second_tables,
    )


def class_page(found: ClassEvaluation) -> str:
    """Write the page of a model of classes; everything from the data is escaped."""
    return _rendered("classes.html.j2", found=found, top=TOP, cells=cells, tables=class_tables)


def class_comparison_page(found: ClassReport) -> str:
    """Write the page of several models of classes; everything from the data is escaped."""
    return _rendered(
        "class_comparison.html.j2",
        found=found,
        pairs=[*zip(found.names, found.models, strict=True)],
        sections=comparison_sections(found),
        tables=class_tables,
    )


def summary_page(found: Summary) -> str:
    """Write the page of scored files; everything from the data is escaped."""
    return _rendered(
        "summary.html.j2",
        found=found,
        lead=headline(found),
        bar_labels=[found.negative, *found.labels[1:-1], found.positive],
        plots=summary_plots(found),
        cells=cells,
        sections=sections(found, fewest=_FEWEST_OF_GROUP),
        is_small=found.total.rows < _FEW_ROWS,
        since_title=since_title(found),
        shades=shaded_tables(found),
        spark=spark,
    )


def class_summary_page(found: ClassSummary) -> str:
    """Write the page of files that a model of classes scored; all from the data is escaped."""
    return _rendered(
        "class_summary.html.j2",
        found=found,
        lead=class_headline(found),
        sections=class_sections(found),
    )


def _rendered(name: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        finalize=_printable,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(name).render(
        **values,
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),  # noqa: S704 (our own)
        version=__version__,
    )


def spans(mistake: Mistake) -> Iterator[Span]:
    """Split the part of a review that the model reads into words and the text between them."""
    words = [word for word in mistake.words if word.state != "unread"]
    if not words:
        cut = mistake.text[:_LETTERS_SHOWN]
        yield Span(cut if cut == mistake.text else f"{cut}…")
        return
    strongest = max(abs(word.contribution) for word in words)
    for text, word in pieces(mistake.text, mistake.words):
        strength = abs(word.contribution) / strongest if word and strongest else 0.0
        effect = mistake.effect(word) if word and strength >= _FAINT else 0.0
        yield Span(text, effect, strength)


def _printable(value: Any) -> Any:
    """Replace controls and what HTML cannot hold by U+FFFD; escaped text stays as it is."""
    return _CONTROL.sub("\ufffd", value) if type(value) is str else value

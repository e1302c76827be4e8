"""An evaluation as one HTML page that needs nothing else: no network, no script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

from toolkit import __version__
from toolkit.evaluation import tables
from toolkit.evaluation.evaluate_models import Evaluation
from toolkit.evaluation.groups import groups_note
from toolkit.evaluation.metrics import METRICS
from toolkit.evaluation.mistakes import Mistake
from toolkit.evaluation.plots import DASHES, group_plot, plots
from toolkit.evaluation.reviews import LABELS

# HTML has no place for them, not even escaped.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

_LETTERS_SHOWN = 4000  # of a review whose words were not tried
_FAINT = 0.08  # of the strongest effect: weaker ones are not marked


class Span(NamedTuple):
    """A piece of a review, marked by what it adds to the wrong label."""

    text: str
    effect: float = 0.0  # log-odds; 0: not marked
    strength: float = 0.0  # 0 to 1, as a share of the strongest word


def page(evaluation: Evaluation) -> str:
    """Write the whole page; everything from the data is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        finalize=_printable,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    here = files("toolkit.evaluation")
    template = environment.from_string((here / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        evaluation=evaluation,
        labels=LABELS,
        metrics=METRICS,
        plots=plots(evaluation),
        group_plot=evaluation.groups and group_plot(evaluation, evaluation.groups),
        groups_note=groups_note,
        dashes=DASHES,
        spans=spans,
        style=Markup((here / "report.css").read_text(encoding="utf-8")),  # noqa: S704 (our own)
        tables=tables,
        version=__version__,
    )


def spans(mistake: Mistake) -> Iterator[Span]:
    """Split a review into its words and what is between them, as far as the model reads it."""
    words = [word for word in mistake.words if word.state != "unread"]
    if not words:
        cut = mistake.text[:_LETTERS_SHOWN]
        yield Span(cut + "…" * (cut != mistake.text))
        return
    at = words[0].start if mistake.unread else 0
    strongest = max(abs(word.contribution) for word in words)
    for word in words:
        yield Span(mistake.text[at : word.start])
        strength = abs(word.contribution) / strongest if strongest else 0.0
        effect = mistake.effect(word) if strength >= _FAINT else 0.0
        yield Span(mistake.text[word.start : word.end], effect, strength)
        at = word.end
    yield Span(mistake.text[at:])


def _printable(value: Any) -> Any:
    """Replace what HTML cannot hold by U+FFFD; what is escaped already stays as it is."""
    return _CONTROL.sub("\ufffd", value) if type(value) is str else value

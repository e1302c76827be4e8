"""The most confident mistakes, with the words that misled, as HTML."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.evaluation.markup import Markup, element, join, text
from toolkit.evaluation.mistakes import Mistake, Word
from toolkit.evaluation.result import Evaluation, ModelResult

_LETTERS_SHOWN = 4000  # of a review whose words were not tried
_WORDS_NAMED = 8
_FAINT = 0.08  # of the strongest effect: not marked


def mistakes_of(evaluation: Evaluation) -> Iterator[Markup]:
    """Give a section for each model that is wrong at all."""
    for model in evaluation.models:
        if not model.mistakes:
            continue
        name = f" by {model.name}" if len(evaluation.models) > 1 else ""
        yield element("h2", text(f"Most confident mistakes{name}"), "new-page")
        if any(mistake.words for mistake in model.mistakes):
            yield element("p", _explanation(), "soft")
        yield join(*(_article(model, mistake) for mistake in model.mistakes))


def _explanation() -> Markup:
    return join(
        Markup('<mark class="w" style="--e:.7">Red</mark>'),
        text("words spoke for the wrong label,"),
        Markup('<mark class="r" style="--e:.7">blue</mark>'),
        text("ones against it; the stronger the colour, the more."),
    )


def _article(model: ModelResult, mistake: Mistake) -> Markup:
    labels = ("negative", "positive")
    called = labels[mistake.probability >= model.threshold]
    title = (
        f"Row {mistake.row:,}: labelled {labels[mistake.label]}, called {called} with a "
        f"probability of positive of {mistake.probability:.3f}"
    )
    parts = [element("h3", text(title))]
    if names := mistake.misleading(_WORDS_NAMED):
        parts.append(element("p", text(f"Misled by: {', '.join(names)}"), "soft"))
    parts.append(Markup(f'<p class="review" dir="auto">{review_markup(mistake)}</p>'))
    return element("article", join(*parts))


def review_markup(mistake: Mistake) -> Markup:
    """Give the text of a review with its words marked, as far as the model reads it."""
    content, words = mistake.text, mistake.words
    if not words:
        cut = content[:_LETTERS_SHOWN]
        return text(cut + "…" * (cut != content))
    parts = []
    at = words[0].start
    before = mistake.unread
    if before:
        words_are = "1 word before this is" if before == 1 else f"{before:,} words before this are"
        parts.append(element("span", text(f"[{words_are} not read] "), "unread"))
    else:
        at = 0
    strongest = max(abs(word.effect) for word in words)
    for word in words:
        parts += [text(content[at : word.start]), _marked(content, word, strongest)]
        at = word.stop
    parts.append(text(content[at:]))
    return Markup("".join(parts))


def _marked(content: str, word: Word, strongest: float) -> Markup:
    written = text(content[word.start : word.stop])
    share = abs(word.effect) / strongest if strongest else 0.0
    if share < _FAINT:
        return written
    kind = "w" if word.effect > 0 else "r"
    return Markup(
        f'<mark class="{kind}" style="--e:{share:.2f}" title="{word.effect:+.2f}">{written}</mark>'
    )

"""`toolkit explain`: which words make the score of a text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.errors import InputError, UsageError
from toolkit.model.shipped import SHIPPED

_STDIN = "-"


def explain(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="Model file of `toolkit export`, or a shipped model by its name: "
            f"{', '.join(SHIPPED)}.",
            show_default=False,
        ),
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT",
            help="Reviews, each in quotes; by default, or for -, the one that standard input "
            "holds. Behind --, one may begin with a dash.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead, a line for each text.")
    ] = False,
) -> None:
    """Show what each word of a text adds to its score.

    Words for positive are blue, those against it red and underlined; where there are no colours,
    they are marked as [+fine] and [-dull]. The numbers are parts of the logit, the log-odds of
    positive: how far it falls when the word is replaced by an unknown one. Of a model whose logit
    is a sum over words and pairs of words (ngram-linear), they are exact and add up.

    Examples: `toolkit explain ngram-cnn "A fine film, but not for me."`, or

    - `toolkit explain ngram-linear --json < review.txt`
    """
    from json import dumps

    from toolkit.cli.explanation_view import show
    from toolkit.model.scorer import Scorer

    scorer = Scorer(model)
    explanations = [scorer.explain(text) for text in _read(texts or [_STDIN])]
    if not json:
        show(explanations, scorer.facts.max_tokens)
        return
    for explanation in explanations:
        typer.echo(dumps(explanation.as_dict()))


def _read(texts: list[str]) -> list[str]:
    """Put what standard input holds in the place of -; `ToolkitError` for a blank text."""
    if texts.count(_STDIN) > 1:
        raise UsageError("-: standard input can be only one of the texts")
    found = [_standard_input() if text == _STDIN else text for text in texts]
    for number, text in enumerate(found, 1):
        if not text or text.isspace():
            which = f"text {number}" if len(found) > 1 else "the text"
            raise UsageError(f"{which} is blank, and has no score to explain")
    return found


def _standard_input() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("no text: give one behind the model, or send one to standard input")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input: no UTF-8 text at byte {error.start}") from None

"""`toolkit explain`: what each word of a text adds to its score."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.table import Table
from rich.text import Text

from toolkit import __version__
from toolkit.cli import options as o
from toolkit.cli.console import new_console, one_line, shortened
from toolkit.errors import InputError, UsageError, counted
from toolkit.files import is_there
from toolkit.model import SHIPPED
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions

if TYPE_CHECKING:
    from toolkit.model.explain import ClassExplanation, Explanation, Word
    from toolkit.model.scorer import Scorer
    from toolkit.model.sentences import Sentence


class Row(NamedTuple):
    """A text to explain."""

    number: int  # of its row in the file, from 1; 0: it is not from a file
    text: str


_STDIN = "-"
_TEXTS = (
    "Reviews, each in quotes. Without any, or with -, standard input is read as one review. Put "
    "-- before a review that begins with a dash."
)

Texts = Annotated[list[str] | None, o.argument("TEXT", _TEXTS)]
File = Annotated[
    Path | None, o.option("FILE", "File with reviews to explain.", names=("--file", "-f"))
]
Rows = Annotated[
    list[int] | None,
    o.option(
        value="N",
        what="Row to explain, counted from 1.",
        default="the first",
        names=("--row",),
        min=1,
    ),
]
BySentence = Annotated[bool, o.flag("--by-sentence", "Also show the score of each sentence.")]
ClassName = Annotated[
    str | None,
    o.option(
        "LABEL",
        "Class to explain, of a model of classes.",
        default="the most likely",
        names=("--class",),
    ),
]
Limit = Annotated[int, o.option("N", "Number of rows to explain, without --row.", True, min=1)]


def explain(
    texts: Texts = None,
    model: o.Model = None,
    by_sentence: BySentence = False,
    aspects: o.Aspects = None,
    aspect: o.Aspect = None,
    class_name: ClassName = None,
    file: File = None,
    rows: Rows = None,
    limit: Limit = 10,
    text_column: o.TextColumn = None,
    *,
    reading: o.ReadingOptions,
    json: o.Json = False,
) -> None:
    """Show what each word of a review adds to its score.

    The numbers are log-odds of positive: how far the score falls without the word.

    Examples: `toolkit explain "A fine film, but not for me."`, or

    - `toolkit explain --by-sentence "The camera is excellent but the battery is terrible."`
    - `toolkit explain --aspects hotels "The room was lovely, but the staff were rude."`
    - `toolkit explain --file reviews.csv --row 17`
    - `toolkit explain --model reviews-small --json < review.txt`
    - `toolkit explain --model topics --class billing "I was charged twice."`
    """
    from json import dumps

    from toolkit.model.scorer import Scorer

    read_options = reading.options(Columns(o.text_columns(text_column)))
    if file is None:
        _check_needs_no_file(rows, read_options)
        found = [Row(0, text) for text in _given(texts or [_STDIN])]
    elif texts:
        raise UsageError("Give either texts or --file, not both.")
    else:
        found = _found(file=file, reading=read_options, wanted=sorted(set(rows or ())), limit=limit)
    scorer = Scorer(model, by_sentence=by_sentence, aspects=o.aspects_of(aspects, aspect))
    if class_name is not None:
        scorer.check_class("--class", class_name)
    scorer.check_words("toolkit explain")
    found = _scored(found, scorer, file, must_all=file is None or bool(rows))
    for number, row in enumerate(found):
        explanation = (
            scorer.explain(row.text)
            if scorer.answers is None
            else scorer.explain_class(row.text, class_name)
        )
        if json:
            place = {"row": row.number} if row.number else {}
            model_of = {"model": scorer.identity(), "toolkit_version": __version__}
            typer.echo(dumps({**place, **explanation.as_dict(), **model_of}))
        else:
            _show(explanation, scorer.facts.max_tokens, row=row.number, is_first=not number)


def _check_needs_no_file(rows: list[int] | None, reading: ReadOptions) -> None:
    """Raise `UsageError` for options that mean nothing without a file."""
    if rows:
        raise UsageError("--row: needs a file. Name it with --file.")
    if reading != ReadOptions():
        raise UsageError("Options for columns and reading need a file. Name it with --file.")


def _given(texts: list[str]) -> list[str]:
    """Replace - by standard input; raise `UsageError` for a blank text."""
    first = texts[0]
    if first in SHIPPED or (first.endswith(".onnx") and Path(first).is_file()):
        raise UsageError(
            f"{first}: is a model, expected a text. "
            f'Name the model with --model: toolkit explain --model {first} "A fine film."'
        )
    if texts.count(_STDIN) > 1:
        raise UsageError("-: only one of the texts can be standard input.")
    found = [_standard_input() if text == _STDIN else text for text in texts]
    for number, text in enumerate(found, 1):
        if not text or text.isspace():
            which = f"text {number}" if len(found) > 1 else "the text"
            raise UsageError(f"{which} is blank: it has no score to explain.")
    return found


def _standard_input() -> str:
    is_there = sys.stdin is not None and not sys.stdin.isatty()
    try:
        found = sys.stdin.buffer.read().decode("utf-8-sig") if is_there else ""
    except UnicodeDecodeError as error:
        raise InputError(f"standard input: not UTF-8 at byte {error.start}.") from None
    if not found:
        raise UsageError(
            'no text given. Give one in quotes (toolkit explain "A fine film."), name a file with '
            "--file, or send a text to standard input."
        )
    return found


def _found(file: Path, reading: ReadOptions, wanted: list[int], limit: int) -> list[Row]:
    """Return the rows to explain; raise `InputError` if there are none."""
    if str(file) != _STDIN and not is_there(file):
        raise InputError(f"{file}: no such file")
    found = list(_rows(file=file, reading=reading, wanted=wanted, limit=limit))
    if not found:
        raise InputError(f"{file}: no reviews with text in the first {limit:,} rows.")
    return found


def _scored(found: list[Row], scorer: Scorer, file: Path | None, *, must_all: bool) -> list[Row]:
    """Return the rows that have a score: the model knows at least one of their words.

    Raises `ToolkitError` if no row is left, or, with `must_all`, if one is left out.
    """
    answers = scorer.classify([row.text for row in found])
    kept = [row for row, answer in zip(found, answers, strict=True) if answer.label is not None]
    if must_all and len(kept) < len(found):
        position = next(at for at, answer in enumerate(answers) if answer.label is None)
        row = found[position]
        missing = "score" if scorer.answers is None else "label"
        what = f"{scorer.why_unscored(row.text)}: it has no {missing} to explain."
        if file is not None:
            raise InputError(f"{file}: row {row.number:,}: {what}")
        raise UsageError(f"text {position + 1}: {what}" if len(found) > 1 else what)
    if not kept:
        reviews = counted(len(found), "review")
        why = "the model knows no word, or only numbers and function words, or the texts are not "
        why += "in English."
        if scorer.answers is not None:
            reviews = counted(len(found), "row")
            why = "the model knows no word."
        raise InputError(f"{file}: nothing to explain: in the first {reviews} with text, {why}")
    return kept


def _rows(file: Path, reading: ReadOptions, wanted: list[int], limit: int) -> Iterator[Row]:
    """Yield the wanted rows of a file, or the first `limit` rows that have text.

    Raises `ToolkitError` if a wanted row has no text or does not exist.
    """
    from toolkit.records.table import read_texts  # late: it imports Arrow

    last = wanted[-1] if wanted else limit
    number = 0
    for number, text in enumerate(islice(read_texts(file, reading), last), 1):
        if wanted and number not in wanted:
            continue
        if text and not text.isspace():
            yield Row(number, text)
        elif wanted:
            raise InputError(f"{file}: row {number:,} has no text to explain.")
    if wanted and number < last:
        raise UsageError(f"--row {last}: {file} has only {counted(number, 'row')}.")


# From these shares of the strongest contribution, a word is marked once, twice, three times.
_LEVELS = (0.15, 0.4, 0.7)
_STYLES = {
    True: ("blue", "bold blue", "bold white on blue"),
    False: ("underline red", "bold underline red", "bold underline white on red"),
}
_WORDS_LISTED = 10
_LONGEST_LISTED = 40  # characters of a word
_BAR = 24  # characters of the longest


def _show(
    explanation: Explanation | ClassExplanation, max_tokens: int, *, row: int, is_first: bool
) -> None:
    """Print a text with marked words, its sentences, the strongest words, and the logit."""
    from toolkit.model.explain import Explanation

    console = new_console()
    if not is_first:
        console.print()
    line = Text(f"row {row:,}: " if row else "")
    _add_answer(line, explanation)
    console.print(line)
    has_no_colours = console.no_color or console.color_system is None
    console.print(_marked(explanation, max_tokens, signs=has_no_colours), end="\n\n")
    if isinstance(explanation, Explanation) and explanation.sentences:
        console.print(_sentences(explanation.sentences))
        console.print()
    if words := _strongest(explanation):
        console.print(_table(words, "█" if console.encoding.startswith("utf") else "#"))
        console.print()
    console.print(_sum_of(explanation))
    if unknown := _unknown_words(explanation):
        console.print(Text(f"unknown to the model, no effect: {unknown}", style="dim"))


def _sum_of(explanation: Explanation | ClassExplanation) -> str:
    """Return the logit of a text as the sum of its baseline and its words."""
    from toolkit.model.explain import Explanation

    total = sum(word.contribution for word in explanation.words)
    name = "logit" if isinstance(explanation, Explanation) else "log-odds"
    logit = f"{name} {explanation.logit:+.2f} = baseline {explanation.baseline:+.2f}"
    rest = f", interactions {explanation.rest:+.2f}" if explanation.method == "occlusion" else ""
    return f"{logit}, words {total:+.2f}{rest}"


def _unknown_words(explanation: Explanation | ClassExplanation) -> str:
    """Return a list of the first words of a text that the model does not know; may be empty."""
    unknown = [word.text for word in explanation.words if word.state == "unknown"]
    names = [*dict.fromkeys(shortened(one_line(word), _LONGEST_LISTED) for word in unknown)]
    more = len(names) - _WORDS_LISTED
    return ", ".join(names[:_WORDS_LISTED]) + (f", and {more:,} more" if more > 0 else "")


def _add_answer(line: Text, explanation: Explanation | ClassExplanation) -> None:
    """Add the label and its probability to the first line of a text."""
    from toolkit.model.explain import Explanation

    if isinstance(explanation, Explanation):
        line.append(explanation.sentiment, style="bold")
        line.append(f", probability of positive {explanation.probability:.3f}\n", "not bold")
        return
    line.append(one_line(explanation.label), style="bold")
    line.append(f", probability {explanation.probability:.3f}\n", "not bold")
    if explanation.explained != explanation.label:
        share = f"probability {explanation.explained_probability:.3f}"
        line.append(f"words for and against {one_line(explanation.explained)}, {share}:\n")


def _marked(explanation: Explanation | ClassExplanation, max_tokens: int, *, signs: bool) -> Text:
    """Return the text with marked words; words that the model does not read are left out."""
    from toolkit.model.explain import pieces

    found = Text()
    if unread := sum(word.state == "unread" for word in explanation.words):
        count = counted(unread, "word")
        found.append(
            f"[first {count} not read: the model reads the last {max_tokens:,}] ", style="dim"
        )
    strongest = max((abs(word.contribution) for word in explanation.words), default=0.0)
    for text, word in pieces(explanation.text, explanation.words):
        found.append(*((_flat(text), "") if word is None else _mark(word, strongest, signs=signs)))
    return found


def _mark(word: Word, strongest: float, *, signs: bool) -> tuple[str, str]:
    """Return a word with its signs, and its style."""
    shown = one_line(word.text)
    if word.state == "unknown":
        return shown, "dim"
    share = abs(word.contribution) / strongest if strongest else 0.0
    level = sum(share >= least for least in _LEVELS)
    if not level:
        return shown, ""
    speaks_for = word.contribution > 0
    if signs:
        return f"[{('+' if speaks_for else '-') * level}{shown}]", ""
    return shown, _STYLES[speaks_for][level - 1]


def _flat(separators: str) -> str:
    """Replace line breaks and tabs by spaces, in the text between words."""
    return one_line(re.sub(r"[\t\n\v\f\r\x85\u2028\u2029]+", " ", separators))


def _sentences(sentences: Sequence[Sentence]) -> Table:
    """Return a table of sentences: probability, label if it is clear, aspects, text."""
    has_aspects = any(sentence.aspects is not None for sentence in sentences)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    if has_aspects:
        table.add_column()
    table.add_column(overflow="fold")
    for sentence in sentences:
        row = [Text(f"{sentence.probability:.3f}"), Text(sentence.sentiment or "", style="bold")]
        if has_aspects:
            row.append(Text(", ".join(sentence.aspects or ()), style="dim"))
        table.add_row(*row, Text(_flat(sentence.text)))
    return table


def _strongest(explanation: Explanation | ClassExplanation) -> list[tuple[str, float]]:
    """Return the words with the largest contributions, added up over all occurrences."""
    found: dict[str, list[float]] = {}
    for word in explanation.words:
        found.setdefault(word.text.lower(), []).append(word.contribution)
    sums = [
        (one_line(name) + (f" x{len(values)}" if values[1:] else ""), sum(values))
        for name, values in found.items()
    ]
    sums = [(name, total) for name, total in sums if total]
    return sorted(sums, key=lambda entry: -abs(entry[1]))[:_WORDS_LISTED]


def _table(words: list[tuple[str, float]], block: str) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    longest = abs(words[0][1])
    for name, value in words:
        bar = block * max(1, round(_BAR * abs(value) / longest))
        table.add_row(Text(name), f"{value:+.2f}", Text(bar, style="blue" if value > 0 else "red"))
    return table

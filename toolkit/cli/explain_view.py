"""What `toolkit explain` shows on the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from toolkit.cli.console import new_console, one_line, shortened
from toolkit.errors import counted
from toolkit.model.explain import Explanation, Word
from toolkit.model.sentences import Sentence

# Shares of the strongest contribution from which a word is marked once, twice, three times.
_LEVELS = (0.15, 0.4, 0.7)
_STYLES = {
    True: ("blue", "bold blue", "bold white on blue"),
    False: ("underline red", "bold underline red", "bold underline white on red"),
}
_WORDS_LISTED = 10
_LONGEST_LISTED = 40  # characters of a word
_BAR = 24  # characters of the longest


def show(explanation: Explanation, max_tokens: int, *, row: int, is_first: bool) -> None:
    """Print a text with its words marked, its sentences, the strongest words, and the sum.

    Row 0: of no file.
    """
    console = new_console()
    if not is_first:
        console.print()
    line = Text(f"row {row:,}: " if row else "")
    line.append(explanation.sentiment, style="bold")
    line.append(f", probability of positive {explanation.probability:.3f}\n", "not bold")
    console.print(line)
    has_no_colours = console.no_color or console.color_system is None
    console.print(_marked(explanation, max_tokens, signs=has_no_colours), end="\n\n")
    if explanation.sentences:
        console.print(_sentences(explanation.sentences))
        console.print()
    if words := _strongest(explanation):
        console.print(_table(words, "█" if console.encoding.startswith("utf") else "#"))
        console.print()
    total = sum(word.contribution for word in explanation.words)
    logit = f"logit {explanation.logit:+.2f} = baseline {explanation.baseline:+.2f}"
    rest = f", interactions {explanation.rest:+.2f}" if explanation.method == "occlusion" else ""
    console.print(f"{logit}, words {total:+.2f}{rest}")
    unknown = (word.text for word in explanation.words if word.state == "unknown")
    if names := list(dict.fromkeys(shortened(one_line(word), _LONGEST_LISTED) for word in unknown)):
        more = len(names) - _WORDS_LISTED
        listed = ", ".join(names[:_WORDS_LISTED]) + (f", and {more:,} more" if more > 0 else "")
        console.print(Text(f"unknown to the model, without effect: {listed}", style="dim"))


def _marked(explanation: Explanation, max_tokens: int, *, signs: bool) -> Text:
    """Give the text with its words marked, as far as the model reads it."""
    content, at = explanation.text, 0
    found = Text()
    words = [word for word in explanation.words if word.state != "unread"]
    unread = len(explanation.words) - len(words)
    if unread:
        at, count = words[0].start, counted(unread, "word")
        found.append(f"[{count} before the last {max_tokens:,} not read] ", style="dim")
    strongest = max((abs(word.contribution) for word in words), default=0.0)
    for word in words:
        found.append(_flat(content[at : word.start]))
        found.append(*_mark(word, strongest, signs=signs))
        at = word.end
    found.append(_flat(content[at:]))
    return found


def _mark(word: Word, strongest: float, *, signs: bool) -> tuple[str, str]:
    """Give a word as it is shown, and its style."""
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
    """Give what is no word, without line breaks and tabs; after a NUL, it may be anything."""
    return one_line(re.sub(r"[\t\n\v\f\r\x85\u2028\u2029]+", " ", separators))


def _sentences(sentences: Sequence[Sentence]) -> Table:
    """Give the sentences with their probabilities, and their labels where they are clear."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for sentence in sentences:
        label = Text(sentence.sentiment or "", style="bold")
        table.add_row(f"{sentence.probability:.3f}", label, Text(_flat(sentence.text)))
    return table


def _strongest(explanation: Explanation) -> list[tuple[str, float]]:
    """Give the words with the largest contributions, the occurrences of each together."""
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

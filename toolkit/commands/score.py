"""`toolkit score`: a score beside every review of a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.scoring.score_file import Progress, Summary


def score(
    file: Annotated[
        Path,
        typer.Argument(help="Reviews: a .csv, .jsonl or .ndjson file.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write; by default beside the input: reviews.scored.csv.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            "-m",
            help="Model file of `toolkit export`; by default the shipped one.",
            show_default=False,
        ),
    ] = None,
    text_column: Annotated[
        str | None,
        typer.Option(
            help="Column with the reviews; by default 'text', or else 'review'.",
            show_default=False,
        ),
    ] = None,
    sentiment_column: Annotated[
        str, typer.Option(help="Name of the added column with the label.")
    ] = "predicted_sentiment",
    probability_column: Annotated[
        str, typer.Option(help="Name of the added column with the probability.")
    ] = "positive_probability",
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Probability from which a review is positive, 0 to 1; by default the model's.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Threads that score; by default one a usable core.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing output.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing unless it fails.")
    ] = False,
) -> None:
    """Score the reviews of a file.

    Every record stays as it is, in order, with two columns added: predicted_sentiment (positive or
    negative) and positive_probability. Both are empty where a record has no text.

    Example: `toolkit score reviews.csv --text-column body -o scored.csv`
    """
    from toolkit.formats.columns import Columns
    from toolkit.scoring.score_file import ScoringOptions, default_output, score_file
    from toolkit.scoring.scorer import Scorer

    target = output if output is not None else default_output(file)
    options = ScoringOptions(
        Columns(text_column, sentiment_column, probability_column), workers, force
    )
    scorer = Scorer(model, threshold)
    with _progress(file, quiet=quiet) as on_progress:
        summary = score_file(scorer, file, target, options, on_progress)
    if not quiet:
        _show(summary, target)


@contextmanager
def _progress(file: Path, *, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Show a bar on a terminal, and a line every ten seconds elsewhere."""
    from toolkit.commands.progress import progress_bar, progress_lines

    if quiet:
        yield None
    elif typer.get_text_stream("stderr").isatty():
        with progress_bar(file.name) as on_progress:
            yield on_progress
    else:
        yield progress_lines(file.name)


def _show(summary: Summary, output: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    console.print(Text(str(output), "bold"), soft_wrap=True)
    rows = [
        ("records", f"{summary.records:,}"),
        ("scored", f"{summary.scored:,}"),
        ("positive", f"{summary.positive:,} ({summary.positive_share:.1%} of the scored)"),
        ("without text", f"{summary.without_text:,}"),
        ("time", f"{summary.seconds:.2f} s ({summary.rate:,.0f} reviews/s)"),
    ]
    for name, value in rows:
        console.print(f"  {name:<13} {value}")

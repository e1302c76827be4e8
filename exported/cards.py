"""Model cards for README.md, from what the model files say of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from toolkit.cli.fact_lines import (
    Row,
    calibration_line,
    data_rows,
    metric_rows,
    parity_line,
    quantization_line,
    threshold_line,
)
from toolkit.model.file import ModelFile

# What is above this line of README.md is written by hand.
MARKER = "<!-- Below: written by exported/make.py from the metadata of the model files. -->"

_CARD = """
## {preset}

| | |
|---|---|
| input | `text`: string[batch], UTF-8, at least one text |
| outputs | `probability`: float32[batch], of a positive review; `label`: string[batch], `{negative}` or `{positive}` |
| threshold | {threshold} |
| reads | the last {max_tokens} tokens of a review; {vocabulary_size:,} token ids |
| size | {size:.2f} MB (ids-in twin: {twin_size:.2f} MB) |
{quantization}| format | version {format_version}, written by toolkit {toolkit_version} |

### Intended use

Sorting English reviews of films into positive and negative, in bulk or inside an application.

### Training data

| | |
|---|---|
{data}
{teacher}
Large Movie Review Dataset (Maas et al., Learning Word Vectors for Sentiment Analysis, ACL 2011), for research
use; it is not part of this project.

### Evaluation

| | |
|---|---|
{metrics}
| calibration | {calibration} |
| parity | {parity} |

### Limits

It knows English only, and film reviews best: words that mean something else in other domains cause mistakes. It reads
no irony and little negation, and of a review of more than {max_tokens} tokens only the end. There is no class for
neutral or mixed reviews: its training data have none.

### Biases

It has learned from what visitors of one web site wrote up to 2011, so names of people, countries and
genres carry the opinions of that time and place. Do not use it to assess people.
"""

# Of the file that examples/teacher/imdb makes.
_TEACHER = """
It was fitted to the labels of people and also to the probabilities that larger models give to its training texts. One
of them is a *pretrained* transformer, so part of what it knows comes from text outside the data set.
`examples/teacher/imdb` has the tools that made them; the test reviews were not read. The teacher has seen the labels of
all training reviews, so cross-validation and the calibration error look a little better than they are.
"""


def with_cards(page: str, paths: list[Path]) -> str:
    """Replace what is below `MARKER` in a page by the cards of some text-in model files."""
    by_hand, marker, _ = page.partition(MARKER)
    if not marker:
        raise ValueError(f"exported/README.md: the line {MARKER!r} is missing")
    return f"{by_hand}{marker}\n{''.join(map(model_card, paths))}"


def model_card(path: Path) -> str:
    """Write the card of one model, in Markdown."""
    facts = ModelFile.load(path).facts
    negative, positive = facts.labels
    weights = ""
    if facts.quantization is not None:
        weights = f"| weights | {quantization_line(facts.quantization)} |\n"
    return _CARD.format(
        preset=facts.preset,
        negative=negative,
        positive=positive,
        threshold=threshold_line(facts.threshold, facts.threshold_choice),
        max_tokens=facts.max_tokens,
        vocabulary_size=facts.vocabulary_size,
        size=path.stat().st_size / 1e6,
        twin_size=path.with_suffix(".ids.onnx").stat().st_size / 1e6,
        quantization=weights,
        data=_table(data_rows(facts.data)),
        metrics=_table(metric_rows(facts.metrics)),
        calibration=calibration_line(facts.calibration),
        parity=parity_line(facts),
        format_version=facts.format_version,
        toolkit_version=facts.toolkit_version,
        teacher=_TEACHER if facts.data.teachers else "",
    )


def _table(rows: Iterable[Row]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in rows)

"""Model cards, from what the model files say of themselves.

Run as ``python -m toolkit.export.card MODEL...``, it prints the cards as one Markdown page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from toolkit.model.fact_lines import (
    Row,
    calibration_line,
    data_rows,
    metric_rows,
    parity_line,
    quantization_line,
    threshold_line,
)
from toolkit.model.file import ModelFile
from toolkit.model.shipped import DEFAULT_MODEL

_PAGE = """# Shipped models

Each `NAME.onnx` takes raw review text in any stock ONNX Runtime. `NAME.ids.onnx` takes token ids, with the words in
`NAME.vocabulary.txt`, for builds without operators for text; `NAME.keras` is the Keras network that the file was proven against.
`make models` trains and exports them again. `--model NAME` takes each by its name; without it, `{default}` is used.
This page is generated from the metadata of the files.
"""

# As pages of models have it elsewhere; true of every model here.
_FRONT_MATTER = """---
language: en
license: mit
library_name: onnx
pipeline_tag: text-classification
tags: [sentiment-analysis, movie-reviews, onnxruntime, keras]
datasets: [stanfordnlp/imdb]
---

"""

_HOW_TO_USE = """
## How to use

```sh
toolkit score reviews.csv --model NAME.onnx
toolkit info NAME.onnx  # all that the file says of itself, and where it runs
```

```python
import numpy as np
import onnxruntime as ort

session = ort.InferenceSession("NAME.onnx")
texts = np.array(["A fine film."], dtype=object)
label, probability = session.run(["label", "probability"], {"text": texts})
```

**To test a runtime or a tokenizer**, `golden.jsonl` says what each model gives for some 200 texts, from plain reviews
to empty ones, every separator, NUL, emoji and 10,000 words. One JSON object a line, all ASCII: the `name` of the case,
its `text`, and under `models`, by NAME, `token_ids` (the last that are kept, without the padding in front),
`probability` and `label`. What you test agrees if ids and labels are equal and no probability is off by more than 1e-6.
The ids come from the rule in `toolkit/text/vocabulary.py`, the probabilities from Keras; ONNX Runtime had no part in them. Blank
texts are among them, though `toolkit score` gives them no score. `toolkit export RUN --golden` writes such a file for
a model of yours.
"""

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

It knows English only, and film reviews best: words that mean something else elsewhere mislead it. It reads
no irony and little negation, and of a review of more than {max_tokens} tokens only the end. There is no class for
neutral or mixed reviews: its training data hold none.

### Biases

It has learned from what visitors of one web site wrote up to 2011, so names of people, countries and
genres carry the opinions of that time and place. Do not judge people by it.
"""

# Of the file that examples/teacher/imdb makes.
_TEACHER = """
It was fitted not to the labels of people alone, but also to the probabilities that larger models give to its training
texts. One of them is a *pretrained* transformer, so that part of what it knows comes from text outside the data set.
`examples/teacher/imdb` has the tools that made them; the test reviews were not read. As the teacher has seen the labels
of all training reviews, cross-validation and the calibration error look a little better than they are.
"""


def model_page(paths: list[Path]) -> str:
    """Write the page of the shipped models.

    Parameters
    ----------
    paths : list[Path]
        Text-in model files, with their twins beside them.

    Returns
    -------
    str
        Markdown.
    """
    page = _FRONT_MATTER + _PAGE.format(default=DEFAULT_MODEL) + _HOW_TO_USE
    return page + "".join(model_card(path) for path in paths)


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


if __name__ == "__main__":
    sys.stdout.write(model_page([Path(name) for name in sys.argv[1:]]))

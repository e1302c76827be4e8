"""The card of a model for the Hugging Face Hub: README.md, from what the model file says."""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.export.hub.metadata import front_matter, metadata_of
from toolkit.files.checksums import CHECKSUMS
from toolkit.model.facts.model_facts import ModelFacts
from toolkit.model.facts.release_facts import Release
from toolkit.model.info.fact_lines import (
    Row,
    calibration_line,
    data_rows,
    metric_rows,
    parity_line,
    quantization_line,
    star_rows,
    threshold_line,
)

MODEL, TWIN, WORDS = "model.onnx", "model.ids.onnx", "model.vocabulary.txt"
GOLDEN, CARD, ATTRIBUTES = "model.golden.jsonl", "README.md", ".gitattributes"

# What the files of a folder are; the card does not describe itself and the attributes.
_DESCRIBED = {
    MODEL: "the model: review texts in, answers out",
    TWIN: "the same network from token ids on, for runtimes without strings",
    WORDS: "the words of the model, one per line; the first has the token id 4",
    GOLDEN: "what the model gives for some 200 texts, to test other runtimes with",
    CHECKSUMS: "the checksums of these files: `sha256sum -c SHA256SUMS`",
}
FILES = (*_DESCRIBED, CARD, ATTRIBUTES)

_CARD = """
# {title}

{use}

This is one ONNX file that takes review texts as they are: tokenizer, vocabulary and calibration are
inside. It runs in any stock ONNX Runtime (Python, Node, C, C++, C#, Java, Rust, Go, web pages). It
is not a model of `transformers`: no pipeline loads it, and no tokenizer belongs to it.

## Use

```python
import numpy as np
import onnxruntime as ort

session = ort.InferenceSession("model.onnx")
texts = ["A fine film, superbly acted.", "Dull, and a waste of time."]
names = ["label", "probability", "known_tokens"]
label, probability, known_tokens = session.run(names, {{"text": np.array(texts, dtype=object)}})
print([str(each) for each in label], probability.round(3))
```

Get the file with `hf_hub_download("OWNER/NAME", "model.onnx")` of the package `huggingface_hub`.
For files of reviews, the toolkit that made it is faster: `toolkit score reviews.csv -m model.onnx`.

- `label`: `{negative}` or `{positive}`; `probability`: of `{positive}`, 0 to 1; `known_tokens`: how
  many words of a text the model knows. Where that is 0, the answer means nothing.{stars}
- A text is a string, never null: in Python, `None` and `nan` would be read as words.
- The last {max_tokens} tokens of a text are read.

## Files

| file | what it is |
|---|---|
{files}

## Model

| | |
|---|---|
{model}

## Training data

| | |
|---|---|
{data}
{data_sets}
## Evaluation

| | |
|---|---|
{metrics}

## Limits

{limits}It answers positive or negative, also for texts that are neither, and for texts that are no
reviews. It understands some negation, but not all, and no irony. Reviews hold the opinions of their
time and place on people, places and brands; the model has learned them, too. Measure it on your own
labelled reviews before you rely on it.
"""
_STARS = "\n- There is one more output, `stars`: 1.0 to 5.0, the mean of what such reviews give."


def hub_card(facts: ModelFacts, more: str = "") -> str:
    """Write the card of a model; `more` is added at its end."""
    release = facts.release
    title = release.model_name or "Sentiment of reviews"
    rows = [row for row in release.rows() if row[0] != "intended use"]
    quantized = [] if facts.quantization is None else [quantization_line(facts.quantization)]
    domain = "" if release.domain is None else f"It was made for {release.domain}. "
    card = _CARD.format(
        title=title,
        use=release.intended_use or "Sorts reviews into positive and negative.",
        negative=facts.labels[0],
        positive=facts.labels[1],
        stars="" if facts.stars is None else _STARS,
        max_tokens=f"{facts.max_tokens:,}",
        files="\n".join(f"| `{name}` | {what} |" for name, what in _DESCRIBED.items()),
        model=_table(
            [
                *rows,
                ("network", f"preset `{facts.preset}` of the toolkit, {facts.toolkit_version}"),
                ("threshold", threshold_line(facts.threshold, facts.threshold_choice)),
                ("calibration", calibration_line(facts.calibration)),
                *star_rows(facts.stars, facts.neutral),
                *(("weights", line) for line in quantized),
                ("parity", parity_line(facts)),
                ("format", f"version {facts.format_version}, token rule {facts.token_rule}"),
            ]
        ),
        data=_table(data_rows(facts.data)),
        data_sets=_data_sets(release),
        metrics=_table(metric_rows(facts.metrics)) or "| | not measured |",
        limits=domain,
    )
    return front_matter(metadata_of(facts)) + card + more


def _data_sets(release: Release) -> str:
    """List the data sets with the terms that each states."""
    if not release.data_sets:
        return ""
    rows = (
        " | ".join(map(_cell, (each.name, each.origin or "", each.terms)))
        for each in release.data_sets
    )
    head = ("", "| data set | published as | its terms, as stated |", "|---|---|---|")
    return "\n".join([*head, *(f"| {row} |" for row in rows), ""])


def _table(rows: Iterable[Row]) -> str:
    return "\n".join(f"| {_cell(name)} | {_cell(value)} |" for name, value in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

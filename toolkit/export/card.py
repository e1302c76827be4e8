"""Model cards, from what the model files say of themselves.

Run as ``python -m toolkit.export.card MODEL...``, it prints the cards as one Markdown page.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from toolkit.model_file import ModelFacts, ModelFile

_PAGE = """# Shipped models

Each `NAME.onnx` takes raw review text in any stock ONNX Runtime. `NAME.ids.onnx` takes token ids, with the words in
`NAME.vocabulary.txt`, for builds without strings; `NAME.keras` is the network as Keras trained it.
`make models` trains and exports them again. This page is generated from the metadata of the files.

**To test a runtime or a tokenizer**, `golden.jsonl` says what each model gives for some 200 texts, from plain reviews
to empty ones, every separator, NUL, emoji and 10,000 words. One JSON object a line, all ASCII: the `name` of the case,
its `text`, and under `models`, by NAME, `token_ids` (the last that are kept, without the padding in front),
`probability` and `label`. What you test agrees if ids and labels are equal and no probability is off by more than 1e-6.
The ids come from the rule in `toolkit/text.py`, the probabilities from Keras; ONNX Runtime had no part in them. Blank
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
| parameters | {parameters:,} |
| size | {size:.2f} MB (ids-in twin: {twin_size:.2f} MB) |
| trained on | {data} |
| accuracy | {metrics} |
| calibration | {calibration} |
| Keras against ONNX | {parity} |
| format | version {format_version}, written by toolkit {toolkit_version} |

**Intended use.** Sorting English reviews of films into positive and negative, in bulk or inside an application.

**Limits.** It knows English only, and film reviews best: words that mean something else elsewhere mislead it. It reads
no irony, little negation, and nothing before the last {max_tokens} tokens. There is no class for neutral or mixed
reviews: its training data hold none.

**Biases.** It has learned from what visitors of one web site wrote up to 2011, so names of people, countries and
genres carry the opinions of that time and place. Do not judge people by it.

**Data.** Large Movie Review Dataset (Maas et al., Learning Word Vectors for Sentiment Analysis, ACL 2011), for research
use; it is not part of this project.
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
    return _PAGE + "".join(model_card(path) for path in paths)


def model_card(path: Path) -> str:
    """Write the card of one model, in Markdown."""
    facts = ModelFile.load(path).facts
    negative, positive = facts.labels
    return _CARD.format(
        preset=facts.preset,
        negative=negative,
        positive=positive,
        threshold=_threshold(facts),
        max_tokens=facts.max_tokens,
        vocabulary_size=facts.vocabulary_size,
        parameters=facts.metrics.get("parameters", 0),
        size=path.stat().st_size / 1e6,
        twin_size=path.with_suffix(".ids.onnx").stat().st_size / 1e6,
        data=_data(facts.data),
        metrics=_metrics(facts.metrics),
        calibration=_calibration(facts.calibration),
        parity=_parity(facts),
        format_version=facts.format_version,
        toolkit_version=facts.toolkit_version,
    )


def _data(data: dict[str, Any]) -> str:
    count = f"{data['reviews']:,} labelled reviews" if "reviews" in data else "reviews"
    return (
        f"{count}, {data.get('source', 'source unknown')} (SHA-256 {data.get('sha256', '?')[:16]}…)"
    )


def _metrics(metrics: dict[str, Any]) -> str:
    found = []
    if "folds" in metrics:
        folds = metrics["folds"]
        accuracy = folds["accuracy"]
        found.append(
            f"{accuracy['mean']:.2%} ± {accuracy['deviation']:.2%} in cross-validation "
            f"({len(folds['each'])} folds, split {folds['split']})"
        )
    if "validation" in metrics:
        validation = metrics["validation"]
        found.append(f"{validation['accuracy']:.2%} on {validation['reviews']:,} held-out reviews")
    if "test" in metrics:
        test = metrics["test"]
        found.append(f"**{test['accuracy']:.2%}** on {test['reviews']:,} test reviews")
    return "; ".join(found) or "not measured"


def _calibration(calibration: dict[str, Any]) -> str:
    if not calibration:
        return "none: its probabilities are not calibrated"
    found = [f"logit · {calibration['scale']:.3f} {calibration['bias']:+.3f}"]
    if "fitted_on" in calibration:
        found[0] += f", fitted on {calibration['fitted_on']:,} held-out reviews"
    if "error" in calibration:
        found.append(f"expected calibration error {calibration['error']:.4f} on reviews left out")
    if "error_before" in calibration:
        found.append(f"{calibration['error_before']:.4f} without")
    return "; ".join([*found, *filter(None, [calibration.get("note")])])


def _threshold(facts: ModelFacts) -> str:
    chosen = facts.threshold_choice.get("chosen", "default")
    return f"{facts.threshold}" if chosen == "default" else f"{facts.threshold} ({chosen})"


def _parity(facts: ModelFacts) -> str:
    parity = facts.parity
    return (
        f"{parity['reviews']:,} reviews and {parity['edge_texts']} edge texts: largest difference "
        f"{parity['largest_difference']:.1e}, {parity['label_flips']} label flips"
    )


if __name__ == "__main__":
    sys.stdout.write(model_page([Path(name) for name in sys.argv[1:]]))

"""The metadata of a model card of the Hugging Face Hub: the YAML at the start of its README.md.

https://github.com/huggingface/hub-docs/blob/main/modelcard.md has the conventions. What a model
file does not say is left out: the Hub shows what is there as facts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from toolkit.model.facts.model_facts import ModelFacts, Scores

# The Hub's names of licences, by their SPDX names where those differ in more than the case.
LICENCES = {
    **{
        each.lower(): each.lower()
        for each in (
            *("MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "ISC"),
            *("MPL-2.0", "Unlicense", "CC0-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0"),
            *("CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0", "CC-BY-NC-2.0"),
            *("CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0"),
            *("CC-BY-NC-SA-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0", "CDLA-Sharing-1.0"),
            *("CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "AFL-3.0", "Artistic-2.0"),
            *("BSL-1.0", "ECL-2.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2", "LPPL-1.3c"),
            *("MS-PL", "NCSA", "OFL-1.1", "OSL-3.0", "PostgreSQL", "WTFPL", "Zlib"),
        )
    },
    **{
        f"{name}{kind}": name
        for name in ("gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0")
        for kind in ("", "+", "-only", "-or-later")  # the first two are old names
    },
    "odbl-1.0": "odbl",
    "odc-by-1.0": "odc-by",
    "pddl-1.0": "pddl",
}
_TAGS = ["sentiment-analysis", "reviews", "onnx", "onnxruntime"]
_HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)  # of a data set: owner/name
_HUB_METRICS = {"accuracy"}  # of those that are measured, what the Hub has a page of
_TASK = {"type": "text-classification", "name": "Sentiment of reviews"}
_DECIMALS = 4
_NOT_PRINTED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def metadata_of(facts: ModelFacts) -> dict[str, Any]:
    """Give the metadata by their keys, in the order of the card."""
    results = [*_results(facts)]
    metrics = {each["type"] for result in results for each in result["metrics"]}
    release = facts.release
    found: dict[str, Any] = {
        # As the Hub has it, a language without its region.
        "language": release.language and [release.language.partition("-")[0].lower()],
        **_licence(release.licence),
        # It is no pipeline of transformers. The Hub would make such a claim, with a widget that
        # fails, from a config.json, or where it guesses the library.
        "library_name": "onnx",
        "inference": False,
        "pipeline_tag": _TASK["type"],
        "tags": _TAGS,
        "datasets": [each.name for each in release.data_sets or () if _HUB_ID.fullmatch(each.name)],
        "metrics": sorted(metrics & _HUB_METRICS),
        "model-index": results and [{"name": release.model_name or "model", "results": results}],
    }
    return {key: value for key, value in found.items() if value is False or value}


def front_matter(metadata: dict[str, Any]) -> str:
    """Write the metadata between two lines of dashes; all strings are quoted as in JSON."""
    return "---\n" + "".join(f"{line}\n" for line in _yaml(metadata)) + "---\n"


def _licence(licence: str | None) -> dict[str, str]:
    if licence is None:
        return {}
    known = LICENCES.get(licence.lower())
    if known is not None:
        return {"license": known}
    return {"license": "other", "license_name": licence.lower().replace(" ", "-")}


def _results(facts: ModelFacts) -> Iterator[dict[str, Any]]:
    """Give what was measured, in the form of a model index."""
    data = facts.data
    of_validation = data.validation.source if data.validation else data.source
    for kind, scores, source in (
        ("cross-validated", _cross_validated(facts), data.source),
        ("held-out", facts.metrics.validation, of_validation),
        ("test", facts.metrics.test, data.test.source if data.test else None),
    ):
        if scores is None or not (metrics := [*_metrics(scores)]):
            continue
        reviews = "reviews" if scores.reviews is None else f"{scores.reviews:,} reviews"
        name = f"{reviews}, {kind} ({source})" if source else f"{reviews}, {kind}"
        data_set = {"type": f"{kind}-reviews", "name": name, "split": kind}
        yield {"task": _TASK, "dataset": data_set, "metrics": metrics}


def _cross_validated(facts: ModelFacts) -> Scores | None:
    """Give the means over folds, of an adaptation those of the way that was kept."""
    folds, adaptation = facts.metrics.folds, facts.metrics.adaptation
    if adaptation is not None:
        for each in adaptation.candidates:
            if each.name == adaptation.kept:
                balanced = each.balanced_accuracy
                return Scores(
                    each.loss, each.accuracy, facts.data.reviews, balanced_accuracy=balanced
                )
    if folds is None:
        return None
    spread = folds.balanced_accuracy
    balanced = None if spread is None else spread.mean
    return Scores(folds.loss.mean, folds.accuracy.mean, balanced_accuracy=balanced)


def _metrics(scores: Scores) -> Iterator[dict[str, Any]]:
    for key, name in (
        ("accuracy", "Accuracy"),
        ("balanced_accuracy", "Balanced accuracy"),
        ("loss", "Log loss"),
    ):
        value = getattr(scores, key)
        if value is not None:
            yield {"type": key, "name": name, "value": round(value, _DECIMALS)}


def _yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Write an object or a list in blocks."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield f"{indent}{key}:"
                yield from _yaml(item, indent + "  ")
            else:
                yield f"{indent}{key}: {_scalar(item)}"
        return
    for item in value:
        if isinstance(item, dict):
            first, *others = _yaml(item, indent + "  ")
            yield f"{indent}- {first.strip()}"
            yield from others
        else:
            yield f"{indent}- {_scalar(item)}"


def _scalar(value: Any) -> str:
    """Write it as JSON, which is YAML, too, where what YAML does not print is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return _NOT_PRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
